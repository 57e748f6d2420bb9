"""Findings in words, and their refusal."""

from collections.abc import Collection, Iterable
from math import isfinite

from ssinfer.accept import advice
from ssinfer.errors import SsinferError
from ssinfer.look import checks
from ssinfer.look.checks import Finding


def refuse(findings: Iterable[Finding], accept: Collection[str], error: type[SsinferError], currency: str = "") -> None:
    """Raise an error with a sentence for each finding that refuses and is not accepted."""
    refused = [finding for finding in findings if finding.refuses and finding.accept not in accept]
    if refused:
        raise error(" ".join(sentence(finding, currency) for finding in refused))


def sentence(finding: Finding, currency: str = "") -> str:
    """Return a finding in words: what was found, what is allowed, and the next step."""
    numbers = dict(finding.numbers)
    money = {name: _money(value, currency) for name, value in numbers.items() if isinstance(value, float)}
    if finding.id == "mean_spending":
        for name in ("total", "cents", "thousands"):
            plausible = numbers["lowest"] <= numbers[name] <= numbers["highest"]
            money[name] += ", which is plausible" if plausible else ""
        money["lowest"] = "at most" if numbers["lowest"] == -float("inf") else f"{money['lowest']} to"
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
    text = _SAYS[finding.id].format(**{**numbers, **{f"{name}_money": value for name, value in money.items()}})
    return text if finding.accept is None else f"{text} If the data are right, write {advice(finding.accept)}."


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
    f"at least {checks.LEAST_LINES:.0%} of that is expected. End the periods earlier, or add the claims to come.",
    "standard": "Standard {name!r} has mean {mean:,.4g}, and mean spending is {spending_money}. A standard is expected "
    f"spending (mean {checks.STANDARD_OF_SPENDING[0]:g} to {checks.STANDARD_OF_SPENDING[1]:g} times mean spending) or "
    f"an index (mean {checks.STANDARD_INDEX[0]:g} to {checks.STANDARD_INDEX[1]:g}). Name such a covariate.",
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
}
