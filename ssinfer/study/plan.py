"""Plan: a study with its data loaded and every step validated, before anything is fitted."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import tomlkit

from ssinfer.backtesting.placebos import Placebos, PlaceboSample, placebo_units
from ssinfer.comparison import RULE_KEYS, SimilarSize, comparison_of
from ssinfer.contracts.contract import Contract
from ssinfer.contracts.settle import settle
from ssinfer.datasets.io.folders import FOUND
from ssinfer.design import Design
from ssinfer.documents import read_text
from ssinfer.errors import DesignError, StudyError, raised_as
from ssinfer.foreign import Text
from ssinfer.guard.method import GuardedMethod
from ssinfer.language import speak
from ssinfer.names import match_names
from ssinfer.panel import Panel
from ssinfer.plugins.discovery import make_method
from ssinfer.sentences import refuse
from ssinfer.study.config import StudyConfig, read_study
from ssinfer.study.config_base import Span
from ssinfer.study.config_blocks import ScenarioConfig, SharingConfig
from ssinfer.study.contract_years import not_due, settled_so_far
from ssinfer.study.data import WINDOW_KEYS, StudyData, categories_of, named_periods
from ssinfer.study.designs import StudyDesign
from ssinfer.study.hidden import HiddenGroups, find_hidden
from ssinfer.study.in_toml import told_in_toml
from ssinfer.study.look import Look, look_at
from ssinfer.study.provisional import RunOutNoise
from ssinfer.study.seal import Signed
from ssinfer.study.sharing import contract_of
from ssinfer.thresholds.kind import KINDS
from ssinfer.windows import ContractWindow, rolling_windows

PLACEBO = "placebo"  # the kind of threshold that is learned per contract year
CAPABILITY = {"posterior": "posterior", "sampling distribution": "confidence"}  # of a threshold's distribution
NEUTRAL_SHARE = 0.5  # sharing rate of over- and underpayments in a study that names no contract


@dataclass(frozen=True, eq=False)
class Plan:
    """A study whose every part was validated: nothing is fitted yet, and nothing should fail for its input."""

    config: StudyConfig
    data: StudyData
    designs: Mapping[str, Design]  # by name of their fits
    design_labels: Mapping[str, Text]
    methods: Mapping[str, Any]
    pairs: tuple[tuple[str, str], ...]  # names of fits, and methods
    placebos: Placebos  # None: every unit outside the design's treated
    origins: Mapping[str, tuple[Any, ...]]  # by name of the fits
    contracts: Mapping[str, tuple[Contract, float]]  # and sharing rates, fractions, by name of the sharing rule
    inputs: Mapping[str, Path]  # data files, and files of contracts, by the names that the study gives them
    read: tuple[StudyConfig, str]  # settings of the study file, and its text
    language: str = "en"  # the tag of the language of all that is printed
    signed: Signed | None = None  # the agreement on which it settles
    groups: Mapping[str, "Plan"] = field(default_factory=dict)  # of several contracts each; this plan is of the first

    @property
    def panel(self) -> Panel:
        """The panel of the first fits."""
        return self.data.panel

    @cached_property
    def hidden(self) -> HiddenGroups:
        """The groups that are too small to be shown, found in the data of all designs."""
        config, views = self.config, dict[str, tuple[Panel, Any]]()
        for design in sorted(config.designs, key=lambda design: design.fit != config.main_design.fit):
            view = self.data.view_of(design.fit)
            views |= dict.fromkeys((design.fit, design.name), (view.panel, view.cohort))
        others = [tuple(self.panel.units[row] for row in self.panel.rows(units)) for units in config.other_contracts]
        return find_hidden(views, self.designs, config.suppress_below, config.case.size_edges, others)

    def placebos_of(self, fit: str) -> Placebos:
        """Return the placebos of some fits; those of public data are chosen once, in the whole population."""
        whole = self.data.programme.whole
        if self.placebos is None or self.data.whole is None or not isinstance(whole, Panel):
            return self.placebos
        chosen = placebo_units(whole, self.designs[self.config.main_design.fit], self.placebos)
        return [unit for unit in chosen if unit in self.data.panel_of(fit).row_of]

    def windows_of(self, fit: str) -> list[ContractWindow]:
        """Return the windows of some fits."""
        return rolling_windows(self.data.panel_of(fit), self.designs[fit], self.origins.get(fit))

    def contract_of(self, design: StudyDesign) -> Contract | None:
        """Return the contract of a design; None if it shares nothing."""
        return None if design.sharing is None else self.contracts[design.sharing.name][0]

    def share_of(self, design: StudyDesign) -> float:
        """Return the rate of over- and underpayments of a design, a fraction."""
        return NEUTRAL_SHARE if design.sharing is None else self.contracts[design.sharing.name][1]

    def until(self, years: int) -> "Plan":
        """Return the plan of the first contract years of a term, as if their end were that of the data.

        Their placebo windows have as many years. They are those of the agreement, or else start no later than the
        contract: so what is learned of a contract year does not depend on later years.
        """
        designs, origins = dict(self.designs), dict(self.origins)
        for name, design in designs.items():
            panel = self.data.panel_of(name)
            performance = design.performance[: years * (panel.timeline.per_year or 1)]
            designs[name], start = design.replace(performance=performance), panel.timeline.column(performance[0])
            windows = rolling_windows(panel, designs[name], origins.get(name))
            known = [(window.origin, panel.timeline.column(window.origin)) for window in windows]
            origins[name] = tuple(origin for origin, column in known if (column or 0) <= (start or 0))
        return replace(self, designs=designs, origins=origins)

    @property
    def run_out(self) -> dict[str, RunOutNoise]:
        """What may still change, by name of the fits whose run-out is not over."""
        known = self.data.run_out.items()
        return {fit: noise for (group, fit, year), noise in known if group == self.config.only_group and not year}

    def run_out_of_years(self, fit: str) -> list[RunOutNoise | None]:
        """Return what may still change of each contract year that is settled; None of a final one."""
        years = range(1, self.config.settled + 1)
        return [self.data.run_out.get((self.config.only_group, fit, year)) for year in years]

    @property
    def _whole(self) -> StudyConfig:
        """The settings of the study, of several contracts of all."""
        return self.config.model_copy(update={"only_group": ""}) if self.groups else self.config

    @property
    def study_file(self) -> bytes:
        """The study file as it was read; settings of an agreement, or changed in Python, as TOML."""
        if self.read[0] is self.config and self.read[1]:
            return self.read[1].encode()
        return tomlkit.dumps(self._whole.document(exclude_unset=True, exclude_none=True)).encode()

    @property
    def scenarios(self) -> dict[str, ScenarioConfig]:
        """The true programmes by name; the last one saves evenly on all lines if the study states none that does."""
        stated = self.config.scenario
        name = "evenly" if all(part.name != "evenly" for part in stated) else "evenly on all spending"
        added = [] if any(part.even for part in stated) else [ScenarioConfig(name=name)]
        return {part.name: part for part in (*stated, *added)}

    @property
    def evenly(self) -> str:
        """The name of the programme that saves evenly on all lines."""
        return next(name for name, scenario in self.scenarios.items() if scenario.even)

    def data_for(self, design: str, method: str) -> Any:
        """Return the data of a method under a design: a Cohort if it needs persons, else the design's panel."""
        return self.data.data_for(design, getattr(self.methods[method], "needs", "panel"))

    @property
    def study_hash(self) -> str:
        """SHA-256 of the settings."""
        return self._whole.fingerprint()


def plan_study(
    path: str | Path, *, n_jobs: int = 1, tell: Callable[[Look], None] | None = None, language: str | None = None
) -> Plan:
    """Read a study file (TOML), load its data (with `n_jobs` processes), look at them, and validate every step.

    `tell` is called with the look at the data, before its findings are refused. All is printed in the `language` with
    this tag, by default that of the study file; one without a catalogue is refused.
    """
    with speak(language):
        path, text = Path(path), read_text(Path(path), "the study file", StudyError, "Pass the path of a TOML file.")
        config = read_study(path, text)
    return make_plan(config, text, path.parent, n_jobs=n_jobs, tell=tell, language=language, path=path)


def make_plan(
    config: StudyConfig,
    text: str,
    folder: Path,
    *,
    n_jobs: int = 1,
    tell: Callable[[Look], None] | None = None,
    language: str | None = None,
    signed: Mapping[str, Signed] | None = None,
    path: Path | None = None,
) -> Plan:
    """Load the data of a study, whose text was read from a file (`path`) in a `folder`, and validate every step.

    A sealed study (`StudyConfig.sealed`) reads nothing of the performance periods: its origins are those before them.
    On agreements, contracts and origins are as `signed`, by name of the group ("" without groups).
    """
    with speak(language or config.report.language) as spoken, told_in_toml(config, text, path):
        # Methods and sharing are validated before the data are read, which may take minutes.
        methods = make_methods(config)
        _check_threshold(config, methods)
        terms = [
            signed[own.only_group].contracts if signed else {part.name: _contract(part) for part in own.rules}
            for own in config.studies
        ]
        FOUND.clear()
        data = config.data.load(config, folder, n_jobs)
        data = data if config.seal is None else config.seal.hide(data)
        config = settled_so_far(config, data.panel.periods)
        studies = config.studies
        data = replace(data, findings=(*data.findings, *not_due(config)))
        named = [] if signed else [part.contract for part in config.sharing if part.contract.endswith(".toml")]
        inputs = config.data.files(folder) | FOUND | {name: Path(name) for name in named}
        if data.whole is None:
            categories_of(config, ())
        drawn = [{name: _design(own, part, data) for name, part in config.fits.items()} for own in studies]
        designs = drawn[0]
        stated = {name: part.origins for name, part in config.fits.items() if part.origins is not None}
        origins = {name: named_periods(at, data.panel.periods, "windows.origins") for name, at in stated.items()}
        if config.seal is not None:
            known = {name: _known(data.panel_of(name), designs[name], origins.get(name)) for name in designs}
            origins = {name: windows for name, windows in known.items() if windows}
        case = config.case
        match_names(case.names, data.panel.units, "case.names: the data have no unit", StudyError)
        if case.ses is not None:
            data.panel.covariate(case.ses)
        chosen: Placebos = case.placebos
        if chosen is None and (case.at_least or case.ratio):
            chosen = SimilarSize(ratio=case.ratio or float("inf"), at_least=case.at_least)
        fitted = {(design.fit, method) for design in config.designs for method in design.methods}
        pairs = tuple((name, part.label) for part in config.method for name in designs if (name, part.label) in fitted)
        if case.placebos_at_most is not None:
            chosen = PlaceboSample(case.placebos_at_most, chosen, case.size_edges, config.seed)
        plans = []
        for own, drawn_of, terms_of in zip(studies, drawn, terms, strict=True):
            agreed = signed[own.only_group] if signed else None
            windows = origins | dict(agreed.origins) if agreed else origins
            labels = {name: part.fit_label or repr(drawn_of[name]) for name, part in config.fits.items()}
            made = drawn_of, labels, methods, pairs, chosen, windows, terms_of, inputs, (own, text), spoken.tag, agreed
            plans.append(Plan(own, data, *made))
        for each in plans:
            _check_term(each)
        if config.term is not None and config.seal is None:
            plans = [each.until(config.settled) for each in plans]
        groups = {each.config.only_group: each for each in plans} if config.group and not config.only_group else {}
        plan = replace(plans[0], groups=groups)
        look = look_at(plan)
        if tell is not None:
            tell(look)
        refuse(look.findings, config.data.accept, StudyError, config.currency)
        for each, (design_name, method_name) in product(plans, pairs):
            method, design = methods[method_name], each.designs[design_name]
            fit: dict[str, Any] = {"design": config.fits[design_name], "method": method_name}
            with (
                raised_as(StudyError, f"design {design_name!r} with method {method_name!r}:"),
                told_in_toml(config, text, **fit),
            ):
                data_of_pair = plan.data_for(design_name, method_name)
                if hasattr(method, "prepare") and config.seal is None:
                    method.prepare(data_of_pair, design)
                each.windows_of(design_name)
        return plan


def _known(panel: Panel, design: Design, origins: tuple[Any, ...] | None) -> tuple[Any, ...]:
    """Return the origins of the windows that end before the start, so that their spending is known at signing."""
    known = np.isfinite(panel.spending).any(axis=0)
    windows = rolling_windows(panel, design, origins)
    return tuple(w.origin for w in windows if known[panel.columns([*w.learned, *w.measured])].all())


def make_methods(config: StudyConfig) -> dict[str, Any]:
    """Return the methods of a study by name; unknown methods and impossible parameters are refused."""
    methods = {}
    for part in config.method:
        given: Any = {"time_limit": part.time_limit, "defaults": config.defaults}
        methods[part.label] = method = make_method(part.method, part.parameters, **given)
        combines = getattr(method, "member_parameters", ())
        if "time_limit" in part.model_fields_set and not combines and not isinstance(method, GuardedMethod):
            raise StudyError(f"method {part.label!r}: time_limit is for methods of other packages. Leave it out.")
        if hasattr(method, "check_parameters"):
            with raised_as(StudyError, f"method {part.label!r}:"):
                method.check_parameters()
    return methods


def _check_threshold(config: StudyConfig, methods: Mapping[str, Any]) -> None:
    """Refuse a threshold that settles and needs a distribution which no method of the design gives."""
    for design in config.designs:
        if design.threshold is None:
            continue
        distribution = KINDS.find(design.threshold.kind).distribution
        names = config.settling[1:] if design.name == config.settling[0] else design.methods
        offers = [getattr(methods[m], "offered", getattr(methods[m], "capabilities", None)) for m in names]
        if distribution and offers and not any(getattr(offered, CAPABILITY[distribution], True) for offered in offers):
            raise StudyError(
                f"threshold.kind is {design.threshold.kind!r}, but no method gives a {distribution} "
                f"with these parameters under design {design.name!r}: {', '.join(map(repr, names))}. Give "
                "threshold.kind = 'placebo', or add a method that has one (`ssinfer methods` lists them)."
            )


def _check_term(plan: Plan) -> None:
    """Refuse a term of several years that the windows, contracts or thresholds of the study do not fit."""
    term, config = plan.config.term, plan.config
    if term is None:
        return
    for part in config.designs:
        panel, contract, stated = plan.data.panel_of(part.fit), plan.contract_of(part), part.performance
        design, needed = plan.designs[part.fit], config.settled * (panel.timeline.per_year or 1)
        listed = [] if isinstance(stated, Span) else map(panel.timeline.column, stated)
        columns = [column for column in listed if column is not None]  # at signing the panel ends before
        if columns != sorted(columns):
            raise StudyError(f"[term]: the performance periods are in the wrong order: {stated}. Sort them by time.")
        if len(design.performance) != needed:
            needed = needed * term.years // config.settled
            raise StudyError(
                f"[term] years = {term.years} needs {needed} performance periods, but design {part.name!r} has "
                f"{len(design.performance)}. Give the periods of all contract years, or another number of years."
            )
        if contract is None:
            continue
        if term.years % contract.years.pool:
            raise StudyError(f"[term] years = {term.years}, but {contract.name} pools {contract.years.pool} years.")
        if contract.threshold.kind == "computed" and part.threshold is not None and part.threshold.kind != PLACEBO:
            raise StudyError(f"[term]: thresholds per contract year are learned: give threshold.kind = {PLACEBO!r}.")


def _contract(part: SharingConfig) -> tuple[Contract, float]:
    """Return the contract of a sharing rule and its rate; one that cannot settle a saving is refused."""
    contract, share = contract_of(part)
    if part.share is None:  # a stated share may stand for a quality score
        with raised_as(StudyError, f"sharing {part.name!r}: a saving cannot be settled."):
            settle(contract, benchmark=100.0, spending=90.0, insured_years=1e6, quality=part.quality)
    return contract, share


def _design(config: StudyConfig, part: StudyDesign, data: StudyData) -> Design:
    panel, contracted = data.panel_of(part.fit), config.case.under_contract
    if data.claims is not None:  # units of the table of programmes are in no group, and in no panel of groups
        contracted = [unit for unit in data.claims.contracted if unit in panel.units]
    contracted = [*contracted, *(unit for units in config.other_contracts for unit in units)]
    with raised_as(StudyError, f"design {part.name!r}:", DesignError):
        windows: Any = {key: named_periods(getattr(part, key), panel.periods, f"windows.{key}") for key in WINDOW_KEYS}
        stated = {**vars(part.comparison), "spillover": part.population.spillover}
        return Design(
            treated=config.case.treated,
            **windows,
            donors=comparison_of({key: value for key, value in stated.items() if key in RULE_KEYS}),
            standard=data.standards.get(part.fit, part.comparison.standard),
            under_contract=contracted,
            incomplete=part.comparison.incomplete,
        ).on(panel)
