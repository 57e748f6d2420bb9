"""What the commands print on the console: the look at the data, the designs of a study, and its results."""
