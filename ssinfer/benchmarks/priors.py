"""Prior constants that several families share."""

VOLATILITY_LOG_SD = 0.3  # prior SD of the log of a period's volatility
