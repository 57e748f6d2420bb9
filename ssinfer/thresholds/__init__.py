"""Savings thresholds: the smallest measured saving that counts as real, one definition a file."""
