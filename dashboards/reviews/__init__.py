"""What a site's team made of its signals and charts: the review queue, and notes."""
