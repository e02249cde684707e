"""What is defined: labels, measures and marts, read from the files that declare them."""
