r"""The threshold of an agreement: a number, a table by insured, or a rule with the range of what it may learn.

A threshold that is known then is a number, or a table by insured if it stands in the contract. A threshold that is
learned with the donors' performance data is a rule with a range. With :math:`T_i` the threshold of placebo contract i,
of :math:`n_i` insured-years, and :math:`s(n)^2 = k^2 / n + \tau^2` the variance of placebo savings
(:func:`ssinfer.backtesting.noise.noise_components`), the range at n insured-years is

.. math:: [\, q_{0.01} / w,\; w \, q_{0.99} \,] \cdot s(n) / s(n_0), \qquad w = 1 + 1 / m

with q the quantiles of :math:`T_i \, s(n_0) / s(n_i)`, and :math:`n_0` the insured-years that are expected at signing.
98% of earlier contracts like the placebos have a threshold between the quantiles. The margin w is for the next year: m
earlier windows show how thresholds differ between years, the less the fewer they are. Simulated coverage stands in
tests/evidence/test_agreements.py.
Placebos are those of windows that end before the start, outside the neighbours of the contract group. If their sizes
are too equal to tell k from :math:`\tau`, s is 1.

Of a contract of several years each year (block of pooled years) has its own number or range. Its :math:`T_i` and
savings are those of the placebo contracts in that year, over windows of the whole term that end before the start;
insured-years are those until the end of that year.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from ssinfer.backtesting.frames import means_with_errors, rows_with
from ssinfer.backtesting.noise import noise_components
from ssinfer.backtesting.payments_at import payments_at
from ssinfer.backtesting.result import BacktestResult
from ssinfer.backtesting.thresholds_of_placebos import thresholds_of_key
from ssinfer.contracts.contract import Contract
from ssinfer.contracts.settle import required_rate
from ssinfer.errors import RefusalError, StudyError
from ssinfer.panel import carried_forward
from ssinfer.streams import stream_of
from ssinfer.study.case_thresholds import distant_placebos, error_factors, thresholds_of_case
from ssinfer.study.plan import Plan
from ssinfer.study.term import TermPlacebos, name_of
from ssinfer.study.verdict import deciding_rates
from ssinfer.thresholds.kind import CONTRACT, KINDS, ThresholdKey
from ssinfer.thresholds.placebo import placebo_threshold
from ssinfer.thresholds.placebo_cross_fitted import cross_fitted_placebo_thresholds
from ssinfer.typing import Floats

SAVINGS = (2, 3, 5)  # true savings, per cent, whose detection is signed
RANGE = (0.01, 0.99)  # quantiles of the thresholds of placebos
SIZES = (0.5, 0.75, 0.9, 1.0, 1.1, 1.25, 1.5)  # of the expected insured, in the table of a threshold by size
RULE = "threshold(n) between lower and upper, times sqrt(k^2 / n + shock^2) / sqrt(k^2 / insured_years + shock^2)"


def key_of(plan: Plan) -> ThresholdKey:
    """Return the threshold that decides: the contract's own, unless the contract leaves it to the study."""
    main = plan.config.main_design
    contract = plan.contract_of(main)
    if contract is not None and contract.threshold.kind != "computed":
        return ThresholdKey(CONTRACT)
    if main.threshold is None:
        raise StudyError("The contract takes its threshold from the study. Add a table [[threshold]].")
    return main.threshold.key


def threshold_of(plan: Plan, backtest: Callable[[Plan], BacktestResult], pair: tuple[str, str]) -> dict[str, Any]:
    """Return the table [threshold]: a number, a table by insured, or a rule with its range; with its rates.

    If the years of a term learn their thresholds, `by_year` has this of each year (block of pooled years). The other
    keys are then those of the first, with the smallest `lower` and the largest `upper`.
    """
    key, contract, result = key_of(plan), plan.contract_of(plan.config.main_design), backtest(plan)
    if not plan.config.settled or contract is None or key.kind == CONTRACT:
        return _table(plan, result, pair, key)
    ends = range(contract.years.pool, plan.config.settled + 1, contract.years.pool)
    plans = {end: plan.until(end) for end in ends}
    results = {end: result if end == plan.config.settled else backtest(part) for end, part in plans.items()}
    placebos, by_year = TermPlacebos.of(plan, pair, results), list[dict[str, Any]]()
    if placebos is None:
        return _table(plan, result, pair, key)  # its message
    for block, (end, part) in enumerate(plans.items()):
        of_year = replace(results[end], placebos=placebos.with_rates(contract, block).reset_index(drop=True))
        rates = _rates_of_year(placebos, contract, block, key, plan.config.seed)
        by_year.append({"year": name_of(block, contract.years.pool), **_table(part, of_year, pair, key), **rates})
    first = {name: value for name, value in by_year[0].items() if name != "year"}
    for name, of in (("lower", min), ("upper", max)):
        first |= {name: of(part[name] for part in by_year)} if name in first else {}
    same = {*vars(key), "form", "rule", "assigned"}
    kept = [{name: value for name, value in part.items() if name not in same} for part in by_year]
    return {**first, "by_year": kept}


def _rates_of_year(
    placebos: TermPlacebos, contract: Contract, block: int, key: ThresholdKey, seed: int
) -> dict[str, Any]:
    """Return how often placebos reach their cross-fitted thresholds of a year; true savings are in all years so far."""
    rows, history = placebos.with_rates(contract, block), placebos.histories[block]
    thresholds = cross_fitted_placebo_thresholds(rows, key.fraction, key.side)
    fall = float(rows["elasticity"].mean()) / 100  # of the counted spending
    judged, rates = np.isfinite(thresholds), [history.rates(contract, s * fall)[-1] for s in (0, *SAVINGS)]
    names = ("false_payment_rate", *(f"detection_rate_{s}" for s in SAVINGS))
    reached = {n: ((r > 0) & (r >= thresholds))[judged] for n, r in zip(names, rates, strict=True)}
    rng = np.random.default_rng(stream_of(seed, "signed years", str(block)))
    return _rates(means_with_errors(reached, rows["block"][judged], rng) | {"n_rows": judged.sum()})


def _table(plan: Plan, result: BacktestResult, pair: tuple[str, str], key: ThresholdKey) -> dict[str, Any]:
    """Return the table [threshold] of one settlement."""
    contract = plan.contract_of(plan.config.main_design)
    panel, design = plan.data.panel_of(pair[0]), plan.designs[pair[0]]
    columns = panel.columns([label for label in design.performance if label not in design.masked])
    sizes = np.ones(panel.spending.shape) if panel.insured_years is None else carried_forward(panel.insured_years)
    sizes = sizes[np.ix_(panel.rows(design.treated), columns)].sum(axis=0)
    years, assigned = float(sizes.sum()), float(sizes.mean() * (panel.timeline.per_year or 1))
    placebos = distant_placebos(result.placebos, plan, pair)
    learned = placebos[placebos["status"] == "ok"]
    if learned.empty:
        raise StudyError(f"No placebo contract could be fitted: {'; '.join(placebos['reason'].unique()[:1])}")
    table: dict[str, Any] = {**vars(key), "insured_years": years, "assigned": assigned}
    rates = thresholds_by_size(key, contract, assigned)
    if rates is not None:
        rate = rates[SIZES.index(1.0)]
        table |= {"form": "number" if len(set(rates)) == 1 else "table", "rate": rate}
        table |= {"by_assigned": [[round(assigned * size), known] for size, known in zip(SIZES, rates, strict=True)]}
    elif (number := _number(plan, result, pair, key, learned)) is not None:
        rate = number
        table |= {"form": "number", "rate": rate}
    else:
        table |= {"form": "rule", "rule": RULE, **_range(result, key, learned, years)}
        row = rows_with(result.thresholds, design=pair[0], method=pair[1], size_class="all")
        row = row[key.rows(row)]
        return table | (_rates(row.iloc[0]) if len(row) else {})
    if not np.isfinite(rate):
        raise StudyError(
            f"The threshold is {rate} at {assigned:,.0f} insured, so nothing could be paid. Choose another."
        )
    paid = payments_at(placebos, rate, error_factors(key, rate, placebos, None, contract), plan.config.seed)
    return table | _rates(paid)


def thresholds_by_size(key: ThresholdKey, contract: Contract | None, assigned: float) -> list[float] | None:
    """Return the thresholds at `SIZES` of a kind that needs the number of insured only; None for other kinds."""
    numbers = np.maximum(1.0, assigned * np.array(SIZES))
    if key.kind == CONTRACT and contract is not None:
        return [float(rate) for rate in np.broadcast_to(required_rate(contract, numbers)[0], numbers.shape)]
    kind = KINDS.find(key.kind)
    if kind.learns_from != "size" or kind.for_placebos is None:
        return None
    return [float(rate) for rate in kind.for_placebos(pd.DataFrame({"assigned": numbers}), [key])[key]]


def _number(
    plan: Plan, result: BacktestResult, pair: tuple[str, str], key: ThresholdKey, learned: pd.DataFrame
) -> float | None:
    """Return a threshold that needs no performance data: of placebos with point estimates, or of a method so declared.

    None: it is learned with the donors' performance data.
    """
    if key.kind == "placebo" and learned["standard_error"].isna().all():
        return float(placebo_threshold(learned, key.fraction, key.side).rate)
    method = plan.methods[pair[1]]
    if getattr(getattr(method, "method", method), "information", "settlement") != "signing":
        return None
    seed = stream_of(plan.config.seed, *pair, "case")
    cf = method.fit(plan.data_for(*pair), plan.designs[pair[0]], seed=seed)
    table = thresholds_of_case(plan, result, cf, pair, np.nan)
    return float(deciding_rates(table)[table["decides"]].iloc[0])


def _range(result: BacktestResult, key: ThresholdKey, learned: pd.DataFrame, years: float) -> dict[str, Any]:
    """Return the range of a learned threshold at the expected insured-years, and how it depends on them."""
    thresholds: Floats | None
    if key.kind == "placebo":  # one multiple of each standard error, as for the case
        multiple = placebo_threshold(learned, key.fraction, key.side, 1.0).rate
        thresholds = multiple * learned["standard_error"].to_numpy(dtype=float)
    else:
        thresholds = thresholds_of_key(learned, key, result.errors)
    if thresholds is None or not np.isfinite(thresholds).any():
        raise StudyError(
            f"No placebo contract has a {key.kind} threshold, so its range is not known. Choose another kind."
        )
    try:
        noise = noise_components(learned, replicates=2)
        table = {"k": noise.k, "shock": noise.shock}
    except RefusalError:
        table = {"k": 0.0, "shock": 1.0}
    scale = table_scale(table, learned["insured_years"].to_numpy(dtype=float))
    scaled = thresholds * table_scale(table, np.array([years])) / scale
    lower, upper = np.quantile(scaled[~np.isnan(scaled)], RANGE, method="inverted_cdf")
    windows = learned["origin"].nunique()
    margin, known = 1 + 1 / windows, {"n_placebos": len(learned), "n_windows": windows}
    return {"lower": float(lower / margin), "upper": float(upper * margin), **table, **known}


def table_scale(table: dict[str, Any], years: Floats) -> Floats:
    """Return s(n) of the signed k and shock at insured-years n."""
    return np.asarray(np.sqrt(table["k"] ** 2 / years + table["shock"] ** 2))


def _rates(row: Any) -> dict[str, Any]:
    """Return the false-payment rate and what is found of true savings, each with its standard error."""
    named = {"false_payments": "false_payment_rate"} | {f"found_{s}": f"detection_rate_{s}" for s in SAVINGS}
    rates = {
        name: {"value": float(row[column]), "se": error if np.isfinite(error := float(row[f"{column}_se"])) else None}
        for name, column in named.items()
        if column in row and np.isfinite(row[column])
    }
    return {**rates, "judged": int(row["n_rows"])}
