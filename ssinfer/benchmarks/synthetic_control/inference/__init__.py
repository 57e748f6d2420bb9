"""Frequentist inference for synthetic control methods."""
