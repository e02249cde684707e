"""Statistics: numbers in, numbers out; no SQL, no files, no disclosure control."""
