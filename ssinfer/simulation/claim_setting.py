"""Parameters of simulated claims, the regions and practices drawn from them, and their persons."""

from dataclasses import dataclass
from typing import Any, Literal, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.linalg import toeplitz

from ssinfer.arguments import SHARE, Number, checked
from ssinfer.errors import DataError, DatasetError, raised_as, refuse_unknown
from ssinfer.periods import PER_YEAR, parse_period, span
from ssinfer.simulation.care_kinds import response_to_health
from ssinfer.simulation.dutch_spending import CATEGORY_MEANS, NATIONAL_GROWTH
from ssinfer.simulation.panel import COVID_DIP, SEASON, ar1
from ssinfer.typing import Booleans, Floats, Integers

CONTRACT_REGION = "Vlissingen"
SES_LEVELS = ("low", "middle", "high")
TAIL_MEAN = 12.0  # of a tail line of a hospital, relative to the mean line
AGE_TILT = 0.15  # SD between practices of the log weight of an age group relative to the next younger one
_RARE = Number(0, 0.5, open="high")


@checked(
    DatasetError,
    tail_index=Number(2, open="low"),
    **dict.fromkeys(("insurer_share", "frailty_permanent"), SHARE),
    **dict.fromkeys(("switch_practice", "switch_insurer", "leave", "enter", "corrections"), _RARE),
    hospital_tail=Number(0, 0.08),
    by_persons=Number(0, 1),
)
@dataclass(frozen=True, kw_only=True)
class ClaimSetting:
    """Parameters of :func:`simulate_claims`. All but the published means are assumptions. Rates are per year."""

    n_insured: int
    insured_under_contract: int
    seed: int
    saving: float | dict[str, float] = 0.0
    first: str = "2018Q2"
    last: str = "2024Q2"
    start: str = "2022Q1"  # first quarter under contract
    practice_size: int = 2_500  # mean number of insured; sizes vary by a factor of about 2
    n_regions: int = 8  # beside Vlissingen
    insurer_share: float = 0.8  # of insurer A, which has the contract; other persons are insured with B
    contract_level: float = 1.13  # of spending in Vlissingen relative to the country (2,646 / 2,342 in 2015)
    region_sd: float = 0.05  # relative SD of level between regions
    practice_sd: float = 0.06  # relative SD of level between practices within a region
    growth: float = NATIONAL_GROWTH
    region_trend_sd: float = 0.002  # SD of growth between regions
    shock_sd: float = 0.02  # of practices
    region_shock_sd: float = 0.008
    shock_persistence: float = 0.5  # autocorrelation of both shocks over one year
    frailty_sd: float = 1.3  # of the logarithm of a person's frailty
    frailty_permanent: float = 0.6  # permanent share of its variance
    frailty_persistence: float = 0.7  # autocorrelation of the other part over one quarter
    lines_per_quarter: float = 4.0  # mean number of claim lines per insured quarter
    hospital_tail: float = 0.025  # share of hospital lines from the Pareto tail
    tail_index: float = 2.3  # of that tail; smaller is heavier, and a finite variance needs more than 2
    last_year_of_life: float = 4.0  # spending in the last four quarters relative to others of the same age and sex
    switch_practice: float = 0.02
    switch_insurer: float = 0.06  # on 1 January
    leave: float = 0.004  # the country
    enter: float = 0.015  # share of persons, half of them newborn
    corrections: float = 0.002  # share of lines that are booked twice and reversed by a negative amount
    covid: bool = True  # whether spending dips in 2020-21
    season: bool = True  # whether quarters differ
    persons: Literal["simple", "realistic"] = "simple"  # realistic: users, persistence and tail per kind of care
    by_persons: float = 0.6  # realistic: share of lasting levels of practices and regions that persons explain
    region_shock_sd_per_year: float | None = None  # of a region's year; replaces region_shock_sd. Dutch size: 0.012

    def __post_init__(self) -> None:
        with raised_as(DatasetError, of=DataError):
            periods = self.periods
        if self.start not in periods or parse_period(self.first).frequency != "quarter":
            raise DatasetError(f"start is {self.start!r}; allowed: a quarter from {self.first!r} to {self.last!r}.")
        if not 0 < self.insured_under_contract / self.insurer_share < self.n_insured:
            raise DatasetError(
                f"insured_under_contract is {self.insured_under_contract:,} of {self.n_insured:,} insured, of whom a "
                f"share of {self.insurer_share} is with the contract's insurer; others must be left as donors."
            )
        saving = self.saving if isinstance(self.saving, dict) else ()
        refuse_unknown(saving, CATEGORY_MEANS, "saving names", DatasetError)

    @property
    def periods(self) -> tuple[Any, ...]:
        """Labels of the quarters."""
        return span(self.first, self.last)

    @property
    def quarterly_region_shock_sd(self) -> float:
        """SD of a region's shock in a quarter; the mean of four AR(1) quarters varies less than one quarter."""
        if self.region_shock_sd_per_year is None:
            return self.region_shock_sd
        phi = self.shock_persistence ** (0.25 * np.arange(4))
        return self.region_shock_sd_per_year / float(np.sqrt(toeplitz(phi).mean()))

    def add_tail(
        self, relative: Floats, hospital: Booleans, rng: np.random.Generator, bound: Floats | float = np.inf
    ) -> None:
        r"""Draw some hospital lines from the Pareto tail; scale the others down, so that the mean stays.

        With a finite `bound` (of a line, relative to its mean) the tail is the Pareto law below it, of mean
        :math:`m (1 - r^{a-1}) / (1 - r^a)`: a is the index, m the mean without a bound, x = m (a - 1) / a the least
        tail line and r = x / bound.
        """
        index, share, size = self.tail_index, self.hospital_tail, relative.shape
        unbounded = np.minimum(TAIL_MEAN, 0.5 * bound)
        least = unbounded * (index - 1) / index
        below = 1 - (least / bound) ** index
        mean = unbounded * (1 - (least / bound) ** (index - 1)) / below
        least, below, other = (np.broadcast_to(x, size) for x in (least, below, (1 - mean * share) / (1 - share)))
        tail = hospital & (rng.random(len(relative)) < share)
        relative[tail] = least[tail] * (1 - below[tail] * rng.random(int(tail.sum()))) ** (-1 / index)
        relative[hospital & ~tail] *= other[hospital & ~tail]

    def saving_rates(self) -> Floats:
        """Return the true saving per category, in the order of CATEGORY_MEANS."""
        if isinstance(self.saving, dict):
            return np.array([self.saving.get(category, 0.0) for category in CATEGORY_MEANS])
        return np.full(len(CATEGORY_MEANS), float(self.saving))


@dataclass(frozen=True, eq=False)
class Landscape:
    """Regions, practices and their spending over time. G practices, R regions, T quarters."""

    practices: pd.DataFrame  # practice, region, treated
    region: NDArray[np.intp]  # (G,) number of each practice's region; 0 is Vlissingen
    weight: Floats  # (A, G) share of the region's persons of an age group that enrol with the practice; A is 1 or 3
    health: Floats  # (G,) mean of realistic persons' general health; higher is dearer
    region_share: Floats  # (R,) share of all persons
    level: Floats  # (G, T) relative expected spending: region, practice, trend, shocks, growth, season, dip
    low_ses: Floats  # (R,) probabilities
    high_ses: Floats

    @classmethod
    def of(cls, setting: ClaimSetting) -> Self:
        """Draw the landscape of a setting from its seed alone."""
        rng = np.random.default_rng(np.random.SeedSequence([setting.seed, 0]))
        contract_share = setting.insured_under_contract / setting.insurer_share / setting.n_insured
        n_regions = setting.n_regions + 1
        others = rng.dirichlet(np.full(setting.n_regions, 8.0)) * (1 - contract_share)
        share = np.concatenate([[contract_share], others])
        counts = np.maximum(1, np.round(share * setting.n_insured / setting.practice_size)).astype(int)
        region = np.repeat(np.arange(n_regions), counts)
        size = np.exp(0.4 * rng.standard_normal(len(region)))
        weight = size / np.bincount(region, weights=size)[region]
        names = [CONTRACT_REGION, *(f"region {number:02d}" for number in range(1, n_regions))]
        within = np.concatenate([np.arange(1, count + 1) for count in counts])
        practices = pd.DataFrame(
            {
                "practice": [f"{names[r]} {rank:03d}" for r, rank in zip(region, within, strict=True)],
                "region": [names[r] for r in region],
                "treated": region == 0,
            }
        )
        periods = setting.periods
        years = np.array([parse_period(period).number / PER_YEAR["quarter"] for period in periods])
        phi = setting.shock_persistence**0.25
        region_level = np.exp(setting.region_sd * rng.standard_normal(n_regions))
        region_level[0] = setting.contract_level
        trend = setting.region_trend_sd * rng.standard_normal(n_regions)
        shock = setting.quarterly_region_shock_sd * ar1(rng, n_regions, len(periods), phi)[region]
        shock = shock + setting.shock_sd * ar1(rng, len(region), len(periods), phi)
        base = np.exp((setting.growth + trend[region])[:, None] * (years - 2018.5))
        level = region_level[region] * np.exp(setting.practice_sd * rng.standard_normal(len(region)))
        season = np.array([SEASON[parse_period(period).number % 4] if setting.season else 1.0 for period in periods])
        dip = np.array([1 + (COVID_DIP.get(period, 0.0) if setting.covid else 0.0) for period in periods])
        low, high = rng.uniform(0.2, 0.4, n_regions), rng.uniform(0.2, 0.4, n_regions)
        low[0] = 0.4
        weights, health = weight[None], np.zeros(len(region))
        if setting.persons == "realistic":
            # One part of a lasting level is a factor on everybody, the other one is worse health of the persons.
            part = setting.by_persons
            regional = np.log(region_level[region])
            factor = (1 - part) * regional + np.sqrt(1 - part) * (np.log(level) - regional)
            by_health = part * regional + np.sqrt(part) * setting.practice_sd * rng.standard_normal(len(region))
            level, health = np.exp(factor), by_health / response_to_health(setting.frailty_sd / ClaimSetting.frailty_sd)
            tilt = AGE_TILT * rng.standard_normal(len(region))
            weights = weight * np.exp(np.array([[-1.0], [0.0], [1.0]]) * tilt)
            weights = weights / np.array([np.bincount(region, weights=row)[region] for row in weights])
        level_over_time = level[:, None] * base * (1 + shock) * season * dip
        return cls(practices, region, weights, health, share, level_over_time, low, high)

    def under_contract(
        self, setting: ClaimSetting, practice: Integers, insurer: Integers, column: Integers
    ) -> Booleans:
        """Return where the contract holds: its region, insurer A, from the start on."""
        started = column >= setting.periods.index(setting.start)
        return np.asarray((self.region[practice] == 0) & (insurer == 0) & started)


@dataclass(frozen=True, eq=False)
class Persons:
    """P persons of one chunk, T quarters; days count from 1970-01-01."""

    number: Integers
    sex: NDArray[np.str_]
    birth_year: Integers
    ses: Integers
    practice: Integers
    insurer: Integers
    low: Integers  # first day enrolled in the quarter (P, T)
    high: Integers  # last day enrolled; before `low` where not enrolled
    death: Integers
    ages: Integers  # in calendar years (P, T)
    dying: Floats  # probability of a quarter in the last year of life at this age (P, T)
    near_death: Booleans  # whether the quarter is in the last year of life (P, T)
    ses_factor: Floats  # relative spending by SES, mean 1 in the region (P,)

    @property
    def days(self) -> Integers:
        """Insured days (P, T)."""
        return np.asarray(np.maximum(self.high - self.low + 1, 0))
