"""Findings in words, and their refusal."""

from collections.abc import Callable, Collection, Iterable
from math import isfinite
from string import Formatter
from typing import Any

from ssinfer.accept import advice
from ssinfer.errors import SsinferError
from ssinfer.finding import Finding
from ssinfer.printed import count, listed, money, percent, percent_with_error, quoted, total


def refuse(findings: Iterable[Finding], accept: Collection[str], error: type[SsinferError], currency: str = "") -> None:
    """Raise an error with a sentence for each finding that refuses and is not accepted."""
    refused = [finding for finding in findings if finding.refuses and finding.accept not in accept]
    if refused:
        raise error(" ".join(sentence(finding, currency) for finding in refused))


def sentence(finding: Finding, currency: str = "") -> str:
    """Return a finding in words: what was found, what is allowed, and the next step."""
    numbers = dict(finding.numbers)
    amounts = {name: _money(value, currency) for name, value in numbers.items() if isinstance(value, float)}
    if finding.id == "mean_spending":
        for name in ("total", "cents", "thousands"):
            plausible = numbers["lowest"] <= numbers[name] <= numbers["highest"]
            amounts[name] += ", which is plausible" if plausible else ""
        amounts["lowest"] = "at most" if numbers["lowest"] == -float("inf") else f"{amounts['lowest']} to"
    if finding.id == "total_row":
        numbers["why"] = _TOTAL[numbers["reason"]].format(**numbers)
    if finding.id == "placebo_sample":
        numbers["designs"] = ", ".join(map(repr, numbers["designs"]))
        numbers["drawn"], numbers["units"] = map(sum, zip(*numbers["classes"], strict=True))
        numbers["classes"] = ", ".join(f"{drawn:,} of {units:,}" for drawn, units in numbers["classes"])
    if finding.id == "jump":
        digits = 0 if min(numbers["value"], numbers["near"]) >= 100 else 2
        numbers |= {name: f"{numbers[name]:,.{digits}f}" for name in ("value", "near")}
    if finding.id == "no_lines":
        numbers["listed"] = ", ".join(numbers["periods"][:6]) + (", ..." if len(numbers["periods"]) > 6 else "")
    printed = {**numbers, **{f"{name}_money": value for name, value in amounts.items()}}
    text = _Printer(currency).format(_SAYS[finding.id], **printed)
    return text if finding.accept is None else f"{text} If the data are right, write {advice(finding.accept)}."


class _Printer(Formatter):
    """Prints numbers by the names of `_PRINTED`, such as ``{rate:percent}``, besides Python's own formats."""

    def __init__(self, currency: str) -> None:
        self.currency = currency

    def format_field(self, value: Any, format_spec: str) -> str:
        """Return one value in print."""
        if format_spec in _PRINTED:
            return _PRINTED[format_spec](value, self.currency)
        return str(super().format_field(value, format_spec))


_PRINTED: dict[str, Callable[[Any, str], str]] = {
    "percent": lambda value, _: percent(value),
    "whole_percent": lambda value, _: percent(value, decimals=0),
    "estimate": lambda value, _: percent_with_error(value["value"], value["se"] or 0.0),
    "money": money,
    "total": total,
    "count": lambda value, _: count(value),
    "quoted": lambda value, _: quoted(value),
    "listed": lambda value, _: listed([*value]),
}


def _money(value: float, currency: str) -> str:
    return f"{currency} {value:,.{0 if abs(value) >= 100 else 2}f}".strip() if isfinite(value) else "unknown"


_TOTAL = {
    "name": "its name says so",
    "half": "it has {share:.0%} of all insured-years",
    "sum": "its money is the sum of all other units in every period",
}
_SAYS = {
    "mean_spending": "Mean spending is {mean_money} per insured-year; plausible is {lowest_money} {highest_money}. The "
    "numbers may be totals of a unit and period ({total_money}), cents ({cents_money}), or thousands, thousandths or "
    "thousands points ({thousands_money}). Convert them to money per insured-year; if they are right, write "
    "plausible = [lowest, highest] with limits around the mean.",
    "total_row": "Unit {unit!r} looks like a total row: {why}. Leave it out.",
    "thousands_points": "Column {column} looks like numbers with thousands points that were read as decimals: all are "
    "below 1,000 with at most three decimals, first {value}. Write {read} for {value}.",
    "nonpositive": "Spending of {unit!r} is {value_money} in {period} ({count} cells are negative or zero). Leave out "
    "rows of units that did not exist.",
    "jump": "Column {column} of {unit!r} is {value} in {period}, beside {near} in the nearest period. Correct the row.",
    "no_lines": "{listed} have insured persons and no counted claim line: their spending would be zero. End the "
    "periods where the claims end, or add the claims.",
    "few_lines": "{period} has {rate:.2f} counted claim lines per insured-year, and its neighbours have {usual:.2f}; "
    "at least {least:.0%} of that is expected. End the periods earlier, or add the claims to come.",
    "standard": "Standard {name!r} has mean {mean:,.4g}, and mean spending is {spending_money}. A standard is expected "
    "spending (mean {ranges[0]:g} to {ranges[1]:g} times mean spending) or "
    "an index (mean {ranges[2]:g} to {ranges[3]:g}). Name such a covariate.",
    "placebo_sample": "The placebos of {designs} are {drawn:,} of {units:,} units (population.placebos_at_most), drawn "
    "with seed {seed} in proportion from each size class: {classes}. All units stay donors.",
    "earlier_spending": "Population {name!r} holds the {percent:g}% of persons with the {side} spending of the "
    "year before. Their spending returns to the mean without any saving (regression to the mean). The rule is the same "
    "for all units and years: compare them only with persons of the same rule.",
    "equal_blocks": "{block} {name!r} says the same as {other!r}, so designs that differ in these only are equal.",
    "equal_designs": "Design {design!r} is equal to {other!r}: it is fitted once.",
    "unmarked": "None is marked settles = true: the first design {design!r} and its first method {method!r} settle.",
    "few_placebos": "The {percent:g}% placebo threshold is left out of design {design!r}: it needs {needed} placebo "
    "contracts per window, and there are at most {units}.",
    # the case
    "measured_saving": "In {when} {group} spent {amount:money} per insured-year less than the benchmark: a measured "
    "saving of {rate:percent} of the benchmark.",
    "measured_loss": "In {when} {group} spent {amount:money} per insured-year more than the benchmark: a measured "
    "saving of {rate:percent} of the benchmark.",
    "measured_interval": "The 95% interval of the saving is {lower:money} to {upper:money} per insured-year.",
    "measured_total": "That is {total:total} in total over {years:count} insured-years.",
    "reached": "This reaches the threshold of {rate:percent}, {money:money} per insured-year ({threshold}).",
    "not_reached": "This does not reach the threshold of {rate:percent}, {money:money} per insured-year ({threshold}). "
    "That does not prove that nothing was saved.",
    "none_reaches": "No measured saving would reach the threshold ({threshold}).",
    "threshold_only": "The threshold is {rate:percent}, {money:money} per insured-year ({threshold}).",
    "paid": "The contract pays {amount:money} to the providers in all.",
    "nothing_paid": "Nothing is paid.",
    "owed": "The providers owe {amount:money} in all.",
    "no_sharing": "The study states no sharing rule: nothing is settled.",
    "not_settled": "Nothing is settled: {reason}",
    "nothing_settled": "Nothing is settled.",
    "no_threshold_stated": "The study states no threshold, so there is no verdict. Thresholds are compared below.",
    "no_threshold": "There is no {kind} threshold, so there is no verdict: {reason}",
    "sensitivity_never_settles": "Every design is a sensitivity analysis, so none settles and there is no verdict.",
    "hidden": "{group} has a period with fewer than {limit} insured: its results are not shown.",
    "not_evaluated": "The saving of {group} in {when} is not measured: it was not evaluated.",
    "sealed": "The saving of {group} in {when} is not measured: {reason}",
    "refused": "The saving of {group} in {when} is not measured: {reason}",
    "payments": "At this threshold {false_payment_rate:estimate} of contracts without savings would be paid, and "
    "{detection:estimate} of those with a true saving of 3% ({n_judged:count} placebo contracts, their errors scaled "
    "to this contract).",
    "left_out": "{n_left_out:count} placebo contracts that were refused, or whose error cannot be scaled, are in "
    "neither rate.",
    "detectable_saving": "The smallest true saving that is found in at least 80% of contracts is {saving:percent}.",
    "insured_needed": "To find a true saving of 3% in 80%, about {n:count} insured-years are needed.",
    "no_size_suffices": "No number of insured suffices to find a true saving of {saving:whole_percent} in "
    "{power:whole_percent}: the group shock does not shrink with size.",
    "outside_standard_error": "The threshold lies outside those of the placebos ({lowest:percent} to "
    "{highest:percent}), because this contract's predictive error is {own:percent} and theirs {from:percent} to "
    "{to:percent}.",
    "outside_insured_years": "The threshold lies outside those of the placebos ({lowest:percent} to "
    "{highest:percent}), because this contract has {own:count} insured-years and they have {from:count} to {to:count}.",
    "outside_unknown": "The threshold lies outside those of the placebos ({lowest:percent} to {highest:percent}), "
    "though neither its predictive error nor its size does.",
    "reported_paid": "Programmes have reported {low:whole_percent} to {high:whole_percent} lower spending growth. True "
    "savings in that range would mostly be paid.",
    "reported_partly_paid": "Programmes have reported {low:whole_percent} to {high:whole_percent} lower spending "
    "growth. True savings in the lower part of that range would mostly not be paid.",
    "reported_not_paid": "Programmes have reported {low:whole_percent} to {high:whole_percent} lower spending growth. "
    "All of these savings are below this threshold.",
    # the designs
    "no_backtest": "No backtest was run, so the errors of the designs on contracts without savings are unknown.",
    "too_few_placebos": "Of {n:count} placebo contracts, {n_ok:count} have an estimate. These are too few for placebo "
    "thresholds at 95%: each placebo contract needs 19 others outside its own region. The designs cannot be compared "
    "at equal false payment rates.",
    "best_design": "Designs are compared at equal false payment rates: about 5% of contracts without savings are paid. "
    "The design {design} then detects a true saving of 3% in {detection:estimate} of contracts.",
    "judged": "{n_judged:count} of {n:count} placebo contracts are judged.",
    "worse": "That is more than {designs}.",
    "equal": "It cannot be distinguished from {designs}.",
    "none_better": "By this measure no design is better.",
    "other_estimand": "Designs differ in their definition of spending. A saving of 3% under {design:quoted} is another "
    "estimand than under {others}. A contract must fix the definition first. Detection rates rank designs within one "
    "definition.",
}
