"""Checks of data before anything is fitted, and their findings in words."""
