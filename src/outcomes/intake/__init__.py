"""One submission in: manifest, screening, validation, quarantine, commit."""
