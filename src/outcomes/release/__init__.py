"""Releases: build, publish, open, codebook, explain, status."""
