"""Advice of a study for the next contract: its specifications at its stated level, and the target saving of each."""

from collections.abc import Sequence
from dataclasses import replace

import pandas as pd

from ssinfer.backtesting.advice import Advice, AdviceRule, Specification, advise, keys_at
from ssinfer.backtesting.result import BacktestResult
from ssinfer.errors import RefusalError
from ssinfer.input_table import natural_order
from ssinfer.study.pair_outcome import PairOutcome, with_common_blocks
from ssinfer.study.plan import Plan
from ssinfer.thresholds.kind import KINDS

#: Methods in the order of simplicity; those of other packages come last, by name.
SIMPLEST_FIRST = (
    *("AdministrativeBenchmark", "SyntheticControl", "SyntheticDiD", "AugmentedSyntheticControl"),
    *("PropensityMatching", "HierarchicalBenchmark", "StackedBenchmark"),
)


def advice_of(plan: Plan, result: BacktestResult | None, pairs: Sequence[PairOutcome]) -> tuple[Advice | None, str]:
    """Return the advice for the next contract; or None, and the reason why there is none."""
    if result is None:
        return None, "No backtest was run, so there is no advice for the next contract."
    main = plan.config.main_design.threshold
    outcome_of: dict[tuple[str, str], PairOutcome] = {}
    for pair in pairs:
        outcome_of.setdefault((pair.design.fit, pair.method), pair)
    rule = AdviceRule(**plan.config.advice.model_dump())
    rule = rule if main is None else replace(rule, level=main.level, side=main.key.side)
    if outcome_of:  # the data have insured-years, so that all designs are on one scale
        even = next(name for name, scenario in plan.scenarios.items() if scenario.even)
        at = f"own_saving {even} {rule.target_saving:g}"
        own = [pair.columns[at].where(pair.columns["settled"] > 0) for pair in outcome_of.values()]
        result = replace(result, placebos=with_common_blocks(plan, result.placebos).assign(own_saving=pd.concat(own)))
    try:
        return advise(result, rule, _specifications(plan, rule, outcome_of)), ""
    except RefusalError as error:
        return None, str(error)


def _specifications(
    plan: Plan, rule: AdviceRule, outcome_of: "dict[tuple[str, str], PairOutcome]"
) -> list[Specification]:
    """Return each fit and method with each kind at the stated level and side, once; sensitivity designs never.

    Simplest are the first method of `SIMPLEST_FIRST`, then the first kind, then the design that settles today.
    """
    config, main = plan.config, plan.config.main_design
    place = {name: number for number, name in enumerate(SIMPLEST_FIRST)}
    class_of = {part.label: part.method for part in config.method}
    labels = sorted(natural_order(class_of), key=lambda label: place.get(class_of[label], len(place)))
    by_name = {design.name: design for design in config.designs if not design.sensitivity}
    found: dict[tuple[str, ...], Specification] = {}
    for number, name in enumerate(sorted(natural_order(by_name), key=lambda name: name != main.name)):
        design, threshold = by_name[name], by_name[name].threshold
        own = [] if threshold is None else [threshold.key]
        stated = [key for key in own if key.level is None or (key.level, key.side) == (rule.level, rule.side)]
        for method in design.methods:
            for key in [*keys_at(rule.level, rule.side), *stated]:
                order = labels.index(method), KINDS.find(key.kind).order, number
                each = Specification(
                    design.fit, method, key, f"{design.population.name}; {design.spending.name}", order
                )
                if not outcome_of or each.pair in outcome_of:
                    found.setdefault((*each.pair, key.column), each)
    return list(found.values())
