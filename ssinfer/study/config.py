"""StudyConfig: the five building blocks of a study in TOML, validated key by key."""

import datetime as dt
import hashlib
import json
import warnings
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import ConfigDict, Field, PrivateAttr, ValidationError, model_validator

from ssinfer.documents import parse_toml, read_text
from ssinfer.errors import StudyError, refuse_unknown
from ssinfer.names import normalise
from ssinfer.periods import Period, parse_period
from ssinfer.study import config_blocks as parts
from ssinfer.study.config_base import Config, Date, Span, Texts
from ssinfer.study.config_claims import SpendingConfig
from ssinfer.study.config_errors import explain, line_of
from ssinfer.study.designs import StudyDesign, designs_of, settling
from ssinfer.study.first_edition import first_place, is_first_edition, second_edition
from ssinfer.study.frames import BLOCKS
from ssinfer.study.seal import Seal
from ssinfer.study.sharing import contract_of
from ssinfer.study.source import SOURCES, ChosenBySource, DataConfig


class StudyConfig(Config):
    """A study: building blocks, the designs that choose one of each, and the methods to compare."""

    model_config = ConfigDict(defer_build=True)  # data sources are looked up when the first study is read

    title: Texts
    question: Texts
    report: parts.ReportConfig = parts.ReportConfig()
    date: Date | None = None  # of the report; default: last day of the data
    currency: str = "EUR"
    seed: int = 1
    suppress_below: int = Field(10, ge=2)  # insured; `--confidential` hides nothing
    data: Annotated[DataConfig, ChosenBySource]
    case: parts.CaseConfig  # with groups: all their units, then those of one group
    group: list[parts.GroupConfig] = []  # several contracts
    only_group: str = ""  # the one of them that is settled alone; the others are under contract
    windows: parts.WindowsConfig
    term: parts.TermConfig | None = None
    backtest: parts.BacktestConfig = parts.BacktestConfig()
    advice: parts.AdviceConfig = parts.AdviceConfig()
    agreement: parts.AgreementConfig = parts.AgreementConfig()
    population: list[parts.PopulationConfig] = [parts.PopulationConfig()]
    spending: list[SpendingConfig] = [SpendingConfig()]
    comparison: list[parts.ComparisonConfig] = Field(min_length=1)
    threshold: list[parts.ThresholdConfig] = []  # without one there is no verdict
    sharing: list[parts.SharingConfig] = []
    method: list[parts.MethodConfig] = Field(min_length=1)
    design: list[parts.DesignConfig] = []
    grid: parts.GridConfig | None = None
    scenario: list[parts.ScenarioConfig] = []
    _run: dict[str, Any] = PrivateAttr({})

    def with_run(self, **of_run: Any) -> Self:
        """Return the study with what a run adds (see the properties that read it); its designs are listed again."""
        config = self.model_copy()
        config._run = self._run | of_run  # noqa: SLF001
        for name in ("designs", "fits"):
            vars(config).pop(name, None)
        return config

    @property
    def defaults(self) -> str:
        """The class attribute of methods with the values of parameters that the study does not state."""
        on_claims = "on_claims" if SOURCES.find(self.data.source).has_claims else ""
        return str(self._run.get("defaults") or on_claims)

    @property
    def seal(self) -> Seal | None:
        """What may be read at signing; None: all of the data."""
        return self._run.get("seal")

    @property
    def groups_until(self) -> dt.date | None:
        """The day until which persons make the groups of practices of claims; None: all of them do."""
        return self._run.get("groups_until")

    @property
    def settled(self) -> int:
        """Number of contract years of the term that are settled: all of them, unless the delivery lacks the last."""
        return 0 if self.term is None else self._run.get("settled_years") or self.term.years

    def sealed(self, as_of: dt.date) -> Self:
        """Return the study for signing: its sources read nothing of the first performance period and later.

        Only periods whose run-out is over by `as_of` are read, so that no completion is needed.
        """
        config = self.with_run_outs(complete=False, provisional=False, extracted=dt.date(9999, 1, 1))
        months = max((part.run_out.months for part in self.spending if part.run_out), default=0)
        return config.with_run(seal=Seal(self.performance[0], self.performance[-1], as_of, months))

    @property
    def performance(self) -> list[Period]:
        """The first and last performance periods of all designs, ascending; DataError if they have no calendar."""
        windows = [part.performance for part in self.fits.values()]
        ends = [(part.first, part.last) if isinstance(part, Span) else part for part in windows]
        return sorted(parse_period(label) for labels in ends for label in labels)

    def with_run_outs(self, **changes: Any) -> Self:
        """Return the study with other values in each run-out."""
        spending = [
            part.model_copy(update={"run_out": part.run_out and part.run_out.model_copy(update=changes)})
            for part in self.spending
        ]
        return self.model_copy(update={"spending": spending}).with_run()

    @model_validator(mode="before")
    @classmethod
    def _case_of_groups(cls, document: Any) -> Any:
        """Put the units of all groups into the case, which holds what groups share."""
        groups = [part for part in document.get("group", ()) if isinstance(part, dict)]
        case, only = document.get("case", {}), document.get("only_group")
        if not groups or not isinstance(case, dict):
            return document
        if both := sorted(case.keys() & {"treated", "units"}):
            raise ValueError(
                f"case.{both[0]} stands beside [[group]]; name the units of each contract in its [[group]], and leave "
                f"case.{both[0]} out"
            )
        chosen = [part for part in groups if part.get("name") == only] or groups
        treated = [unit for part in chosen for unit in _listed(part.get("treated"))]
        units = {name: value for part in groups for name, value in _listed(part.get("units"), dict).items()}
        return {**document, "case": {**case, "treated": list(dict.fromkeys(treated)), "units": units}}

    @model_validator(mode="after")
    def _groups_share_no_unit(self) -> Self:
        group_of: dict[str, str] = {}
        for part in self.group:
            for unit in {normalise(name): name for name in (*part.treated, *part.units)}:
                if group_of.setdefault(unit, part.name) != part.name:
                    raise ValueError(
                        f"unit {unit!r} is in the groups {group_of[unit]!r} and {part.name!r}; a unit has one contract"
                    )
        known = [part.name for part in self.group]
        refuse_unknown([self.only_group] if self.only_group else [], known, "only_group names group", ValueError)
        return self

    @model_validator(mode="after")
    def _names_are_consistent(self) -> Self:
        for table in (*BLOCKS, "method", "scenario", "group"):
            names = [part.label if table == "method" else part.name for part in getattr(self, table)]
            if repeated := sorted({name for name in names if names.count(name) > 1}):
                raise ValueError(f"{table}s {repeated} share a name; give each its own")
        comparisons = [part.name for part in self.comparison]
        for part in self.method:
            refuse_unknown(part.comparisons or [], comparisons, f"method {part.method!r} names comparison", ValueError)
        return self

    @model_validator(mode="after")
    def _source_reads_all_keys(self) -> Self:
        """Refuse keys that the data source does not read."""
        source = SOURCES.find(self.data.source)
        claims = {"case": ("units", "groups", "places"), "scenario": ("dearest",)}
        for table in ("case", "scenario", "population", "spending"):
            for part in [self.case] if table == "case" else getattr(self, table):
                keys = claims.get(table, tuple(type(part).model_fields))
                for key in keys:
                    default = type(part).model_fields[key].get_default(call_default_factory=True)
                    if getattr(part, key) != default and not source.reads(key):
                        names = " or ".join(repr(other.name) for other in SOURCES.entries() if other.reads(key))
                        read = ", ".join(filter(source.reads, keys)) or "none of its keys"
                        own = f"data.source is {source.name!r}, which reads {read}"
                        raise ValueError(f"{table}.{key} is for {names}, but {own}; leave it out")
        return self

    @model_validator(mode="after")
    def _designs_can_be_listed(self) -> Self:
        settling(self, self.designs)
        return self

    @cached_property
    def designs(self) -> tuple[StudyDesign, ...]:
        """The designs that the study names, and those of its grid."""
        return designs_of(self)

    @cached_property
    def fits(self) -> dict[str, StudyDesign]:
        """A design of each name of fits: designs that differ in threshold or sharing only share their fits."""
        fits: dict[str, StudyDesign] = {}
        for design in self.designs:
            fits.setdefault(design.fit, design)
        return fits

    @property
    def settling(self) -> tuple[str, str]:
        """The names of the design and the method that settle; empty if no design can settle."""
        return settling(self, self.designs)[:2]

    @property
    def main_design(self) -> StudyDesign:
        """The design that settles; the first one if none can."""
        return next((design for design in self.designs if design.name == self.settling[0]), self.designs[0])

    @property
    def levels(self) -> tuple[float, ...]:
        """The levels at which thresholds are compared, and those of the thresholds of the designs."""
        return tuple(dict.fromkeys((*self.backtest.levels, *(design.compared_by.level for design in self.designs))))

    @property
    def savings(self) -> tuple[float, ...]:
        """True savings, of all spending, at which payments are reported: those injected, and the target saving."""
        return tuple(sorted({*filter(None, self.backtest.injected), self.advice.target_saving}))

    @property
    def other_contracts(self) -> list[list[str]]:
        """The units of each of the other groups; none in the study of all groups."""
        return [part.treated for part in self.group if self.only_group not in ("", part.name)]

    @property
    def contracted(self) -> list[str]:
        """The units of all groups."""
        return list(dict.fromkeys(unit for part in self.group for unit in part.treated)) or self.case.treated

    @property
    def studies(self) -> list[Self]:
        """The study of each contract: of each group, or this study."""
        if self.only_group or not self.group:
            return [self]
        cases = {part.name: self.case.model_copy(update={"treated": part.treated}) for part in self.group}
        return [self.model_copy(update={"case": case, "only_group": name}) for name, case in cases.items()]

    @property
    def contract_title(self) -> Texts:
        """The title, with the name of the group."""
        ending = f": {self.only_group}" if self.only_group else ""
        titles = self.title
        return titles + ending if isinstance(titles, str) else {tag: text + ending for tag, text in titles.items()}

    @property
    def rules(self) -> list[parts.SharingConfig]:
        """The sharing rules, with the share of the group."""
        share = next((part.share for part in self.group if part.name == self.only_group), None)
        return [part.model_copy(update={"share": share} if share else {}) for part in self.sharing]

    def document(self, **options: Any) -> dict[str, Any]:
        """Return the settings as a study file has them: beside groups, the case has no units of its own."""
        document = self.model_dump(mode="json", **options)
        own = ("treated", "units") if self.group else ()
        return {**document, "case": {key: value for key, value in document["case"].items() if key not in own}}

    def fingerprint(self) -> str:
        """Return a SHA-256 of every setting but date, report and agreement, fixed before the result is seen."""
        later = ("term", "group", "only_group")
        names = ("date", "report", "agreement", *(name for name in later if not getattr(self, name)))
        unset = {name: True for name in self.data.later if not getattr(self.data, name)}
        plain = {place: {"spillover"} for place, part in enumerate(self.population) if not part.spillover}
        left_out: Any = {**dict.fromkeys(names, True), "case": {"names"}, "data": unset, "population": plain}
        text = json.dumps(self.model_dump(mode="json", exclude=left_out), sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()


def _listed(value: Any, kind: type = list) -> Any:
    return value if isinstance(value, kind) else kind()


# keys that have a new name: table, old key, new key
RENAMED = (("threshold", "gate", "kind"), ("comparison", "level_within", "spending_within"))


def read_study(path: str | Path, text: str | None = None) -> StudyConfig:
    """Read and validate a study file; a StudyError names each mistake with its line, a FutureWarning old keys."""
    path = Path(path)
    text = read_text(path, "the study file", StudyError, "Pass the path of a TOML file.") if text is None else text
    document = parse_toml(text, path, StudyError)
    new_lines = _rename_keys(document, text, path)
    try:
        first = is_first_edition(document)
        study = StudyConfig.model_validate(second_edition(document) if first else document)
        for part in study.sharing if first else ():
            contract_of(part, share_is_check=True)
    except ValidationError as error:
        errors = error.errors(include_url=False)[:8]
        lines = [explain(text, item, StudyConfig, first_place if first else None) for item in errors]
        raise StudyError(f"{path}: " + "; ".join(dict.fromkeys(lines))) from None
    except StudyError as error:
        raise StudyError(f"{path}: {error}") from None
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
