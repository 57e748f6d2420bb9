"""Ladder: what each available change does to today's threshold, and to the detection of the target saving."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from ssinfer.backtesting.result import BacktestResult
from ssinfer.study.case_thresholds import scenario_of
from ssinfer.study.compared_designs import difference
from ssinfer.study.frames import LADDER
from ssinfer.study.pair_outcome import PairOutcome
from ssinfer.study.plan import Plan
from ssinfer.thresholds.planning.power import insured_needed
from ssinfer.thresholds.planning.scenario import Scenario

MOST_YEARS = 10  # of performance, among which the years that are needed are looked for


def ladder(plan: Plan, result: BacktestResult, pairs: Sequence[PairOutcome]) -> pd.DataFrame:
    r"""Return `LADDER`: today's design, then each change of one block, from the highest threshold down.

    Measured changes are paired differences over the same placebos; sensitivity designs are no change that is available.
    Size and years are computed for independent normal noise, with k and :math:`\tau` of :func:`noise_components` on
    today's placebos: :math:`SE^2 = k^2/n + \tau^2` at n insured-years of a contract as long as today's. Another length
    follows :class:`Scenario`. Without such noise, or a level of today's threshold, nothing is computed.
    """
    today = next((pair for pair in pairs if (pair.design.name, pair.method) == plan.config.settling), None)
    if today is None:
        return LADDER.empty()
    even = next(name for name, scenario in plan.scenarios.items() if scenario.even)
    at = f"{even} {plan.config.advice.target_saving:g}"
    rows = list(_measured(today, pairs, f"detection_rate {at}"))
    if (now := _scenario(plan, result, today)) is not None:
        rows += _computed(now, today, at, plan.config.advice.detection)
    rows.sort(key=lambda row: (row["block"] != "", -np.nan_to_num(row["threshold"], nan=np.inf)))
    return LADDER.frame(rows)


def _measured(today: PairOutcome, pairs: Sequence[PairOutcome], found: str) -> Iterator[dict[str, Any]]:
    """Yield today's pair, and those that differ from it in one block; sharing leaves the threshold as it is."""
    own, *names = ({**p.design.names, "windows": p.design.windows, "method": p.method} for p in (today, *pairs))
    for pair, entries in zip(pairs, names, strict=True):
        changed = [block for block, entry in entries.items() if entry != own[block]]
        if pair is today or (len(changed) == 1 and changed != ["sharing"] and not pair.design.sensitivity):
            block = "".join(changed)
            row: dict[str, Any] = {"block": block, "entry": entries.get(block, ""), "source": "measured"}
            for name, column in (("threshold", "threshold_all"), ("detection_rate", found)):
                row |= {name: pair.mean(column), f"{name}_se": pair.error(column)}
                row |= difference(pair, today, name, column) if changed else {}
            yield row


def _scenario(plan: Plan, result: BacktestResult, today: PairOutcome) -> Scenario | None:
    """Return today's contract with the noise of its placebos, as large as in its baseline; None: see `ladder`."""
    panel, design = plan.data.panel_of(today.design.fit), plan.designs[today.design.fit]
    per_year = panel.timeline.per_year or 1
    if panel.insured_years is None:
        return None
    spans = design.baseline, design.performance
    baseline, performance = ([period for period in span if period not in design.masked] for span in spans)
    sizes = panel.insured_years[np.ix_(panel.rows(design.treated), panel.columns(baseline))]
    years, before = (max(1, round(len(span) / per_year)) for span in (performance, baseline))
    insured = float(np.nansum(sizes)) / len(baseline) * len(performance) / years
    return scenario_of(result.placebos.loc[today.rows.index], today.design.compared_by.key, insured, years, before)


def _computed(now: Scenario, today: PairOutcome, at: str, wanted: float) -> Iterator[dict[str, Any]]:
    """Yield twice as many insured and one more year, and the insured and years that find the saving as `wanted`."""
    share, saving = today.mean("share_of_spending"), today.mean(f"own_saving {at}")
    longer = [replace(now, years=years) for years in range(now.years + 1, MOST_YEARS + 1)]
    needed, double = insured_needed(now, saving, wanted), replace(now, insured=2 * now.insured)
    changes = [("size", "twice as many insured", double), *(("years", "one more year", each) for each in longer[:1])]
    changes += [("size", "insured needed", replace(now, insured=needed))] if np.isfinite(needed) else []
    changes += [("years", "years needed", each) for each in [now, *longer] if each.paid(saving) >= wanted][:1]
    for block, entry, each in changes:
        row = {"block": block, "entry": entry, "source": "computed", "insured": each.insured, "years": each.years}
        row |= {"threshold": share * each.threshold, "detection_rate": each.paid(saving)}
        row["threshold_difference"] = share * (each.threshold - now.threshold)
        yield {**row, "detection_rate_difference": each.paid(saving) - now.paid(saving)}
