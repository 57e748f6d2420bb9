"""Backtest: the whole path, over historical windows and placebo units whose true saving is zero or injected."""
