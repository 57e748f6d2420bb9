"""Ladder: what each available change does to today's threshold, and to the detection of the target saving."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import ndtr, ndtri

from ssinfer.backtesting.kernels.block_bootstrap import (
    BOOTSTRAP_REPLICATES,
    MIN_BLOCKS,
    MIN_KNOWN,
    spread_of_replicates,
)
from ssinfer.backtesting.result import BacktestResult
from ssinfer.study.case_thresholds import scenario_of, size_of_contract
from ssinfer.study.compared_designs import difference
from ssinfer.study.frames import LADDER
from ssinfer.study.pair_outcome import PairOutcome
from ssinfer.study.plan import Plan
from ssinfer.thresholds.planning.scenario import Scenario
from ssinfer.typing import Floats

MOST_YEARS, MOST_INSURED = 10, 1e9  # among which the years and insured that are needed are looked for
COMPUTED = ("threshold", "detection_rate", "threshold_difference", "detection_rate_difference")


def ladder(plan: Plan, result: BacktestResult, pairs: Sequence[PairOutcome]) -> pd.DataFrame:
    r"""Return `LADDER`: today's design, then each change of one block, from the highest threshold down.

    A threshold is the true saving of all spending, spread evenly, that measures it: all rows are at the same saving.

    Measured changes are paired differences over the same placebos; sensitivity designs are no change that is available.
    Size and years are computed for independent normal noise, with k and :math:`\tau` of :func:`noise_components` on
    today's placebos: :math:`SE^2 = k^2/n + \tau^2` at n insured-years of a contract as long as today's. Another length
    follows :class:`Scenario`. Without such noise, or a level of today's threshold, nothing is computed.

    Standard errors of computed rows are SDs over block-bootstrap replicates r of the same placebos, each with its own
    :math:`(k_r, \tau_r)`: of :math:`T_r = z\,SE_r` and :math:`\Phi(s / SE_r - z)` at the size and years of the row,
    paired for differences, and of the years that the replicate needs. That of the size that finds s with probability p,

    .. math:: n = k^2 / V, \quad V = s^2 / (z + z_p)^2 - \tau^2, \quad se(n)^2 = g'Cg, \quad g = (1 / V, k^2 / V^2),

    is by the delta method, with C the covariance of :math:`(k_r^2, \tau_r^2)`: near V = 0 the spread of the sizes
    themselves is that of a few replicates. The own saving s and the elasticity stay at their means. Where more
    than a tenth of the replicates have no such size or years, there is no error, and `no_error` says so.
    """
    today = next((pair for pair in pairs if (pair.design.name, pair.method) == plan.config.settling), None)
    if today is None:
        return LADDER.empty()
    at = f"{plan.evenly} {plan.config.advice.target_saving:g}"
    rows = list(_measured(today, pairs, f"detection_rate {at}"))
    if (noise := _scenario(plan, result, today)) is not None:
        rows += _computed(*noise, today, at, plan.config.advice.detection)
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


def _scenario(plan: Plan, result: BacktestResult, today: PairOutcome) -> tuple[Scenario, Floats] | None:
    """Return today's contract, as large as in its baseline, with the noise of its placebos; None: see `ladder`."""
    panel, design = plan.data.panel_of(today.design.fit), plan.designs[today.design.fit]
    if panel.insured_years is None:
        return None
    placebos = result.placebos.loc[today.rows.index].assign(block=today.rows["block"])
    return scenario_of(placebos, today.design.compared_by.key, *size_of_contract(panel, design), BOOTSTRAP_REPLICATES)


def _computed(now: Scenario, noise: Floats, today: PairOutcome, at: str, wanted: float) -> Iterator[dict[str, Any]]:
    """Yield twice as many insured and one more year, and the insured and years that find the saving as `wanted`."""
    falls, saving = today.mean("elasticity"), today.mean(f"own_saving {at}")
    z, n_blocks = now.threshold / now.standard_error, today.rows["block"].nunique()
    noise = np.vstack([(now.k, now.shock_sd), noise if len(noise) else (np.nan, np.nan)])  # today's, then replicates

    def parts(each: Scenario) -> tuple[Floats, Floats]:  # of its standard error: sampling and shock, (1 + R,)
        unit = replace(each, k=1.0, shock_sd=0.1)
        return noise[:, 0] * unit.sampling_error, noise[:, 1] * unit.shock_error / 0.1

    def figures(each: Scenario) -> Floats:  # threshold and detection rate, (2, 1 + R)
        error = np.hypot(*parts(each))
        return np.stack([z * error / falls, ndtr(saving / error - z)])

    by_years = [replace(now, years=years) for years in range(now.years, max(now.years, MOST_YEARS) + 1)]
    found = np.stack([figures(each)[1] >= wanted for each in by_years])
    years = np.where(found.any(axis=0), now.years + found.argmax(axis=0), np.inf)
    sampling, shock = (part**2 for part in parts(now))
    with np.errstate(divide="ignore", invalid="ignore"):
        room = np.divide(saving, max(z + ndtri(wanted), 0.0)) ** 2 - shock  # infinite if every size finds it
        slopes = 1 / room[0], sampling[0] / room[0] ** 2
        sizes = np.where(room > 0, now.insured * (sampling * slopes[0] + (shock - shock[0]) * slopes[1]), np.inf)
    changes: list[tuple[str, str, Scenario, dict[str, Floats]]] = [
        ("size", "twice as many insured", replace(now, insured=2 * now.insured), {}),
        *(("years", "one more year", each, {}) for each in by_years[1:2]),
    ]
    if 1.0 < sizes[0] <= MOST_INSURED:  # with less, the placebos show no noise that shrinks with size
        changes.append(("size", "insured needed", replace(now, insured=sizes[0]), {"insured": sizes}))
    if np.isfinite(years[0]):
        changes.append(("years", "years needed", replace(now, years=int(years[0])), {"years": years}))
    for block, entry, each, needed in changes:
        row = {"block": block, "entry": entry, "source": "computed", "insured": each.insured, "years": each.years}
        values = np.stack([*figures(each), *(figures(each) - figures(now)), *needed.values()])
        errors = spread_of_replicates(values[:, 1:].T, n_blocks)
        for name, value, error in zip((*COMPUTED, *needed), values[:, 0].tolist(), errors.tolist(), strict=False):
            row |= {name: value, f"{name}_se": error}
        why = f"more than {100 * (1 - MIN_KNOWN):.0f}% of the bootstrap replicates have no such {block}"
        why = f"the placebos lie in fewer than {MIN_BLOCKS} blocks of neighbours" if n_blocks < MIN_BLOCKS else why
        yield {**row, "no_error": "" if np.isfinite(errors).all() else why}
