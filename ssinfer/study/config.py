"""StudyFile: the five building blocks of a study in TOML, validated key by key."""

from __future__ import annotations

import hashlib
import json
import re
import tomllib
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

from pydantic import BaseModel, Field, ValidationError, model_validator

from ssinfer.errors import StudyError, did_you_mean
from ssinfer.study.config_claims import Groups, Insured, Part, Periods, Share, Span, SpendingPart

CLAIMS_SOURCES = ("claims", "simulated_claims")


class Data(Part):
    """Spending: where it comes from.

    `file` is a panel, a folder or DuckDB file of claims, or the folder that keeps simulated claims; `periods` are those
    of claims; `simulation` holds arguments of :func:`ssinfer.datasets.simulate_claims`.
    """

    source: Literal["vektis", "dartmouth", "simulated_kerngezond_vlissingen", "panel", "claims", "simulated_claims"]
    years: Span | None = None
    periods: Span | None = None
    basket: str = "core"
    file: str | None = None
    simulation: dict[str, Any] = {}
    memory_limit: str | None = None
    columns: dict[str, Any] = {}
    groups: int = 60
    saving: float = 0.0
    seed: int = 1

    @model_validator(mode="after")
    def _complete(self) -> Data:
        if self.source == "vektis" and self.years is None:
            raise ValueError("source 'vektis' needs years = { first = ..., last = ... }")
        if self.source == "panel" and self.file is None:
            raise ValueError("source 'panel' needs file = 'panel.csv' or 'panel.parquet', beside the study file")
        if self.source == "claims" and (self.file is None or self.periods is None):
            raise ValueError(
                "source 'claims' needs file = 'claims' (a folder or DuckDB file beside the study file) and periods = "
                "{ first = '2018Q2', last = '2024Q2' }"
            )
        if self.source == "simulated_claims" and "n_insured" not in self.simulation:
            raise ValueError("source 'simulated_claims' needs simulation = { n_insured = 150000, ... }")
        if self.simulation and self.source != "simulated_claims":
            raise ValueError(f"simulation is for source 'simulated_claims', not {self.source!r}; leave it out")
        return self


class Population(Part):
    """Who is under contract, and which units stand in as placebos; of claims also who counts and how they group.

    `places` gives latitude and longitude of each region of claims, for local and regional comparison groups
    (`within_km`, `beyond_km`).
    """

    treated: list[str] = Field(min_length=1)
    placebos: list[str] | None = None
    at_least: float = 0.0
    ratio: float | None = None
    size_edges: list[float] = []
    under_contract: list[str] = []
    ses: str | None = None
    insured: Insured | None = None
    groups: Groups | None = None
    places: dict[str, tuple[float, float]] = {}

    @model_validator(mode="after")
    def _one_rule(self) -> Population:
        if self.placebos is not None and (self.at_least or self.ratio is not None):
            raise ValueError(
                "placebos names units, and at_least or ratio is a rule that would be ignored; keep one of them"
            )
        return self


class Windows(Part):
    """When: baseline, performance, masked periods, and the origins of the backtest."""

    baseline: Periods
    performance: Periods
    masked: Periods = []
    origins: Periods | None = None


class Comparison(Part):
    """One comparison group: a design. `spending` names a definition (the first if left out), for claims."""

    name: str
    label: str = ""
    donors: list[str] | None = None
    within_km: float | None = None
    beyond_km: float = 0.0
    at_least: float = 0.0
    ratio: float | None = None
    level_within: float | None = None
    standard: str | None = None
    spending: str = ""
    truncated: bool = False
    baseline: Periods | None = None
    origins: Periods | None = None
    incomplete: Literal["refuse", "drop"] = "refuse"


class Method(Part):
    """A benchmark method by the name of its entry point."""

    method: str
    name: str = ""
    parameters: dict[str, Any] = {}
    comparisons: list[str] | None = None


class ThresholdPart(Part):
    """Levels of thresholds, injected savings, the gate that settles, and whether to sample the whole calibration."""

    levels: list[Share] = [0.95, 0.90]
    injected: list[Annotated[float, Field(ge=0, lt=1)]] = [0.0, 0.02, 0.03, 0.05]
    gate: Literal["confidence", "credible", "calibrated", "power", "placebo", "schedule"] = "placebo"
    level: Share = 0.95
    side: Literal["one-sided", "two-sided"] = "one-sided"
    calibrate: bool = False

    @property
    def all_levels(self) -> tuple[float, ...]:
        """Levels asked for, and the one of the gate: without its threshold nothing could be settled."""
        return tuple(dict.fromkeys((*self.levels, self.level)))


class Sharing(Part):
    """The contract that settles; `share`, where given, is the contract's own (a check, not a choice)."""

    contract: str = "kerngezond-vlissingen"
    year: int | None = None
    share: Annotated[float, Field(gt=0, le=1)] | None = None
    quality: float | None = None


class StudyFile(Part):
    """A study: population, spending, comparison, threshold and sharing, and the methods to compare."""

    title: str
    question: str
    currency: str = "EUR"
    seed: int = 1
    suppress_below: int = 10
    data: Data
    population: Population
    windows: Windows
    spending: list[SpendingPart] = []
    comparison: list[Comparison] = Field(min_length=1)
    method: list[Method] = Field(min_length=1)
    threshold: ThresholdPart = ThresholdPart()
    sharing: Sharing = Sharing()

    @model_validator(mode="after")
    def _consistent(self) -> StudyFile:
        for what, names in (
            ("comparison", [part.name for part in self.comparison]),
            ("method", [part.name or part.method for part in self.method]),
            ("spending", [part.name for part in self.spending]),
        ):
            twice = sorted({name for name in names if names.count(name) > 1})
            if twice:
                raise ValueError(f"{what}s {twice} share a name; give each its own")
        known = [part.name for part in self.comparison]
        for part in self.method:
            for name in part.comparisons or []:
                if name not in known:
                    raise ValueError(f"method {part.method!r} names comparison {name!r}. {did_you_mean(name, known)}")
        self._claims()
        return self

    def _claims(self) -> None:
        """Refuse what only claims have where there are none, and spending that no definition gives."""
        if self.data.source not in CLAIMS_SOURCES:
            given = {
                "spending": bool(self.spending),
                "population.insured": self.population.insured is not None,
                "population.groups": self.population.groups is not None,
                "population.places": bool(self.population.places),
                "comparison.spending": any(part.spending for part in self.comparison),
                "comparison.truncated": any(part.truncated for part in self.comparison),
            }
            found = [name for name, here in given.items() if here]
            if found:
                raise ValueError(
                    f"{found[0]} is for claims, but data.source is {self.data.source!r}; choose 'claims' or "
                    "'simulated_claims', or leave it out"
                )
            return
        for part in self.comparison:
            definition = self.definition_of(part)
            if part.truncated and definition.truncation is None:
                raise ValueError(
                    f"comparison {part.name!r} is truncated, but spending {definition.name!r} has no truncation; give "
                    "it truncation = { percentile = 0.99 } or an amount"
                )

    def definition_of(self, part: Comparison) -> SpendingPart:
        """Return the definition of spending that a comparison uses."""
        names = [definition.name for definition in self.spending]
        if not part.spending:
            return self.spending[0] if self.spending else SpendingPart()
        if part.spending not in names:
            raise ValueError(
                f"comparison {part.name!r} names spending {part.spending!r}. {did_you_mean(part.spending, names)}"
            )
        return self.spending[names.index(part.spending)]

    def fingerprint(self) -> str:
        """Return a SHA-256 of every setting: the study's hash, fixed before its result is seen."""
        text = json.dumps(self.model_dump(mode="json"), sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()


def read_study(path: str | Path) -> StudyFile:
    """Read and validate a study file.

    Raises
    ------
    StudyError
        The file is absent or no TOML; a key is unknown (nearest key and line named); a value is impossible.
    """
    path = Path(path)
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise StudyError(
            f"Cannot read the study file {path}: {error.strerror}. Pass the path of a TOML file."
        ) from None
    except UnicodeDecodeError as error:
        raise StudyError(f"{path} is not UTF-8 ({error}). Save it as UTF-8, as TOML asks.") from None
    try:
        return StudyFile.model_validate(tomllib.loads(text))
    except tomllib.TOMLDecodeError as error:
        raise StudyError(f"{path} is not valid TOML: {error}.") from None
    except ValidationError as error:
        lines = [_explain(text, item) for item in error.errors(include_url=False)[:8]]
        raise StudyError(f"{path}: " + "; ".join(lines)) from None


def _explain(text: str, item: Any) -> str:
    """Return one validation error in words, with the key, its line, and the nearest allowed key."""
    where = [str(part) for part in item["loc"] if part not in ("Span", "list[union[int,str]]", "int", "str")]
    key = ".".join(where)
    line = line_of(text, tuple(where))
    place = f" (line {line})" if line else ""
    if item["type"] == "extra_forbidden":
        return f"unknown key '{key}'{place}. {did_you_mean(where[-1], _allowed(tuple(where[:-1])))}"
    if item["type"] == "missing":
        return f"key '{key}' is missing{place}"
    got = "" if isinstance(item.get("input"), dict) else f", got {item.get('input')!r}"
    message = item["msg"].removeprefix("Value error, ")
    return f"key '{key}'{place}: {message}{got}" if key else message


def _allowed(where: tuple[str, ...]) -> list[str]:
    """Return the keys of the table at a path of keys."""
    model: type[BaseModel] = StudyFile
    for key in where:
        field = None if key.isdigit() else model.model_fields.get(key)
        if field is not None:
            model = next(iter(_models(field.annotation)), model)
    return list(model.model_fields)


def _models(annotation: Any) -> list[type[BaseModel]]:
    """Return the tables in an annotation such as `list[Comparison]` or `Span | list[Label]`."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [model for part in get_args(annotation) for model in _models(part)]


def line_of(text: str, where: tuple[str, ...]) -> int | None:
    r"""Return the line of a key in a TOML text, or of its table if the key is absent.

    >>> line_of("title = 1\n[data]\nsorce = 2", ("data", "sorce"))
    3
    """
    table, index, position = "", -1, None
    counts: dict[str, int] = {}
    number = int(where[1]) if len(where) > 1 and where[1].isdigit() else 0
    keys = [part for part in where[1:] if not part.isdigit()]
    wanted = (where[0], *keys) if where else ()
    for place, raw in enumerate(text.splitlines(), start=1):
        line = raw.strip()
        if header := re.fullmatch(r"\[+([^\]]+)\]+.*", line):
            table = header[1].strip()
            counts[table] = index = counts.get(table, -1) + 1
            if where and table == where[0] and index == number:
                position = place
            continue
        key = re.split(r"[=\s]", line, maxsplit=1)[0].strip("\"'")
        if not table and where and key == where[0]:
            return place
        if len(keys) > 1 and (*table.split("."), key) == wanted:
            return place
        if where and keys and table.split(".")[0] == where[0] and index == number and key == keys[0]:
            return place
    return position
