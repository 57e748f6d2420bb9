"""Population: which persons and which of their days count, and for which unit."""

from __future__ import annotations

from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal

from ssinfer.errors import ClaimsError

if TYPE_CHECKING:
    from collections.abc import Mapping

# Why a day of enrolment is not counted, in the order in which the reasons are tried: each day has one.
REASONS = (
    "SES outside the population",
    "region outside the population",
    "not attributed in the baseline",
    "practice not participating",
    "insurer outside the population",
    "age outside the population",
    "after leaving the practice of attribution",
    "enrolled too little (sensitivity)",
    "last year of life (sensitivity)",
)


@dataclass(frozen=True, kw_only=True)
class Population:
    """Who is compared: a closed or an open population of persons enrolled with a practice.

    Attributes
    ----------
    kind : "closed" or "open"
        Closed: a person belongs to the unit they were enrolled with for most days of `baseline` (the later one if two
        tie), and stays with it wherever they go. Open: each insured day belongs to the practice of that day.
    baseline : tuple of periods
        Attribution window of a closed population.
    units : mapping of practice to unit
        Practices that form one unit, such as those under one contract; the others are units by themselves.
    practices : tuple of str or None
        Participating practices; None: all.
    insurers : tuple of str or None
        Days with other insurers do not count (their claims would not be seen either).
    ages : (int, int) or None
        Lowest and highest age in a calendar year, both in; age is the year less the year of birth.
    ses, regions : tuple of str or None
        Admitted levels of `ses` ("low" only, say) and of the person's `region`.
    after_leaving : "keep" or "drop"
        What happens in a closed population from the day a person enrols elsewhere. "keep" is the main estimand;
        "drop" conditions on what follows the start.
    minimum_enrolment : float or None
        Share of the days from `start` on that a person must be insured. A sensitivity analysis.
    last_year_of_life : bool
        False leaves out the last 365 days of those who die. A sensitivity analysis.
    start : period, optional
        First performance period; needed by `minimum_enrolment`.

    Notes
    -----
    Part-years are prorated: a person counts for the days insured. :attr:`sensitivity` names every filter that
    conditions on what follows the start; such a population is never the main estimand.
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

    def __post_init__(self) -> None:
        if self.kind not in ("closed", "open"):
            raise ClaimsError(f"kind of population is {self.kind!r}; allowed: 'closed' or 'open'.")
        if self.after_leaving not in ("keep", "drop"):
            raise ClaimsError(f"after_leaving is {self.after_leaving!r}; allowed: 'keep' or 'drop'.")
        if (self.kind == "closed") != bool(self.baseline):
            raise ClaimsError("A closed population needs the periods of its baseline, and only a closed one has them.")
        if self.after_leaving == "drop" and self.kind == "open":
            raise ClaimsError(
                "after_leaving='drop' is for a closed population: an open one follows the practice anyway."
            )
        for name in ("practices", "insurers", "ses", "regions"):
            values = getattr(self, name)
            if isinstance(values, str):
                raise ClaimsError(f"{name} is the text {values!r}. Give a list of labels, such as [{values!r}].")
            if values is not None:
                if not len(values):
                    raise ClaimsError(f"{name} is an empty list, which leaves nobody. Pass None for all, or name some.")
                object.__setattr__(self, name, tuple(str(value) for value in values))
        if self.ages is not None:
            low, high = self.ages
            if not 0 <= low <= high:
                raise ClaimsError(f"ages is {self.ages}; allowed: the lowest and the highest age, such as (65, 120).")
            object.__setattr__(self, "ages", (int(low), int(high)))
        if self.minimum_enrolment is not None:
            if not 0 < self.minimum_enrolment <= 1:
                raise ClaimsError(f"minimum_enrolment is {self.minimum_enrolment}; allowed: a share, 0 to 1.")
            if self.start is None:
                raise ClaimsError("minimum_enrolment counts days from the start on. Pass start= as well.")
        object.__setattr__(self, "baseline", tuple(self.baseline))
        named = {str(practice): str(unit) for practice, unit in self.units.items()}
        object.__setattr__(self, "units", MappingProxyType(named))

    @property
    def sensitivity(self) -> tuple[str, ...]:
        """Filters that condition on what follows the start: a sensitivity analysis, never the main estimand."""
        filters = {
            "last year of life left out": not self.last_year_of_life,
            f"insured at least {self.minimum_enrolment or 0:.0%} of the days from {self.start} on": (
                self.minimum_enrolment is not None
            ),
            "days after leaving the practice of attribution left out": self.after_leaving == "drop",
        }
        return tuple(name for name, used in filters.items() if used)
