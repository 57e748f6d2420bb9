r"""Savings by the growth of a comparison group in several populations of the same persons, with standard errors.

With y money and w insured-years of persons, arm a (0 contract, 1 comparison), stratum s and phase p (0 baseline, 1
performance), :math:`m_{asp} = \sum y / \sum w` and :math:`\pi_s`, the share of s in the contract's performance years,

.. math:: Y_{ap} = \sum_s \pi_s m_{asp}, \quad B = Y_{00} Y_{11} / Y_{10}, \quad S = B - Y_{01}, \quad r = S / B.

With one stratum Y is a plain mean. With strata of sex and age, every mean is that of the contract's population in the
performance period (direct standardisation), and :math:`Y_{01}` is still what was spent.

Assumption: without the contract, spending in each stratum would have grown as in the comparison group. Standard errors
are those of persons sampled one by one, all periods and definitions of a person together. A shock that hits the
contract group alone is not in them; it is common to two definitions, so the error of their difference stands.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from ssinfer.typing import Floats, Integers

COLUMNS, ERRORS = ("benchmark", "spending", "saving", "rate"), ("saving_se", "rate_se")
STEP = 1e-20  # of the complex-step derivative, which has no rounding error to balance

#: Arm of each person (n,) (-1: none), money (n, T), and stratum (n, T) (-1: none).
type Definition = tuple[Integers, Floats, Integers]


def trend_savings(
    person: Any,
    years: Floats,
    phase: Integers,
    definitions: Mapping[str, Definition],
    differences: Mapping[str, tuple[str, str]],
) -> pd.DataFrame:
    r"""Return insured-years, benchmark, spending, saving and rate by definition, with `saving_se` and `rate_se`.

    A row of `differences` is the rate of one definition less that of another. `person` (n,) may repeat: rows of one
    person are sampled together. Columns of the grids (n, T) have a `phase` (T,). The variance is that of the
    linearised estimate, :math:`n / (n - 1) \sum_i \psi_i^2` with :math:`\psi_i` the gradient with respect to the sums
    y and w, times the person's own y and w (Deville 1999, Survey Methodology 25(2), 193-203).
    """
    codes, persons = pd.factorize(person)
    influence: dict[str, Floats] = {}
    rows: dict[str, dict[str, float]] = {}
    for name, (arm, money, stratum) in definitions.items():
        size = 4 * (int(stratum.max()) + 1)
        place = (arm[:, None] * (size // 4) + stratum) * 2 + phase
        counted = (arm[:, None] >= 0) & (stratum >= 0)
        sums = np.stack([np.bincount(place[counted], value[counted], size) for value in (money, years)])
        steps = sums + 1j * STEP * np.eye(sums.size).reshape(-1, *sums.shape)
        gradient = np.stack([_saving(each).imag for each in steps]).reshape(*sums.shape, 4) / STEP
        psi = np.zeros((len(persons), 4))
        for column, at in enumerate(place.T):  # one period at a time, for memory
            own = counted[:, column]
            part = gradient[0, at[own]] * money[own, column, None] + gradient[1, at[own]] * years[own, column, None]
            np.add.at(psi, codes[own], part)
        n = len(np.unique(codes[counted.any(axis=1)]))
        influence[name] = psi * np.sqrt(n / (n - 1))
        insured = sums[1].reshape(2, -1, 2)[0, :, 1].sum()
        values = zip(COLUMNS, _saving(sums.astype(complex)).real.tolist(), strict=True)
        errors = np.sqrt((influence[name] ** 2).sum(axis=0))[2:].tolist()
        rows[name] = {"insured_years": float(insured), **dict(values), **dict(zip(ERRORS, errors, strict=True))}
    for name, (first, second) in differences.items():
        rate = rows[first]["rate"] - rows[second]["rate"]
        error = (influence[first] - influence[second])[:, 3]
        rows[name] = {"rate": rate, "rate_se": float(np.sqrt((error**2).sum()))}
    return pd.DataFrame.from_dict(rows, orient="index")


def _saving(sums: Any) -> Any:
    """Return benchmark, spending, saving and rate (4,) from sums of money and insured-years (2, cell); NaN over 0."""
    money, years = sums.reshape(2, 2, -1, 2)  # arm, stratum, phase
    with np.errstate(divide="ignore", invalid="ignore"):
        shares = years[0, :, 1] / years[0, :, 1].sum()
        means = (shares[:, None] * money / years).sum(axis=1)
        benchmark = means[0, 0] * means[1, 1] / means[1, 0]
        return np.array([benchmark, means[0, 1], benchmark - means[0, 1], 1.0 - means[0, 1] / benchmark])
