"""Disclosure control: no published number, and no sum of them, tells of a few patients."""
