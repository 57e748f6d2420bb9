"""Advice of a study for the next contract: its specifications at its stated level, and the target saving of each."""

from collections.abc import Sequence
from dataclasses import replace

import pandas as pd

from ssinfer.backtesting.advice import Advice, AdviceRule, advise, candidates
from ssinfer.backtesting.result import BacktestResult
from ssinfer.errors import RefusalError
from ssinfer.input_table import natural_order
from ssinfer.study.pair_outcome import PairOutcome, with_common_blocks
from ssinfer.study.plan import Plan

#: Methods in the order of simplicity; those of other packages come last, by name.
SIMPLEST_FIRST = (
    *("AdministrativeBenchmark", "SyntheticControl", "SyntheticDiD", "AugmentedSyntheticControl"),
    *("PropensityMatching", "RiskAdjustedBenchmark", "HierarchicalBenchmark", "StackedBenchmark"),
)


def advice_of(plan: Plan, result: BacktestResult | None, pairs: Sequence[PairOutcome]) -> tuple[Advice | None, str]:
    """Return the advice for the next contract; or None, and why there is none. No sensitivity design is advised."""
    if result is None:
        return None, "No backtest was run, so there is no advice for the next contract."
    config, main = plan.config, plan.config.main_design.threshold
    outcome_of: dict[tuple[str, str], PairOutcome] = {}
    for pair in pairs:
        outcome_of.setdefault((pair.design.fit, pair.method), pair)
    rule = AdviceRule(**config.advice.model_dump())
    rule = rule if main is None else replace(rule, level=main.level, side=main.key.side)
    if outcome_of:  # the data have insured-years, so that all designs are on one scale
        at = f"own_saving {plan.evenly} {rule.target_saving:g}"
        own = [pair.columns[at].where(pair.columns["settled"] > 0) for pair in outcome_of.values()]
        result = replace(result, placebos=with_common_blocks(plan, result.placebos).assign(own_saving=pd.concat(own)))
    place = {name: number for number, name in enumerate(SIMPLEST_FIRST)}
    class_of = {part.label: part.method for part in config.method}
    labels = sorted(natural_order(class_of), key=lambda label: place.get(class_of[label], len(place)))
    by_name = {design.name: design for design in config.designs if not design.sensitivity}
    names = sorted(natural_order(by_name), key=lambda name: name != config.main_design.name)  # today's is the simplest
    parts = [
        (
            design.fit,
            [method for method in design.methods if not outcome_of or (design.fit, method) in outcome_of],
            f"{design.population.name}; {design.spending.name}",
            None if design.threshold is None else design.threshold.key,
        )
        for design in map(by_name.__getitem__, names)
    ]
    try:
        return advise(result, rule, candidates(parts, labels, rule)), ""
    except RefusalError as error:
        return None, str(error)
