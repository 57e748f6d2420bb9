"""Operating characteristics before there are data: payments of a threshold by size, years, shocks and sharing."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from ssinfer.arguments import MOST, Number, Several, checked
from ssinfer.level import check_level
from ssinfer.thresholds.planning.scenario import Scenario
from ssinfer.thresholds.planning.simulated_contracts import N_CONTRACTS, payments_of, simulate_errors, simulate_looks


@checked(simulated=Number(0, MOST, whole=True), savings=Several(Number(-1, 1, open=True)))
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
    scenario : Scenario whose `insured` and `years` are replaced
    insured, years : numbers of insured persons, and of performance years
    savings : true savings rates, as fractions of the benchmark
    simulated : number of contracts simulated per cell, for the shares paid and the bonus; 0 for formulas
    seed : random seed of the simulation

    Returns
    -------
    pandas.DataFrame with insured, years, standard_error, threshold, false_payment_rate, detection_rate_{s}, detectable
        (power 80%), undeserved_bonus (expected, share of the benchmark, true saving 0), expected_bonus_{s}

    Examples
    --------
    >>> import ssinfer as ss
    >>> table = power_table(ss.Scenario(insured=1, kind="schedule"), insured=[5000], years=[1])
    >>> table[["standard_error", "threshold", "false_payment_rate"]].round(3).values.tolist()
    [[0.03, 0.039, 0.098]]
    """
    rows = []
    for n in insured:
        for n_years in years:
            cell = replace(scenario, insured=n, years=n_years)
            if simulated:
                errors = simulate_errors(cell, np.random.default_rng([seed, int(n), n_years]), simulated)
                paid, bonus = zip(*(payments_of(cell, errors + saving) for saving in (0.0, *savings)), strict=True)
            else:
                paid = tuple(cell.paid(saving) for saving in (0.0, *savings))
                bonus = tuple(cell.expected_bonus(saving) for saving in (0.0, *savings))
            rows.append(
                {
                    "insured": n,
                    "years": n_years,
                    "standard_error": cell.standard_error,
                    "threshold": cell.threshold,
                    "false_payment_rate": paid[0],
                    **{f"detection_rate_{100 * s:g}": rate for s, rate in zip(savings, paid[1:], strict=True)},
                    "detectable": cell.detectable(),
                    "undeserved_bonus": bonus[0],
                    **{f"expected_bonus_{100 * s:g}": mean for s, mean in zip(savings, bonus[1:], strict=True)},
                }
            )
    return pd.DataFrame(rows)


@checked()
def insured_needed(scenario: Scenario, saving: float, power: float = 0.8) -> float:
    """Return the number of insured needed to detect a true savings rate with probability `power`.

    It is infinite if no size suffices: the group shock does not shrink with size.
    """
    check_level(power, "power")
    low, high = 1.0, 1e9
    if replace(scenario, insured=high).paid(saving) < power:
        return float("inf")
    for _ in range(100):
        middle = float(np.sqrt(low * high))
        low, high = (low, middle) if replace(scenario, insured=middle).paid(saving) >= power else (middle, high)
    return high


@checked()
def overall_false_payments(
    scenario: Scenario, table: pd.DataFrame, looks: int = 4, *, contracts: int = N_CONTRACTS, seed: int = 1
) -> pd.DataFrame:
    """Return a :func:`power_table` with `false_payment_rate_looks`: the share of null contracts paid at any look."""
    shares = []
    for n, n_years in zip(table["insured"], table["years"], strict=True):
        cell = replace(scenario, insured=n, years=int(n_years))
        rng = np.random.default_rng([seed, int(n), int(n_years)])
        shares.append(float(simulate_looks(cell, rng, looks, contracts)["paid_by_look"].iloc[-1]))
    out = table.copy()
    out.insert(list(table.columns).index("false_payment_rate") + 1, "false_payment_rate_looks", shares)
    return out
