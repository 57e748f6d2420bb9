"""Import path of version 0.1.0; see :mod:`ssinfer.benchmarks.matched.method`."""

from ssinfer.benchmarks.matched.method import PropensityMatching

__all__ = ["PropensityMatching"]
