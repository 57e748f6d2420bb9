"""Backtests: fits of placebo units in historical windows, where the true saving is zero or injected."""
