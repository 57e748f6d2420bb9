"""ssinfer: causal inference on shared-savings contracts in health care.

A benchmark is a function from data and a design to draws of the spending without the contract. Savings, thresholds,
settlement, backtest and report are arithmetic on those draws. The names below are loaded when they are first used.
"""

import lazy_loader as lazy

__getattr__, __dir__, __all__ = lazy.attach_stub(__name__, __file__)
