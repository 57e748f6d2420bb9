"""Thresholds: one kind a file; each takes draws (or a size) and returns a Threshold."""
