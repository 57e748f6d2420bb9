"""Synthetic control methods: benchmarks that are weighted averages of donor units."""

from ssinfer.benchmarks.synthetic_control.augmented import AugmentedSyntheticControl as AugmentedSyntheticControl
from ssinfer.benchmarks.synthetic_control.classic import SyntheticControl as SyntheticControl
from ssinfer.benchmarks.synthetic_control.synthetic_did import SyntheticDiD as SyntheticDiD
