"""How SQL is run."""
