"""Thresholds of the case: their payments on placebos with its errors, and the one that decides."""

from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from ssinfer.backtesting.frames import relative_spending, rows_with
from ssinfer.backtesting.noise import NoiseComponents, noise_components
from ssinfer.backtesting.payments_at import payments_at
from ssinfer.backtesting.placebos import neighbour_blocks
from ssinfer.backtesting.result import BacktestResult
from ssinfer.contracts.arithmetic import RATE_TOLERANCE
from ssinfer.contracts.contract import Contract
from ssinfer.contracts.settle import required_rate
from ssinfer.counterfactual import Counterfactual
from ssinfer.design import Design
from ssinfer.errors import SsinferError
from ssinfer.panel import Panel
from ssinfer.study.config_blocks import ThresholdConfig
from ssinfer.study.payment_rule import PaymentRule
from ssinfer.study.plan import Plan
from ssinfer.study.verdict import DETECTED, POWER, deciding_rates, predictive_error
from ssinfer.thresholds.compare import compare_thresholds
from ssinfer.thresholds.kind import CONTRACT, KINDS, ThresholdKey
from ssinfer.thresholds.planning.power import insured_needed
from ssinfer.thresholds.planning.scenario import Scenario
from ssinfer.typing import Floats


def case_threshold(stated: ThresholdConfig | None, table: pd.DataFrame) -> tuple[float, str]:
    """Return the study's threshold for the case (by a power analysis: the detectable saving), or NaN and its reason."""
    if stated is None:
        return np.nan, "the study states no threshold."
    key = stated.key
    rows = table[key.rows(table)]
    if rows.empty:
        return np.nan, f"a {key.kind} threshold needs a fit, and placebos if it learns from them: use `ssinfer run`."
    return rows["rate" if KINDS.find(key.kind).pays else "detectable"].iloc[0], rows["reason"].iloc[0]


def thresholds_of_case(
    plan: Plan, result: BacktestResult | None, cf: Counterfactual, pair: tuple[str, str], measured: float
) -> pd.DataFrame:
    """Return the columns of case_thresholds.csv of one fit; `measured` is the measured rate, NaN if sealed."""
    config, (design, method) = plan.config, pair
    placebos = None if result is None else distant_placebos(result.placebos, plan, pair)
    chosen = [part.threshold for part in config.designs if part.fit == design and method in part.methods]
    on_request = any(threshold is not None and threshold.calibrate for threshold in chosen)
    learned = None if placebos is None else learned_placebos(placebos, plan.designs[design].performance[0])
    table = compare_thresholds(cf, config.levels, learned, on_request=on_request, seed=config.seed)
    table = table.assign(decides=False)
    main, own = config.main_design, plan.contract_of(config.main_design)
    own = own if own is not None and own.threshold.kind != "computed" else None
    if (main.fit, method) == pair and config.settling == (main.name, method):
        if own is not None:
            table = pd.DataFrame([*table.to_dict("records"), _own_row(own, cf)])
        elif main.threshold is not None:
            table["decides"] = main.threshold.key.rows(table)
    if plan.signed is not None and plan.signed.rate is not None:  # it does not move with later data
        for name, value in {"rate": plan.signed.rate, "money": plan.signed.rate * cf.level, "reason": ""}.items():
            table[name] = table[name].mask(table["decides"], value)
    rates = deciding_rates(table)
    reached = (measured > 0) & (measured >= rates - RATE_TOLERANCE)
    passed = reached.where(table["decides"] & rates.notna() & np.isfinite(measured), None)
    table = table.assign(design=design, method=method, measured=measured, passed=passed)
    if placebos is None:
        return table
    rows = []
    for rate, (_, row) in zip(rates.tolist(), table.iterrows(), strict=True):
        key = ThresholdKey.of(row)
        pay = partial(_pay, plan, cf) if row["decides"] and main.sharing is not None and config.term is None else None
        paid = payments_at(placebos, rate, error_factors(key, rate, placebos, cf, own), config.seed, pay)
        scenario = scenario_of(placebos, key) if row["decides"] else None
        saved = DETECTED * placebos.get("elasticity", pd.Series([1.0])).mean()
        needed = np.nan if scenario is None else insured_needed(scenario[0], saved, POWER)
        # a smaller size than the case's says nothing: at that size the placebos themselves are counted
        needed = needed if needed > cf.values("insured_years").sum() else np.nan
        rows.append({**paid, "insured_needed": needed})
    return table.assign(**pd.DataFrame(rows, index=table.index))


def _pay(plan: Plan, cf: Counterfactual, errors: Floats, saved: Floats, threshold: float) -> Floats:
    """Return what the main design pays to groups of the case's size, benchmark and terms, per insured-year."""
    years = float(cf.values("insured_years").sum())
    groups = pd.DataFrame({"spending": cf.level * (1 - errors)})
    groups = groups.assign(benchmark=cf.level, insured_years=years, assigned=cf.assigned)
    rule = PaymentRule(plan, plan.config.main_design, groups)
    return rule(saved / (1 - errors), rule.deciding(np.full(len(errors), threshold))) / years


def scaled_errors(
    plan: Plan, result: BacktestResult, cf: Counterfactual, pair: tuple[str, str], row: "pd.Series[Any]"
) -> pd.DataFrame:
    """Return placebos that the threshold of a row judges: unit, origin, error and spending of the case's size, money.

    `error` and `relative` are fractions of the benchmark; `paid` is what the main design pays in all at no saving.
    """
    key, rate, own = ThresholdKey.of(row), float(deciding_rates(row.to_frame().T).iloc[0]), plan.config.main_design
    placebos = distant_placebos(result.placebos, plan, pair)
    factors = error_factors(key, rate, placebos, cf, plan.contract_of(own))
    known = (placebos["status"] == "ok").to_numpy() & np.isfinite(factors)
    errors, placebos = (placebos["savings_rate"] * factors)[known].to_numpy(), placebos[known]
    years = float(cf.values("insured_years").sum())
    paid = np.nan if own.sharing is None else _pay(plan, cf, errors, np.zeros(len(errors)), rate) * years
    return placebos[["unit", "origin"]].assign(error=errors, relative=relative_spending(placebos), paid=paid)


def _own_row(contract: Contract, cf: Counterfactual) -> dict[str, Any]:
    """Return the row of a threshold that is the contract's own."""
    row: dict[str, Any] = {"kind": CONTRACT, "level": np.nan, "side": "one-sided", "prior": "", "decides": True}
    try:
        rate = float(required_rate(contract, np.asarray(cf.assigned))[0])
    except SsinferError as error:
        return row | {"rate": np.nan, "reason": str(error)}
    return row | {"rate": rate, "money": rate * cf.level, "reason": ""}


def distant_placebos(placebos: pd.DataFrame, plan: Plan, pair: tuple[str, str]) -> pd.DataFrame:
    """Return the placebos of a design and method outside the case's neighbours, refused ones included."""
    (design, method), panel = pair, plan.data.panel_of(pair[0])
    blocks = neighbour_blocks(panel, regions=plan.data.regions_of(panel))
    placebos = rows_with(placebos, design=design, method=method, role="placebo")
    return placebos[~placebos["block"].isin(blocks[panel.rows(plan.designs[design].treated)])]


def learned_placebos(placebos: pd.DataFrame, origin: Any) -> pd.DataFrame:
    """Return the placebos from which thresholds are learned: those of other origins, if there are any."""
    known = placebos[placebos["status"] == "ok"]
    others = known[known["origin"] != origin]
    return others if len(others) else known


def error_factors(
    key: ThresholdKey, rate: float, placebos: pd.DataFrame, cf: Counterfactual | None, contract: Contract | None
) -> Floats:
    """Return f (R,): the case's error over each placebo's, as the kind scales thresholds; 1 if it does not."""
    ones = np.ones(len(placebos))
    if key.kind == CONTRACT and contract is not None:
        own = required_rate(contract, np.fmax(placebos["assigned"].to_numpy(dtype=float), 1.0))[0]
        return np.divide(rate, own, out=ones, where=own > 0)
    kind = KINDS.find(key.kind)
    if kind.multiple_of_standard_error and placebos["standard_error"].notna().any():
        errors = placebos["standard_error"].to_numpy(dtype=float)
        # the threshold of a point estimate is that of the median placebo
        own_error = np.nan if cf is None else predictive_error(cf)
        return (np.nanmedian(errors) if np.isnan(own_error) else own_error) / errors
    if kind.learns_from == "size" and kind.for_placebos is not None:
        by_size = kind.for_placebos(placebos, [key]).get(key)
        return ones if by_size is None else rate / by_size
    return ones


def scenario_of(
    placebos: pd.DataFrame, key: ThresholdKey, insured: float = 1.0, years: int = 1, baseline: int = 1, draws: int = 2
) -> tuple[Scenario, Floats] | None:
    r"""Return a contract whose error has :math:`SE^2 = k^2/n + \tau^2` at n = insured times years, as of placebos.

    With it come its k and shock SD in block-bootstrap replicates (draws, 2); none if all placebos are in one block.
    None: the kind has no level, or the placebos do not tell k from :math:`\tau`.
    """
    try:
        noise = noise_components(placebos, replicates=draws)
        scenario, scales = planned(noise, insured, years, baseline)
        known = None if key.level is None else replace(scenario, level=key.level, side=key.side)
        return None if known is None else (known, noise.replicates * scales)
    except SsinferError:
        return None


def planned(noise: NoiseComponents, insured: float, years: int, baseline: int) -> tuple[Scenario, tuple[float, float]]:
    """Return the contract of `scenario_of` for given noise, and its k and shock SD over those of the noise."""
    one = Scenario(insured=insured, years=years, k=1.0, shock_sd=0.1, baseline_weights=(1.0,) * baseline)
    scales = 1 / (insured * years) ** 0.5 / one.sampling_error, 0.1 / one.shock_error
    return replace(one, k=noise.k * scales[0], shock_sd=noise.shock * scales[1]), scales


def size_of_contract(panel: Panel, design: Design) -> tuple[float, int, int]:
    """Return insured persons, as many as in the baseline of a panel with sizes; performance and baseline years."""
    spans = design.baseline, design.performance
    baseline, performance = ([period for period in span if period not in design.masked] for span in spans)
    sizes = np.asarray(panel.insured_years)[np.ix_(panel.rows(design.treated), panel.columns(baseline))]
    before, years = (max(1, round(len(span) / (panel.timeline.per_year or 1))) for span in (baseline, performance))
    return float(np.nansum(sizes)) / len(baseline) * len(performance) / years, years, before
