"""The five building blocks of a contract in a study file, and the designs that choose one of each."""

from typing import Annotated, Any, Literal, Self

from pydantic import Field, field_validator, model_validator

from ssinfer.language import tags
from ssinfer.study.config_base import Config, Date, Fraction, Names, Periods, Real, Span, Texts
from ssinfer.study.config_claims import GroupsConfig, InsuredConfig
from ssinfer.thresholds.kind import KINDS, ThresholdKey


class CaseConfig(Config):
    """Units under contract, placebo units, and for claims how practices form units; the same for all designs."""

    treated: Names = Field(min_length=1)
    under_contract: Names = []
    names: dict[str, str] = {}  # names of units in report and console; all files keep the units
    units: dict[str, Names] = {}  # practices of each unit of claims; `*` at the end stands for any ending
    placebos: Names | None = None
    placebos_at_most: int | None = Field(
        None, ge=20, description="units in a sample of the placebos, drawn by `seed` in proportion to each size class"
    )
    at_least: float = Field(0.0, ge=0)
    ratio: float | None = Field(None, gt=1)
    size_edges: list[Annotated[Real, Field(gt=0)]] = []
    ses: str | None = None
    groups: GroupsConfig | None = None
    places: dict[str, tuple[Real, Real]] = {}  # latitude and longitude of each region of claims, in degrees

    @model_validator(mode="after")
    def _names_or_rule(self) -> Self:
        if self.placebos is not None and (self.at_least or self.ratio is not None):
            raise ValueError("placebos names units: at_least or ratio would be ignored; keep one of them")
        return self


class GroupConfig(Config):
    """One of several contracts of an insurer: its units, and for claims the practices of each (as case.units)."""

    name: str = Field(pattern=r"^\w[\w .-]*$")  # also of its folder
    treated: Names = Field(min_length=1)
    units: dict[str, Names] = {}
    share: Annotated[float, Field(gt=0, le=1)] | None = None  # in place of the share of the sharing rules


class PopulationConfig(InsuredConfig):
    """One population: the persons of claims, or the cells of published data, that count."""

    name: str = "insured"
    label: Texts = ""
    sexes: Names | None = None  # of public data: "male", "female"
    at_least: Annotated[float, Field(ge=0)] = 0.0  # of public data: insured-years of a unit in the first period
    spillover: Annotated[Names, Field(description="units that share providers with the contract group: no donors")] = []


class WindowsConfig(Config):
    """Baseline, performance and masked periods, and the origins of the backtest, for designs without their own."""

    baseline: Periods
    performance: Periods
    masked: Periods = []
    origins: Periods | None = None


class TermConfig(Config):
    """A contract of several years, settled year by year; its rules of rebasing, caps and losses are the contract's."""

    years: int = Field(ge=2, le=100, description="contract years, which the performance periods hold")

    def by_year(self, performance: Periods) -> list[list[Any]]:
        """Return the periods of each contract year; none if they do not fill the years."""
        labels = performance.labels if isinstance(performance, Span) else performance
        size = len(labels) // self.years
        starts = range(0, len(labels), size) if size * self.years == len(labels) else ()
        return [labels[start : start + size] for start in starts]

    def first_years(self, performance: Periods, years: int) -> Periods:
        """Return the periods of the first years."""
        labels = [label for year in self.by_year(performance)[:years] for label in year]
        return Span(first=labels[0], last=labels[-1]) if isinstance(performance, Span) else labels


class ComparisonConfig(Config):
    """One comparison group."""

    name: str = Field(pattern=r"\S")
    label: Texts = ""
    donors: Names | None = None
    within_km: float | None = None
    beyond_km: float = 0.0
    at_least: float = 0.0
    ratio: float | None = None
    spending_within: float | None = None
    standard: str | None = None
    incomplete: Literal["refuse", "drop"] = "refuse"


class MethodConfig(Config):
    """A benchmark method by the name of its entry point."""

    method: str
    name: str = ""
    time_limit: float = Field(600.0, gt=0, description="seconds per fit of a method of another package")
    parameters: dict[str, Any] = {}
    comparisons: list[str] | None = None
    settles: bool = False

    @property
    def label(self) -> str:
        """Name of the method in the study."""
        return self.name or self.method


class ReportConfig(Config):
    """The language of the report, of the console, and of the figures."""

    language: str = "en"

    @field_validator("language")
    @classmethod
    def _has_a_catalogue(cls, tag: str) -> str:
        if tag not in tags():
            raise ValueError(f"allowed: {', '.join(map(repr, tags()))}, each with a catalogue")
        return tag


class BacktestConfig(Config):
    """Levels at which thresholds are compared, and true savings rates at which detection is reported."""

    levels: list[Fraction] = [0.95, 0.90]
    injected: list[Annotated[Real, Field(ge=0, lt=1)]] = [0.0, 0.02, 0.03, 0.05]


class AdviceConfig(Config):
    """The rule of the advice for the next contract: a true saving of all spending, and the probability to find it."""

    target_saving: Fraction = 0.03
    detection: Fraction = 0.5


class AgreementConfig(Config):
    """Dates of an agreement (`ssinfer sign`): of signing, of the last known payment, of delivery and of settlement."""

    signed: Date | None = None  # default: today
    as_of: Date | None = None  # default: the day before the start, or that of signing if it is earlier
    delivery: Date | None = None  # default: the extraction of the run-out, or the end of its months
    settlement: Date | None = None  # default: three months after delivery


class ThresholdConfig(Config):
    """One threshold that settles."""

    name: str = "threshold"
    label: Texts = ""
    kind: str = "placebo"
    level: Fraction = 0.95
    side: Literal["one-sided", "two-sided"] = "one-sided"
    prior: str | None = None  # by default the first of the kind
    calibrate: bool = False

    @field_validator("kind")
    @classmethod
    def _kind_settles(cls, name: str) -> str:
        settling = [kind.name for kind in KINDS.entries() if kind.settles]
        if name not in settling:
            raise ValueError(f"a study settles by {', '.join(map(repr, settling))}")
        return name

    @model_validator(mode="after")
    def _prior_is_known(self) -> Self:
        priors = KINDS.find(self.kind).priors
        if self.prior is not None and self.prior not in priors:
            known = f"allowed for {self.kind!r} are {', '.join(map(repr, priors))}" if any(priors) else "leave it out"
            raise ValueError(f"prior {self.prior!r} is none of a {self.kind!r} threshold; {known}")
        return self

    @property
    def key(self) -> ThresholdKey:
        """The threshold that settles."""
        kind = KINDS.find(self.kind)
        side = self.side if self.side in kind.sides else kind.sides[0]
        return ThresholdKey(kind.name, self.level if kind.has_level else None, side, self.prior or kind.priors[0])


class SharingConfig(Config):
    """A contract that settles. Its shares, its caps (of the benchmark) and what it shares can be replaced."""

    name: str = "sharing"
    label: Texts = ""
    contract: str = Field(examples=['"kerngezond-vlissingen" (`ssinfer contracts` lists all)'])
    year: int | None = None
    share: Annotated[float, Field(gt=0, le=1)] | None = None
    losses: Annotated[Real, Field(ge=0, le=1)] | None = None
    caps: dict[Literal["savings", "losses"], Fraction] = {}
    shared: Literal["first_dollar", "excess"] | None = None  # all savings, or those above the threshold
    quality: float | None = None


class ScenarioConfig(Config):
    """A true programme: the lines or cells in which its saving falls; by default evenly on all lines."""

    name: str
    label: Texts = ""
    categories: Names | None = None
    dearest: Fraction | None = None  # share of persons with the highest spending of the year

    @model_validator(mode="after")
    def _falls_in_one_place(self) -> Self:
        if self.categories is not None and self.dearest is not None:
            raise ValueError("a saving falls on categories or on the dearest persons; keep one of them")
        return self

    @property
    def even(self) -> bool:
        """Whether the saving falls evenly on all lines."""
        return self.categories is None and self.dearest is None


class DesignConfig(Config):
    """One design: a name of each block (by default the first), methods (by default all), and windows of its own."""

    name: str
    label: Texts = ""
    population: str | None = None
    spending: str | None = None
    comparison: str | None = None
    threshold: str | None = None
    sharing: str | None = None
    methods: list[str] | None = None
    settles: bool = False
    baseline: Periods | None = None
    performance: Periods | None = None
    masked: Periods | None = None
    origins: Periods | None = None


class GridConfig(Config):
    """Crosses lists of names (by default all) of each block; `skip` lists combinations to leave out."""

    population: list[str] | None = None
    spending: list[str] | None = None
    comparison: list[str] | None = None
    threshold: list[str] | None = None
    sharing: list[str] | None = None
    methods: list[str] | None = None
    skip: list[dict[str, str]] = []
    settles: dict[str, str] = {}
    allow_many: bool = False
