"""The review queue: what a site's team made of its signals."""
