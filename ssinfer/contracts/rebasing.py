r"""Rebasing: the benchmark of each contract year when the baseline follows the group's own spending.

Estimand: what the contract takes as spending without savings in contract year k. Let :math:`B_t` be the benchmark of
the first baseline in year t, :math:`Y_t` the observed spending, and :math:`r_t = Y_t / B_t`. A baseline year j, moved
to year k by the growth of the benchmark, gives :math:`Y_j B_k / B_j = r_j B_k`. With m the mean over the b years before
the last rebasing, the benchmark of year k is

.. math:: B_k \, [R + \max\{(1 - w)(1 - R), \; q \, m(\beta_j - r_j)^+\}], \qquad R = m(r_j),

where w is the weight of the new baseline, :math:`\beta_j B_j` the benchmark by which year j was settled (:math:`r_j`
before the contract), and q the share of earlier savings that is added back; q = 0 is the blend :math:`w R + 1 - w`.
Assumption: without the contract the group would grow as the benchmark does. The form is that of 42 CFR 425.652, 425.656
and 425.658. What is saved lowers later benchmarks: the ratchet (Douven, McGuire and McWilliams 2015, Health Affairs
34(1)). Without noise and threshold, a rolling baseline (every year, w = 1, q = 0) measures a saving s of every year as
:math:`s (1 - \min(k - 1, b) / b) B_k` in year k: :math:`(b + 1) / 2` years of it in all, however long the contract.
"""

from collections.abc import Sequence

import numpy as np

from ssinfer.arguments import checked
from ssinfer.contracts.contract import Contract
from ssinfer.contracts.inputs import floats
from ssinfer.errors import SettlementError
from ssinfer.typing import Floats


@checked(SettlementError)
def rebased_benchmarks(
    contract: Contract,
    *,
    benchmark: Sequence[float],
    spending: Sequence[float],
    baseline_benchmark: Sequence[float] = (),
    baseline_spending: Sequence[float] = (),
) -> Floats:
    """Return the benchmark per contract year by the contract's rules of rebasing.

    Parameters
    ----------
    contract : Contract, whose `rebasing` are the rules
    benchmark, spending : money per insured-year, one number per contract year, in order; the benchmark is that of the
        first baseline
    baseline_benchmark, baseline_spending : the same of the years before the contract, oldest first

    Raises
    ------
    SettlementError
        Lengths differ, an amount is not positive, or a new baseline starts before the first year that is given.

    Examples
    --------
    >>> rolling = Contract(name="rolling", rule_year=2024, rebasing={"every": 1, "years": 1})
    >>> money = {"benchmark": [100, 110], "spending": [97, 106.7]}
    >>> rebased_benchmarks(rolling, **money, baseline_benchmark=[100], baseline_spending=[100]).round(2)
    array([100. , 106.7])
    """
    money = {"benchmark": benchmark, "spending": spending}
    money |= {"baseline_benchmark": baseline_benchmark, "baseline_spending": baseline_spending}
    given = {name: floats([*values], name) if len(values) else np.empty(0) for name, values in money.items()}
    lengths = {name: len(values) for name, values in given.items()}
    pairs = ((benchmark, spending), (baseline_benchmark, baseline_spending))
    if not lengths["benchmark"] or any(len(one) != len(other) for one, other in pairs):
        raise SettlementError(f"Give one number per year, as many benchmarks as spending, got lengths {lengths}.")
    for name, values in given.items():
        if np.any(values <= 0):
            raise SettlementError(f"{name} must be above 0, got {values.min():g}. Give money per insured-year.")
    return rebase_groups(contract, **given)


def rebase_groups(
    contract: Contract,
    *,
    benchmark: Floats,
    spending: Floats,
    baseline_benchmark: Floats,
    baseline_spending: Floats,
) -> Floats:
    """Return the benchmarks (years,) of one group, or (years, groups) of several; see `rebased_benchmarks`."""
    terms, first, known = contract.rebasing, benchmark, len(baseline_benchmark)
    ratios = np.concatenate([baseline_spending / baseline_benchmark, spending / first])
    saved = np.zeros_like(ratios)  # measured, over the fixed benchmark; nothing before the contract
    relative = np.ones_like(first)
    for year in range(len(first)):
        start = year - year % terms.every if terms.every else 0
        if start:
            oldest = known + start - terms.years
            if oldest < 0:
                raise SettlementError(
                    f"{contract.name} rebases contract year {year + 1} on the {terms.years} years before year "
                    f"{start + 1}, but only {known + start} are given. Give {-oldest} more baseline years (in a "
                    "study: a longer baseline, and a method with fitted values in it)."
                )
            window = slice(oldest, known + start)
            own = ratios[window].mean(axis=0)
            added = (1.0 - terms.new_weight) * (1.0 - own)
            if terms.prior_savings:
                added = np.maximum(added, terms.prior_savings * np.maximum(saved[window].mean(axis=0), 0.0))
            relative[year] = own + added
        saved[known + year] = relative[year] - ratios[known + year]
    return relative * first
