"""Sources: adapters that turn a foreign format into a submission."""
