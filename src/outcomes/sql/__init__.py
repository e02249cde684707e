"""What SQL is shipped, how it is read, and how it is run."""
