"""Claims of a study: from tables to cohorts and panels under its population, spending and groups."""

from __future__ import annotations

import fnmatch
import shutil
import tempfile
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from ssinfer.claims import ClaimsTables, Population, RunOut, Spending, Truncation, extract
from ssinfer.cohort.case_mix import expected_spending
from ssinfer.cohort.pseudo_practices import pseudo_practices
from ssinfer.errors import SsinferError, StudyError, did_you_mean
from ssinfer.periods import span
from ssinfer.simulation.known_saving import KnownSaving, known_saving
from ssinfer.study.config_claims import Groups, Insured, Span, SpendingPart

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ssinfer.claims import Extract
    from ssinfer.cohort.cohort import Cohort
    from ssinfer.panel import Panel
    from ssinfer.simulation.claims import SimulatedClaims
    from ssinfer.study.config import StudyFile
    from ssinfer.study.config_claims import Periods

EXPECTED = "expected"  # covariate: spending expected from sex and age


@dataclass(frozen=True, eq=False)
class View:
    """What one comparison of a study sees: its panel, and the persons behind it for methods that need them."""

    panel: Panel
    cohort: Cohort


@dataclass(frozen=True, eq=False)
class ClaimsCount:
    """What was made of a study's claims, for its report.

    Attributes
    ----------
    extracts : mapping of spending definition to Extract
    practices : Cohort
        Persons by practice (the contract's as one unit), before grouping.
    groups : Groups
        How they were grouped; `size` is filled in.
    left_over : int
        Persons in no group.
    contracted : tuple of str
        Units under contracts of their own, from the table of programmes: neither donors nor placebos.
    truth : mapping of comparison to KnownSaving
        Of simulated claims.
    why_no_truth : str
        Why a simulation has none for this population or spending.
    definitions : mapping of comparison to (spending definition, truncated)
    """

    extracts: Mapping[str, Extract]
    practices: Cohort
    groups: Groups
    left_over: int
    contracted: tuple[str, ...]
    definitions: Mapping[str, tuple[str, bool]]
    truth: Mapping[str, KnownSaving] = field(default_factory=dict)
    why_no_truth: str = ""

    def completion_error(self, comparison: str) -> float:
        """Return the relative standard error of the completion factor behind a comparison's spending; 0 without one."""
        found = self.extracts[self.definitions[comparison][0]].completion
        if found is None:
            return 0.0
        return float(found["standard_error"].iloc[0] / found["factor"].iloc[0])


@dataclass(frozen=True, eq=False)
class ClaimsData:
    """The data of a study on claims."""

    views: Mapping[str, View]
    count: ClaimsCount
    label: str
    note: str


def load_claims(file: StudyFile, beside: Path, n_jobs: int = 1) -> ClaimsData:
    """Extract claims (or simulate them first) as a study file asks, once per definition of spending.

    Processes, `n_jobs`, simulate; files of claims are read by the threads of the query engine.

    Raises
    ------
    StudyError
        A simulation, population, spending or group that cannot be, with the part of the file that says so.
    """
    periods = _periods_of(file)
    definitions = {part.name: file.definition_of(part) for part in file.comparison}
    # Values that contradict each other are refused before any claim is read.
    spendings = {part.name: spending_of(part) for part in definitions.values()}
    insured = file.population.insured or Insured()
    population_of(insured, periods, ())
    with _source(file, beside, n_jobs) as (tables, simulated, label, note):
        practices = _practices(tables) if insured.units else ()
        population = population_of(insured, periods, practices)
        extracts = {}
        for name, spending in spendings.items():
            try:
                extracts[name] = extract(tables, population, spending, periods=periods)
            except SsinferError as error:
                raise StudyError(f"spending {name!r}: {error}") from error
        uses = {part.name: (definitions[part.name].name, part.truncated) for part in file.comparison}
        cohorts = {
            use: extracts[use[0]].cohort(truncated=use[1]) for use in {*uses.values(), *((n, False) for n in extracts)}
        }
        truth, why = _truth(file, simulated, population, extracts, cohorts, uses)
        return _grouped(file, extracts, cohorts, uses, truth, why, label, note)


def population_of(part: Insured, periods: tuple[Any, ...], practices: tuple[str, ...]) -> Population:
    """Return the population that a study file describes; patterns of practices resolved among `practices`."""
    values = part.model_dump(exclude={"units", "baseline"})
    baseline = part.baseline
    values["baseline"] = _window(baseline, periods) if isinstance(baseline, Span) else tuple(baseline)
    units: dict[str, str] = {}
    for unit, wanted in part.units.items():
        for pattern in wanted if practices else ():
            found = fnmatch.filter(practices, pattern) if pattern.endswith("*") else [pattern]
            if not found or found[0] not in practices:
                raise StudyError(
                    f"population.insured.units: no practice is called {pattern!r}. {did_you_mean(pattern, practices)}"
                )
            for practice in found:
                if units.setdefault(practice, unit) != unit:
                    raise StudyError(f"population.insured.units: practice {practice!r} is in two units. Keep one.")
    try:
        return Population(**values, units=units)
    except SsinferError as error:
        raise StudyError(f"population.insured: {error}") from error


def spending_of(part: SpendingPart) -> Spending:
    """Return the definition of spending that a study file describes."""
    values = part.model_dump(exclude={"name", "truncation", "run_out", "reference_tariffs"})
    tariffs = part.reference_tariffs
    try:
        return Spending(
            **values,
            truncation=None if part.truncation is None else Truncation(**part.truncation.model_dump()),
            run_out=None if part.run_out is None else RunOut(**part.run_out.model_dump()),
            reference_tariffs=None if tariffs is None else pd.DataFrame(tariffs),
        )
    except SsinferError as error:
        raise StudyError(f"spending {part.name!r}: {error}") from error


def _periods_of(file: StudyFile) -> tuple[Any, ...]:
    from ssinfer.simulation.claim_setting import ClaimSetting  # noqa: PLC0415  (its defaults only)

    wanted = file.data.periods or Span(
        first=str(file.data.simulation.get("first", ClaimSetting.first)),
        last=str(file.data.simulation.get("last", ClaimSetting.last)),
    )
    try:
        return tuple(span(wanted.first, wanted.last))
    except SsinferError as error:
        raise StudyError(f"data.periods: {error}") from error


def _window(wanted: Span, periods: tuple[Any, ...]) -> tuple[Any, ...]:
    for label in (wanted.first, wanted.last):
        if label not in periods:
            raise StudyError(f"Period {label!r} is not in the claims' periods, {periods[0]!r} to {periods[-1]!r}.")
    return periods[periods.index(wanted.first) : periods.index(wanted.last) + 1]


class _source:  # noqa: N801  (a context manager, used as a function)
    """Open the tables of a study's claims; a simulation without a folder of its own is deleted afterwards."""

    def __init__(self, file: StudyFile, beside: Path, n_jobs: int) -> None:
        self.file, self.beside, self.n_jobs = file, beside, n_jobs
        self.temporary: Path | None = None

    def __enter__(self) -> tuple[ClaimsTables, SimulatedClaims | None, str, str]:
        data = self.file.data
        limit = data.memory_limit
        if data.source == "claims":
            assert data.file is not None  # noqa: S101  (validated by the study file)
            tables = ClaimsTables.open(self.beside / data.file, memory_limit=limit)
            return tables, None, f"claims in {data.file}", f"data of the study's own claims {data.file}"
        simulated = self._simulated()
        setting = simulated.setting
        label = (
            f"simulated claims of {setting.n_insured:,} insured, {simulated.lines:,} lines, {setting.first} to "
            f"{setting.last}, seed {setting.seed}"
        )
        note = "simulated data with known truth, calibrated to published figures: not a finding"
        return ClaimsTables.open(simulated.folder, memory_limit=limit), simulated, label, note

    def _simulated(self) -> SimulatedClaims:
        from ssinfer.simulation.claim_setting import ClaimSetting  # noqa: PLC0415  (only the source that is used)
        from ssinfer.simulation.claims import SimulatedClaims, simulate_claims  # noqa: PLC0415

        wanted = {"insured_under_contract": 20_000, "saving": 0.0, "seed": 1, **self.file.data.simulation}
        known = list(ClaimSetting.__dataclass_fields__)
        for key in wanted:
            if key not in known:
                raise StudyError(f"data.simulation names {key!r}. {did_you_mean(key, known)}")
        try:
            setting = ClaimSetting(**wanted)
            if self.file.data.file is not None:
                folder = self.beside / self.file.data.file
                if folder.exists():
                    held = SimulatedClaims.load(folder)
                    if held.setting != setting:
                        raise StudyError(f"{folder} holds another simulation. Name a new data.file, or delete it.")
                    return held
            else:
                self.temporary = Path(tempfile.mkdtemp(prefix="ssinfer-claims-"))
                folder = self.temporary / "claims"
            return simulate_claims(folder, **wanted, n_jobs=self.n_jobs)
        except (SsinferError, TypeError) as error:
            self.__exit__()
            raise error if isinstance(error, StudyError) else StudyError(f"data.simulation: {error}") from error

    def __exit__(self, *_: object) -> None:
        if self.temporary is not None:
            shutil.rmtree(self.temporary, ignore_errors=True)


def _practices(tables: ClaimsTables) -> tuple[str, ...]:
    found = tables.enrolment.select("practice").distinct().to_pandas()["practice"]
    return tuple(sorted(str(name) for name in found))


def _grouped(
    file: StudyFile,
    extracts: Mapping[str, Extract],
    cohorts: Mapping[tuple[str, bool], Cohort],
    uses: Mapping[str, tuple[str, bool]],
    truth: Mapping[str, KnownSaving],
    why: str,
    label: str,
    note: str,
) -> ClaimsData:
    """Return cohorts and panels of placebo groups, with the case-mix standard and the blocks of regions beside them."""
    first = cohorts[uses[file.comparison[0].name]]
    treated = _treated(file, first)
    contracted = tuple(
        unit
        for unit in dict.fromkeys((*next(iter(extracts.values())).under_contract, *file.population.under_contract))
        if unit not in treated
    )
    groups = file.population.groups or Groups()
    if groups.kind != "intact" and groups.size is None:
        groups = groups.model_copy(update={"size": int(np.isin(first.unit, treated).sum() // len(treated))})
    baseline = _window_of(file.windows.baseline, first.periods)
    made: dict[tuple[str, bool], View] = {}
    for use, cohort in cohorts.items():
        exclude = [unit for unit in contracted if unit in cohort.units]
        expected = expected_spending(cohort, baseline, exclude=[*treated, *exclude])
        places = _places(file, cohort)
        cohort = replace(cohort, covariates={**cohort.covariates, EXPECTED: expected, **places})  # noqa: PLW2901
        try:
            grouped = pseudo_practices(
                cohort, groups.kind, size=groups.size, exclude=exclude, keep=treated, seed=groups.seed
            )
        except SsinferError as error:
            raise StudyError(f"population.groups: {error}") from error
        made[use] = View(grouped.to_panel(), grouped)
    one = made[uses[file.comparison[0].name]].cohort
    count = ClaimsCount(
        extracts=MappingProxyType(dict(extracts)),
        practices=first,
        groups=groups,
        left_over=len(pd.unique(first.person)) - len(pd.unique(one.person)),
        contracted=contracted,
        definitions=MappingProxyType(dict(uses)),
        truth=MappingProxyType(dict(truth)),
        why_no_truth=why,
    )
    views = {name: made[use] for name, use in uses.items()}
    return ClaimsData(MappingProxyType(views), count, _label(label, groups, one, treated), note)


def _places(file: StudyFile, cohort: Cohort) -> dict[str, Any]:
    """Return latitude and longitude of each person's region (n,); none where the study names no places."""
    places = file.population.places
    if not places:
        return {}
    if cohort.region is None:
        raise StudyError("population.places needs the persons' region. Add the column to the table of insured.")
    codes, regions = pd.factorize(cohort.region)
    for region in regions:
        if region not in places:
            raise StudyError(f"population.places has no region {region!r}. {did_you_mean(region, places)}")
    points = np.array([places[region] for region in regions])[codes]
    return {"latitude": points[:, 0], "longitude": points[:, 1]}


def _treated(file: StudyFile, cohort: Cohort) -> list[str]:
    known = cohort.units
    for unit in file.population.treated:
        if unit not in known:
            raise StudyError(
                f"population.treated names {unit!r}, which is no unit of the claims. {did_you_mean(unit, known)} Units "
                "of several practices are named in population.insured.units."
            )
    return list(file.population.treated)


def _label(label: str, groups: Groups, cohort: Cohort, treated: list[str]) -> str:
    others = len(cohort.units) - len(treated)
    size = "" if groups.size is None else f" of about {groups.size:,} insured"
    kind = {"intact": "practices", "random": "groups of random insured"}.get(groups.kind, f"{groups.kind} of practices")
    return f"{label}; {others} {kind}{size} beside the contract"


def _window_of(wanted: Periods, periods: tuple[Any, ...]) -> tuple[Any, ...]:
    return _window(wanted, periods) if isinstance(wanted, Span) else tuple(wanted)


def _truth(
    file: StudyFile,
    simulated: SimulatedClaims | None,
    population: Population,
    extracts: Mapping[str, Extract],
    cohorts: Mapping[tuple[str, bool], Cohort],
    uses: Mapping[str, tuple[str, bool]],
) -> tuple[dict[str, KnownSaving], str]:
    """Return the known true saving per comparison of a simulation, or why there is none."""
    if simulated is None:
        return {}, ""
    treated = file.population.treated
    if len(treated) > 1 or population.kind == "closed" or population.sensitivity:
        return {}, "The true saving is known for one unit, all of its insured and an open population only."
    found = {}
    for name, (spending, truncated) in uses.items():
        part = file.definition_of(next(part for part in file.comparison if part.name == name))
        if part != SpendingPart(name=part.name, truncation=part.truncation, duplicates=part.duplicates):
            return (
                {},
                "The true saving is known for all spending, without choice of categories, prices or run-out, only.",
            )
        caps = None
        if truncated:
            table = extracts[spending].truncation
            assert table is not None  # noqa: S101  (validated by the study file)
            caps = dict(zip(table["year"].astype(int), table["cap"], strict=True))
        cohort = cohorts[spending, False]
        if treated[0] not in cohort.units:
            return {}, ""
        performance = _window_of(file.windows.performance, cohort.periods)
        found[name] = known_saving(simulated.persons(), cohort, treated[0], performance, caps=caps)
    return found, ""
