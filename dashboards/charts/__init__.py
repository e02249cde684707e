"""Figures as plain dicts, and the one way a figure enters a page."""
