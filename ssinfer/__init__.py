"""ssinfer: causal inference on shared-savings contracts in health care.

A benchmark is a function from data and a design to draws of the spending that would have occurred
without the contract; everything after it (savings, thresholds, settlement, backtest, report) is
arithmetic on those draws.

The names below are loaded when they are first used: ``import ssinfer`` itself pulls in nothing heavy.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

_HOME = {
    "Panel": "ssinfer.panel",
    "Design": "ssinfer.design",
    "Counterfactual": "ssinfer.counterfactual",
    "Savings": "ssinfer.counterfactual",
    "Threshold": "ssinfer.thresholds.threshold",
    "confidence_threshold": "ssinfer.thresholds.confidence",
    "credible_threshold": "ssinfer.thresholds.credible",
    "expected_loss_threshold": "ssinfer.thresholds.expected_loss",
    "Prior": "ssinfer.thresholds.prior",
    "Scenario": "ssinfer.thresholds.scenario",
    "power_table": "ssinfer.thresholds.power",
    "insured_needed": "ssinfer.thresholds.power",
    "simulate_looks": "ssinfer.thresholds.simulated_contracts",
    "minimum_detectable_saving": "ssinfer.thresholds.detectable",
    "power_of_gate": "ssinfer.thresholds.detectable",
    "calibrated_threshold": "ssinfer.thresholds.calibrated",
    "placebo_threshold": "ssinfer.thresholds.placebo",
    "schedule_threshold": "ssinfer.thresholds.schedule",
    "compare_thresholds": "ssinfer.thresholds.compare",
    "Cohort": "ssinfer.cohort",
    "Contract": "ssinfer.contracts.contract",
    "load_contract": "ssinfer.contracts.contract",
    "settle": "ssinfer.contracts.settle",
    "settle_years": "ssinfer.contracts.years",
    "shipped_contracts": "ssinfer.contracts.contract",
    "Settlement": "ssinfer.contracts.settlement",
    "Benchmark": "ssinfer.plugins.protocol",
    "check_benchmark": "ssinfer.plugins.conformance",
    "choose_design": "ssinfer.backtesting.choice",
    "noise_components": "ssinfer.backtesting.noise",
    "calibrate": "ssinfer.thresholds.calibration",
    "backtest": "ssinfer.backtesting.run",
    "AdministrativeBenchmark": "ssinfer.benchmarks.administrative",
    "SyntheticControl": "ssinfer.benchmarks.synthetic_control",
    "AugmentedSyntheticControl": "ssinfer.benchmarks.augmented_synthetic_control",
    "SyntheticDiD": "ssinfer.benchmarks.synthetic_did",
    "HierarchicalBenchmark": "ssinfer.benchmarks.hierarchical",
    "StackedBenchmark": "ssinfer.benchmarks.stacking",
    "PropensityMatching": "ssinfer.benchmarks.propensity_matching",
}
_MODULES = ("claims", "comparison", "datasets", "errors")

__all__ = ["__version__", *_HOME, *_MODULES]  # noqa: PLE0604  (built from the table above)


def __getattr__(name: str) -> Any:
    value: Any
    if name in _HOME:
        value = getattr(importlib.import_module(_HOME[name]), name)
    elif name in _MODULES:
        value = importlib.import_module(f"ssinfer.{name}")
    else:
        message = f"module 'ssinfer' has no attribute {name!r}"
        raise AttributeError(message)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)


if TYPE_CHECKING:
    from ssinfer import claims as claims
    from ssinfer import comparison as comparison
    from ssinfer import datasets as datasets
    from ssinfer import errors as errors
    from ssinfer.backtesting.choice import choose_design as choose_design
    from ssinfer.backtesting.noise import noise_components as noise_components
    from ssinfer.backtesting.run import backtest as backtest
    from ssinfer.benchmarks.administrative import AdministrativeBenchmark as AdministrativeBenchmark
    from ssinfer.benchmarks.augmented_synthetic_control import AugmentedSyntheticControl as AugmentedSyntheticControl
    from ssinfer.benchmarks.hierarchical import HierarchicalBenchmark as HierarchicalBenchmark
    from ssinfer.benchmarks.propensity_matching import PropensityMatching as PropensityMatching
    from ssinfer.benchmarks.stacking import StackedBenchmark as StackedBenchmark
    from ssinfer.benchmarks.synthetic_control import SyntheticControl as SyntheticControl
    from ssinfer.benchmarks.synthetic_did import SyntheticDiD as SyntheticDiD
    from ssinfer.cohort import Cohort as Cohort
    from ssinfer.contracts.contract import Contract as Contract
    from ssinfer.contracts.contract import load_contract as load_contract
    from ssinfer.contracts.contract import shipped_contracts as shipped_contracts
    from ssinfer.contracts.settle import settle as settle
    from ssinfer.contracts.settlement import Settlement as Settlement
    from ssinfer.contracts.years import settle_years as settle_years
    from ssinfer.counterfactual import Counterfactual as Counterfactual
    from ssinfer.counterfactual import Savings as Savings
    from ssinfer.design import Design as Design
    from ssinfer.panel import Panel as Panel
    from ssinfer.plugins.conformance import check_benchmark as check_benchmark
    from ssinfer.plugins.protocol import Benchmark as Benchmark
    from ssinfer.thresholds.calibrated import calibrated_threshold as calibrated_threshold
    from ssinfer.thresholds.calibration import calibrate as calibrate
    from ssinfer.thresholds.compare import compare_thresholds as compare_thresholds
    from ssinfer.thresholds.confidence import confidence_threshold as confidence_threshold
    from ssinfer.thresholds.credible import credible_threshold as credible_threshold
    from ssinfer.thresholds.detectable import minimum_detectable_saving as minimum_detectable_saving
    from ssinfer.thresholds.detectable import power_of_gate as power_of_gate
    from ssinfer.thresholds.expected_loss import expected_loss_threshold as expected_loss_threshold
    from ssinfer.thresholds.placebo import placebo_threshold as placebo_threshold
    from ssinfer.thresholds.power import insured_needed as insured_needed
    from ssinfer.thresholds.power import power_table as power_table
    from ssinfer.thresholds.prior import Prior as Prior
    from ssinfer.thresholds.scenario import Scenario as Scenario
    from ssinfer.thresholds.schedule import schedule_threshold as schedule_threshold
    from ssinfer.thresholds.simulated_contracts import simulate_looks as simulate_looks
    from ssinfer.thresholds.threshold import Threshold as Threshold
