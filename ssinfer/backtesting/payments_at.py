r"""payments_at: false payments and detection of placebos at one fixed threshold, that of a contract.

With threshold T, measured rates r_i (true saving 0), :math:`y_i = e Y_i / \bar B_i` with elasticity e, and factors f_i
that scale the error of placebo i to that of the contract (its predictive SD over that of i), the rates are means of

.. math:: 1\{f_i r_i \ge T^+\}, \qquad 1\{f_i r_i + s y_i \ge T^+\}

T is the same in all bootstrap replicates: the standard errors leave out what T varies with the placebos that it was
learned from. For such kinds the false payment rate is near its promise by construction.
"""

from collections.abc import Callable

import numpy as np
import pandas as pd

from ssinfer.backtesting.frames import SHARE, means_with_errors, relative_spending, with_error
from ssinfer.backtesting.operating_characteristics import DETECTION_SAVINGS, rates_at
from ssinfer.schema import Column
from ssinfer.streams import stream_of
from ssinfer.typing import Floats

PAY_SAVINGS = (0.0, *DETECTION_SAVINGS)  # true savings whose mean payment is computed
PAYMENTS = {saving: f"payment_{100 * saving:g}" for saving in PAY_SAVINGS}
MEAN = "Mean payment with this true saving, if the threshold decides."
PAYMENTS_AT = (
    Column("n_rows", "int", "placebos", "Placebos that are judged by this threshold, errors scaled to the contract."),
    Column("n_left_out", "int", "placebos", "Placebos that were refused, or whose error cannot be scaled."),
    *(column for name in rates_at() for column in with_error(name, SHARE, "Share of placebos paid at this threshold.")),
    *(column for name in PAYMENTS.values() for column in with_error(name, "currency per insured-year", MEAN)),
    *(Column(f"{name}_refused_unpaid", "float", SHARE, "Placebos left out count as not paid.") for name in rates_at()),
)


def payments_at(
    placebos: pd.DataFrame,
    threshold: float,
    factors: Floats,
    seed: int,
    pay: Callable[[Floats, Floats, float], Floats] | None = None,
) -> dict[str, float]:
    """Return the columns `PAYMENTS_AT` of placebos (R,), refused ones included, with factors (R,), NaN: left out.

    `pay` returns payments per insured-year for errors (R,) and true savings (R,), of the benchmark, and the threshold.
    """
    known = (placebos["status"] == "ok").to_numpy() & np.isfinite(factors)
    part, rng = placebos[known], np.random.default_rng(stream_of(seed, "payments at"))
    row: dict[str, float] = {"n_rows": len(part), "n_left_out": len(placebos) - len(part)}
    if np.isnan(threshold) or not len(part):
        return row
    errors = part["savings_rate"].to_numpy() * factors[known]
    relative = relative_spending(part)
    savings = dict(zip(rates_at(), PAY_SAVINGS, strict=True))
    paid = {name: errors + relative * saving >= max(threshold, 0.0) for name, saving in savings.items()}
    row |= means_with_errors(paid, part["block"], rng)
    row |= {f"{name}_refused_unpaid": row[name] * len(part) / len(placebos) for name in paid}
    if pay is not None:
        money = {name: pay(errors, relative * saving, threshold) for saving, name in PAYMENTS.items()}
        row |= means_with_errors(money, part["block"], rng)
    return row
