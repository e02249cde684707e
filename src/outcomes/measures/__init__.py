"""Shares and counts over labels, by site and year, and the form of them that may be shown."""
