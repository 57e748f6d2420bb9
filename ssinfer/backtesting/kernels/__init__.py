"""Array kernels of the backtest."""
