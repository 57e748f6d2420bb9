"""Population: the persons and days that count, and the unit for which they count."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Literal

from ssinfer.arguments import SHARE, Optional, read_fields
from ssinfer.errors import ClaimsError
from ssinfer.names import as_names

# Reasons why a day of enrolment is not counted, in the order in which they are tried. Each day has one reason.
REASONS = (
    "SES outside the population",
    "region outside the population",
    "covariate outside the population",
    "not attributed in the baseline",
    "practice not participating",
    "insurer outside the population",
    "age outside the population",
    "first year of life",
    "earlier spending outside the population",
    "after leaving the practice of attribution",
    "enrolled too little (sensitivity)",
    "last year of life (sensitivity)",
)


@dataclass(frozen=True, kw_only=True)
class Population:
    """A closed or an open population of persons enrolled with a practice.

    Attributes
    ----------
    kind : "closed" or "open"
        Closed: a person belongs to the unit of most days of `baseline` (the later unit in a tie), also after a move.
        Open: each insured day belongs to the practice of that day.
    baseline : tuple of periods. Attribution window of a closed population.
    units : mapping of practice to unit
        Practices that form one unit, such as those under one contract. Each other practice is a unit.
    practices, insurers, ses, regions : tuple of str or None
        Admitted labels; None: all. Days with other insurers do not count: their claims are not in the tables.
    covariates : mapping of another column of the table of insured to its admitted labels
    ages : (int, int) or None
        Lowest and highest age in a calendar year, both included. Age is the year less the year of birth.
    first_year_of_life : bool
        If False, 365 days are left out of persons whose first day of enrolment lies in their year of birth.
    earlier_spending : mapping of "highest" or "lowest" to a share of persons
        The days of a year count for the persons with the highest or lowest spending in the year before, among those who
        count in that year; equals of the last person are chosen too. Years begin at anniversaries of `start`, so that
        the rule is the same for all units and all windows. The first whole year is left out.
    after_leaving : "keep" or "drop"
        Treatment of a closed population from the day on which a person enrols elsewhere. "keep" is the main estimand.
    minimum_enrolment : float or None
        Share of the days from `start` (first performance period) on that a person must be insured.
    last_year_of_life : bool. If False, the last 365 days of persons who die are left out.

    Notes
    -----
    Part-years are prorated: a person counts for the insured days. The last three filters condition on events after the
    start. :attr:`sensitivity` names those in use. Such a population is never the main estimand.
    """

    kind: Literal["closed", "open"] = "open"
    baseline: tuple[Any, ...] = ()
    units: Mapping[str, str] = field(default_factory=dict)
    practices: tuple[str, ...] | None = None
    insurers: tuple[str, ...] | None = None
    ages: tuple[int, int] | None = None
    ses: tuple[str, ...] | None = None
    regions: tuple[str, ...] | None = None
    after_leaving: Literal["keep", "drop"] = "keep"
    minimum_enrolment: float | None = None
    last_year_of_life: bool = True
    start: Any = None
    first_year_of_life: bool = True
    covariates: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    earlier_spending: Mapping[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name in ("practices", "insurers", "ses", "regions"):
            if isinstance(label := getattr(self, name), str):  # a single name
                object.__setattr__(self, name, (label,))
        read_fields(self, minimum_enrolment=Optional(SHARE))
        if (self.kind == "closed") != bool(self.baseline):
            raise ClaimsError("A closed population needs baseline periods; an open population has none.")
        if self.after_leaving == "drop" and self.kind == "open":
            raise ClaimsError(
                "after_leaving='drop' is for a closed population: an open one follows the practice anyway."
            )
        for name in ("practices", "insurers", "ses", "regions"):
            labels = getattr(self, name)
            if labels is not None and not (labels := as_names(labels)):
                raise ClaimsError(f"{name} is an empty list. Pass Population({name}=None) for all, or name some.")
            object.__setattr__(self, name, labels)
        if self.ages is not None:
            low, high = self.ages
            if not 0 <= low <= high:
                raise ClaimsError(f"ages is {self.ages}; allowed: the lowest and the highest age, such as (65, 120).")
            object.__setattr__(self, "ages", (int(low), int(high)))
        side, share = next(iter(self.earlier_spending.items()), ("highest", 0.5))
        if side not in ("highest", "lowest") or not 0 < share < 1 or len(self.earlier_spending) > 1:
            given = dict(self.earlier_spending)
            raise ClaimsError(f"earlier_spending is {given}; allowed: 'highest' or 'lowest', with a share below 1.")
        if self.start is None and (self.minimum_enrolment or self.earlier_spending):
            raise ClaimsError("minimum_enrolment and earlier_spending count days from the start. Pass start as well.")
        object.__setattr__(self, "baseline", tuple(self.baseline))
        named = {str(practice): str(unit) for practice, unit in self.units.items()}
        object.__setattr__(self, "units", MappingProxyType(named))

    @property
    def sensitivity(self) -> tuple[str, ...]:
        """Filters that condition on events after the start."""
        share = self.minimum_enrolment or 0.0
        filters = {
            "last year of life left out": not self.last_year_of_life,
            f"insured at least {share:.0%} of the days from {self.start} on": share > 0,
            "days after leaving the practice of attribution left out": self.after_leaving == "drop",
        }
        return tuple(name for name, used in filters.items() if used)
