"""Contract years of a term: those that a delivery settles, in order; whole later years are not due yet."""

from collections.abc import Iterable

from ssinfer.errors import DataError, StudyError
from ssinfer.finding import Finding
from ssinfer.periods import parse_period, read_periods
from ssinfer.study.config import StudyConfig
from ssinfer.study.config_claims import RunOutConfig


def settled_so_far(config: StudyConfig, delivered: Iterable[object]) -> StudyConfig:
    """Return the study of the contract years that are due and delivered; a study without a term is returned as it is.

    A year is due if its last period has had its run-out at the extraction; provisionally, if it is over. Of other data
    each year is due of which a period is there.

    Raises
    ------
    StudyError : no year can be settled, or a period of a year that is due is not there
    """
    term, known, years = config.term, read_periods(dict.fromkeys(delivered)), []
    if term is None or config.seal is not None:
        return config
    for design in config.fits.values():
        try:
            by_year = term.by_year(design.performance)
        except DataError:
            by_year = []  # no calendar: each period must be there
        if not by_year:  # `make_plan` says what does not fit
            return config
        run_out = design.spending.run_out
        due = by_year if run_out is None else [labels for labels in by_year if _is_due(labels[-1], run_out)]
        absent = [[label for label in labels if known.column(label) is None] for labels in due]
        begun = max((n for n, labels in enumerate(due, start=1) if len(absent[n - 1]) < len(labels)), default=0)
        if missing := [str(label) for lacking in absent[:begun] for label in lacking]:
            raise StudyError(
                f"[term]: the data lack {', '.join(missing)} of contract years 1 to {begun}. A contract year is "
                "settled whole, and after the years before it. Deliver these periods, or leave all of a later year out."
            )
        if not begun:
            when = "" if run_out is None else f" and paid until {run_out.extracted}"
            raise StudyError(
                f"[term]: no contract year can be settled. The first is {by_year[0][0]} to {by_year[0][-1]}, and the "
                f"data hold {known.describe()}{when}. Deliver a whole year, when its run-out is over."
            )
        years.append(begun)
    return config.with_run(settled_years=min(years))


def not_due(config: StudyConfig) -> tuple[Finding, ...]:
    """Return which contract years are settled, if later ones are not due yet."""
    if config.term is None or config.settled == config.term.years:
        return ()
    return (Finding("years_not_due", {"settled": config.settled, "years": config.term.years}, refuses=False),)


def _is_due(label: object, run_out: RunOutConfig) -> bool:
    """Return whether a period is over at the extraction, and its run-out unless that is provisional."""
    return parse_period(label).months_until(run_out.extracted) >= (0 if run_out.provisional else run_out.months)
