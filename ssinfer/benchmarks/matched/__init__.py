"""Propensity-matched benchmark: persons compared with similar persons outside the contract."""

from ssinfer.benchmarks.matched.balance.limits import BalanceLimits as BalanceLimits
from ssinfer.benchmarks.matched.method import PropensityMatching as PropensityMatching
