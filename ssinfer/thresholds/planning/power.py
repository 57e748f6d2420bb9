"""Operating characteristics without data: what a gate pays, by size, years, shocks and sharing base."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from ssinfer.level import check_level
from ssinfer.thresholds.planning.simulated_contracts import DRAWS, payments_of, simulate_errors, simulate_looks

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ssinfer.thresholds.planning.scenario import Scenario


def power_table(
    scenario: Scenario,
    insured: Sequence[float] = (500, 1_000, 5_000, 10_000, 20_000, 50_000, 100_000, 500_000),
    years: Sequence[int] = (1, 2, 3, 4, 5),
    savings: Sequence[float] = (0.01, 0.02, 0.03, 0.05, 0.10),
    *,
    simulated: int = 0,
    seed: int = 1,
) -> pd.DataFrame:
    """Return operating characteristics over sizes and performance years.

    Parameters
    ----------
    scenario : Scenario
        Its `insured` and `years` are replaced.
    insured, years, savings : sequences
    simulated : int
        Contracts simulated year by year in each cell (shares paid and bonus are then theirs, with a binomial Monte
        Carlo error); 0 for the formulas.
    seed : int
        Of the simulation.

    Returns
    -------
    pandas.DataFrame
        insured, years, standard_error, threshold, false_payment_rate, detection_rate_{s}, detectable (power 80%),
        undeserved_bonus (expected, share of the benchmark, true saving 0).

    Examples
    --------
    >>> from ssinfer.thresholds.planning.scenario import Scenario
    >>> table = power_table(Scenario(insured=1, gate="schedule"), insured=[5000], years=[1])
    >>> table[["standard_error", "threshold", "false_payment_rate"]].round(3).values.tolist()
    [[0.03, 0.039, 0.098]]
    """
    rows = []
    for n in insured:
        for span in years:
            one = replace(scenario, insured=n, years=span)
            if simulated:
                errors = simulate_errors(one, np.random.default_rng([seed, int(n), span]), simulated)
                paid, bonus = zip(*(payments_of(one, errors + saving) for saving in (0.0, *savings)), strict=True)
            else:
                paid = tuple(one.paid(saving) for saving in (0.0, *savings))
                bonus = (one.expected_bonus(0.0),)
            row = {
                "insured": n,
                "years": span,
                "standard_error": one.standard_error,
                "threshold": one.threshold,
                "false_payment_rate": paid[0],
            }
            row |= {f"detection_rate_{100 * saving:g}": found for saving, found in zip(savings, paid[1:], strict=True)}
            rows.append({**row, "detectable": one.detectable(), "undeserved_bonus": bonus[0]})
    return pd.DataFrame(rows)


def insured_needed(scenario: Scenario, saving: float, power: float = 0.8) -> float:
    """Return the insured needed to find a true savings rate with probability `power`; infinite if no size does.

    A group shock does not shrink with size: below z(level) + z(power) times its error no number of insured is enough.
    """
    check_level(power, "power")
    low, high = 1.0, 1e9
    if replace(scenario, insured=high).paid(saving) < power:
        return float("inf")
    for _ in range(100):
        middle = float(np.sqrt(low * high))
        low, high = (low, middle) if replace(scenario, insured=middle).paid(saving) >= power else (middle, high)
    return high


def overall_false_payments(
    scenario: Scenario, table: pd.DataFrame, looks: int = 4, *, contracts: int = DRAWS, seed: int = 1
) -> pd.DataFrame:
    """Return a power table with `false_payment_rate_looks`: the share of null contracts paid at any look.

    Parameters
    ----------
    scenario : Scenario
    table : DataFrame
        Of :func:`power_table` for the same scenario.
    looks : int
        Looks a year, over each row's performance years.
    """
    found = []
    for n, span in zip(table["insured"], table["years"], strict=True):
        one = replace(scenario, insured=n, years=int(span))
        rng = np.random.default_rng([seed, int(n), int(span)])
        found.append(float(simulate_looks(one, rng, looks, contracts)["paid_by_look"].iloc[-1]))
    place = table.columns.get_loc("false_payment_rate")
    assert isinstance(place, int)  # noqa: S101  (for the type checker: column names are unique)
    out = table.copy()
    out.insert(place + 1, "false_payment_rate_looks", found)
    return out
