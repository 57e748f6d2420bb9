"""Propensity-matched benchmark: persons compared with similar persons outside the contract."""
