"""Definitions and their run over the lake: episodes, labels, evidence."""
