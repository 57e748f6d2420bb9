"""ssinfer: causal inference on shared-savings contracts in health care.

A benchmark is a function from data and a design to draws of the spending that would have occurred
without the contract; everything after it (savings, thresholds, settlement, backtest, report) is
arithmetic on those draws.

The names below are loaded when they are first used: ``import ssinfer`` itself pulls in nothing heavy.
"""

import lazy_loader as lazy

__getattr__, __dir__, __all__ = lazy.attach_stub(__name__, __file__)
