"""StudyConfig: the five building blocks of a study in TOML, validated key by key."""

import hashlib
import json
import warnings
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import ConfigDict, Field, ValidationError, field_validator, model_validator

from ssinfer.documents import parse_toml, read_text
from ssinfer.errors import StudyError, did_you_mean
from ssinfer.study.config_base import Config, Fraction, Names, Periods, Real
from ssinfer.study.config_claims import GroupsConfig, InsuredConfig, SpendingConfig
from ssinfer.study.config_errors import explain, line_of
from ssinfer.study.source import SOURCES, ChosenBySource, DataConfig
from ssinfer.thresholds.kind import KINDS, ThresholdKey


class PopulationConfig(Config):
    """Units under contract and placebo units; for claims also the persons that count and their groups."""

    treated: Names = Field(min_length=1)
    placebos: Names | None = None
    placebos_at_most: int | None = Field(
        None, ge=20, description="units in a sample of the placebos, drawn by `seed` in proportion to each size class"
    )
    at_least: float = Field(0.0, ge=0)
    ratio: float | None = Field(None, gt=1)
    size_edges: list[Annotated[Real, Field(gt=0)]] = []
    under_contract: Names = []
    ses: str | None = None
    insured: InsuredConfig | None = None
    groups: GroupsConfig | None = None
    places: dict[str, tuple[Real, Real]] = {}  # latitude and longitude of each region of claims, in degrees

    @model_validator(mode="after")
    def _names_or_rule(self) -> Self:
        if self.placebos is not None and (self.at_least or self.ratio is not None):
            raise ValueError(
                "placebos names units, and at_least or ratio is a rule that would be ignored; keep one of them"
            )
        return self


class WindowsConfig(Config):
    """Baseline, performance and masked periods, and the origins of the backtest."""

    baseline: Periods
    performance: Periods
    masked: Periods = []
    origins: Periods | None = None


class ComparisonConfig(Config):
    """One comparison group, which makes a design."""

    name: str = Field(pattern=r"\S")
    label: str = ""
    donors: Names | None = None
    within_km: float | None = None
    beyond_km: float = 0.0
    at_least: float = 0.0
    ratio: float | None = None
    spending_within: float | None = None
    standard: str | None = None
    spending: str = ""  # name of a definition of spending of claims; by default the first
    truncated: bool = False
    baseline: Periods | None = None
    origins: Periods | None = None
    incomplete: Literal["refuse", "drop"] = "refuse"


class MethodConfig(Config):
    """A benchmark method by the name of its entry point."""

    method: str
    name: str = ""
    time_limit: float = Field(600.0, gt=0, description="seconds per fit of a method of another package")
    parameters: dict[str, Any] = {}
    comparisons: list[str] | None = None

    @property
    def label(self) -> str:
        """Name of the method in the study."""
        return self.name or self.method


class ThresholdConfig(Config):
    """Levels of thresholds, injected savings, the threshold that settles, and whether to calibrate the case."""

    levels: list[Fraction] = [0.95, 0.90]
    injected: list[Annotated[Real, Field(ge=0, lt=1)]] = [0.0, 0.02, 0.03, 0.05]
    kind: str = "placebo"
    level: Fraction = 0.95
    side: Literal["one-sided", "two-sided"] = "one-sided"
    calibrate: bool = False

    @field_validator("kind")
    @classmethod
    def _kind_settles(cls, name: str) -> str:
        settling = [kind.name for kind in KINDS.entries() if kind.settles]
        if name not in settling:
            raise ValueError(f"a study settles by {', '.join(map(repr, settling))}")
        return name

    @property
    def key(self) -> ThresholdKey:
        """The threshold that settles."""
        kind = KINDS.find(self.kind)
        side = self.side if self.side in kind.sides else kind.sides[0]
        return ThresholdKey(kind.name, self.level if kind.has_level else None, side, kind.priors[0])

    @property
    def all_levels(self) -> tuple[float, ...]:
        """The levels asked for, and the level of the threshold that settles."""
        return tuple(dict.fromkeys((*self.levels, self.level)))


class SharingConfig(Config):
    """The contract that settles. `share`, if given, must be the contract's own: it is a check, not a choice."""

    contract: str = Field(examples=['"kerngezond-vlissingen" (`ssinfer contracts` lists all)'])
    year: int | None = None
    share: Annotated[float, Field(gt=0, le=1)] | None = None
    quality: float | None = None


class StudyConfig(Config):
    """A study: population, spending, comparison, threshold and sharing, and the methods to compare."""

    model_config = ConfigDict(defer_build=True)  # data sources are looked up when the first study is read

    title: str
    question: str
    currency: str = "EUR"
    seed: int = 1
    suppress_below: int = Field(10, ge=0)
    data: Annotated[DataConfig, ChosenBySource]
    population: PopulationConfig
    windows: WindowsConfig
    spending: list[SpendingConfig] = []
    comparison: list[ComparisonConfig] = Field(min_length=1)
    method: list[MethodConfig] = Field(min_length=1)
    threshold: ThresholdConfig = ThresholdConfig()
    sharing: SharingConfig | None = None

    @model_validator(mode="after")
    def _names_are_consistent(self) -> Self:
        comparisons = [part.name for part in self.comparison]
        methods, spendings = [part.label for part in self.method], [part.name for part in self.spending]
        for table, names in {"comparison": comparisons, "method": methods, "spending": spendings}.items():
            repeated = sorted({name for name in names if names.count(name) > 1})
            if repeated:
                raise ValueError(f"{table}s {repeated} share a name; give each its own")
        for part in self.method:
            for name in part.comparisons or []:
                if name not in comparisons:
                    raise ValueError(
                        f"method {part.method!r} names comparison {name!r}. {did_you_mean(name, comparisons)}"
                    )
        return self

    @model_validator(mode="after")
    def _claims_have_their_tables(self) -> Self:
        """Refuse tables for claims if the source has none, and spending that no definition gives."""
        if not SOURCES.find(self.data.source).has_claims:
            given = {
                "spending": bool(self.spending),
                "population.insured": self.population.insured is not None,
                "population.groups": self.population.groups is not None,
                "population.places": bool(self.population.places),
                "comparison.spending": any(part.spending for part in self.comparison),
                "comparison.truncated": any(part.truncated for part in self.comparison),
            }
            for key, is_given in given.items():
                if is_given:
                    names = " or ".join(repr(source.name) for source in SOURCES.entries() if source.has_claims)
                    raise ValueError(
                        f"{key} is for claims, but data.source is {self.data.source!r}; choose {names}, or leave it out"
                    )
            return self
        for part in self.comparison:
            definition = self.definition_of(part)
            if part.truncated and definition.truncation is None:
                raise ValueError(
                    f"comparison {part.name!r} is truncated, but spending {definition.name!r} has no truncation; give "
                    "it truncation = { percentile = 0.99 } or an amount"
                )
        return self

    def definition_of(self, part: ComparisonConfig) -> SpendingConfig:
        """Return the definition of spending that a comparison uses."""
        names = [definition.name for definition in self.spending]
        if not part.spending:
            return self.spending[0] if self.spending else SpendingConfig()
        if part.spending not in names:
            raise ValueError(
                f"comparison {part.name!r} names spending {part.spending!r}. {did_you_mean(part.spending, names)}"
            )
        return self.spending[names.index(part.spending)]

    def fingerprint(self) -> str:
        """Return a SHA-256 of every setting: the study's hash, fixed before its result is seen."""
        text = json.dumps(self.model_dump(mode="json"), sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()


# keys that have a new name: table, old key, new key
RENAMED = (("threshold", "gate", "kind"), ("comparison", "level_within", "spending_within"))


def read_study(path: str | Path) -> StudyConfig:
    """Read and validate a study file; a StudyError names each mistake with its line, a FutureWarning old keys."""
    path = Path(path)
    text = read_text(path, "the study file", StudyError, "Pass the path of a TOML file.")
    document = parse_toml(text, path, StudyError)
    new_lines = _rename_keys(document, text, path)
    try:
        study = StudyConfig.model_validate(document)
    except ValidationError as error:
        lines = [explain(text, item, StudyConfig) for item in error.errors(include_url=False)[:8]]
        raise StudyError(f"{path}: " + "; ".join(lines)) from None
    if new_lines:
        warnings.warn(f"{path} uses old names of keys. {' '.join(new_lines)}", FutureWarning, stacklevel=2)
    return study


def _rename_keys(document: dict[str, Any], text: str, path: Path) -> list[str]:
    """Give keys their new names in place, and return the new line of each."""
    new_lines = []
    for name, old, new in RENAMED:
        given = document.get(name, [])
        for index, table in enumerate(given if isinstance(given, list) else [given]):
            if not isinstance(table, dict) or old not in table:
                continue
            location = (name, str(index), old) if isinstance(given, list) else (name, old)
            line = line_of(text, location)
            if new in table:
                raise StudyError(f"{path}: {old!r} (line {line}) is the old name of {new!r}. Give one of them.")
            table[new] = table.pop(old)
            new_lines.append(f"Line {line}: {old} is now called {new}. Write {new} = {json.dumps(table[new])}.")
    return new_lines
