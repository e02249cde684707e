"""Releases: build, publish, open, compare, codebook, explain, status."""
