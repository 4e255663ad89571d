"""What the program says of itself: topics, names of errors, completion scripts, the format of man pages."""
