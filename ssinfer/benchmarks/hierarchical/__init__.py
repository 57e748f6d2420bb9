"""Bayesian hierarchical benchmark: a Gaussian panel model with partial pooling, and its frequentist version."""

from ssinfer.benchmarks.hierarchical.breaks import Break as Break
from ssinfer.benchmarks.hierarchical.method import HierarchicalBenchmark as HierarchicalBenchmark
