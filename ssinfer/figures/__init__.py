"""One figure a file; each takes plain numbers and returns a matplotlib Figure."""
