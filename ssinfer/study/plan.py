"""Plan: a study with its data loaded and every step validated, before anything is fitted."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ssinfer.backtesting.placebos import Placebos, PlaceboSample
from ssinfer.comparison import RULE_KEYS, SimilarSize, comparison_of
from ssinfer.contracts.contract import Contract, load_contract
from ssinfer.design import Design
from ssinfer.errors import DesignError, PanelError, SsinferError, StudyError
from ssinfer.guard.method import GuardedMethod
from ssinfer.look.sentences import refuse
from ssinfer.panel import Panel
from ssinfer.plugins.discovery import make_method
from ssinfer.study.config import ComparisonConfig, SharingConfig, StudyConfig, read_study
from ssinfer.study.config_base import Periods, Span
from ssinfer.study.data import StudyData
from ssinfer.study.look import Look, look_at
from ssinfer.thresholds.kind import KINDS
from ssinfer.windows import rolling_windows

CAPABILITY = {"posterior": "posterior", "sampling distribution": "confidence"}  # of a threshold's distribution
NEUTRAL_SHARE = 0.5  # sharing rate of over- and underpayments in a study that names no contract


@dataclass(frozen=True, eq=False)
class Plan:
    """A study whose every part was validated: nothing is fitted yet, and nothing should fail for its input."""

    config: StudyConfig
    data: StudyData
    designs: Mapping[str, Design]  # by name of the comparison
    design_labels: Mapping[str, str]
    methods: Mapping[str, Any]
    pairs: tuple[tuple[str, str], ...]  # comparisons and methods that are fitted
    placebos: Placebos  # None: every unit outside the design's treated
    origins: Mapping[str, tuple[Any, ...]]  # by name of the comparison
    contract: Contract | None  # None: nothing is settled
    share: float  # sharing rate of over- and underpayments, a fraction

    @property
    def panel(self) -> Panel:
        """The first comparison's panel."""
        return self.data.panel

    @property
    def suppress_below(self) -> int:
        """The smallest number of insured of a group that is shown."""
        return self.config.suppress_below

    def data_for(self, design: str, method: str) -> Any:
        """Return the data of a method under a design: a Cohort if it needs persons, else the design's panel."""
        return self.data.data_for(design, getattr(self.methods[method], "needs", "panel"))

    @property
    def study_hash(self) -> str:
        """SHA-256 of the settings."""
        return self.config.fingerprint()


def plan_study(path: str | Path, *, n_jobs: int = 1, tell: Callable[[Look], None] | None = None) -> Plan:
    """Read a study file (TOML), load its data (with `n_jobs` processes), look at them, and validate every step.

    `tell` is called with the look at the data, before its findings are refused.
    """
    path = Path(path)
    config = read_study(path)
    # Methods and sharing are validated before the data are read, which may take minutes.
    methods = make_methods(config)
    _check_threshold(config, methods)
    contract, share = _contract(config.sharing)
    data = config.data.load(config, path.parent, n_jobs)
    designs = {part.name: _design(config, part, data) for part in config.comparison}
    origins = {
        part.name: tuple(_periods(labels, data.panel, "origins"))
        for part in config.comparison
        if (labels := part.origins or config.windows.origins) is not None
    }
    population, placebos = config.population, config.population.placebos
    if population.ses is not None:
        data.panel.covariate(population.ses)
    rule = None
    if placebos is None and (population.at_least or population.ratio):
        rule = SimilarSize(ratio=population.ratio or float("inf"), at_least=population.at_least)
    design_labels = {part.name: part.label or repr(designs[part.name]) for part in config.comparison}
    pairs = tuple((name, part.label) for part in config.method for name in (part.comparisons or designs))
    chosen: Placebos = rule or placebos
    if population.placebos_at_most is not None:
        chosen = PlaceboSample(population.placebos_at_most, chosen, population.size_edges, config.seed)
    plan = Plan(config, data, designs, design_labels, methods, pairs, chosen, origins, contract, share)
    look = look_at(plan)
    if tell is not None:
        tell(look)
    refuse(look.findings, config.data.accept, StudyError, config.currency)
    _check_pairs(plan)
    return plan


def make_methods(config: StudyConfig) -> dict[str, Any]:
    """Return the methods of a study by name; unknown methods and impossible parameters are refused."""
    methods = {}
    for part in config.method:
        methods[part.label] = method = make_method(part.method, part.parameters, time_limit=part.time_limit)
        combines = getattr(method, "member_parameters", ())
        if "time_limit" in part.model_fields_set and not combines and not isinstance(method, GuardedMethod):
            raise StudyError(f"method {part.label!r}: time_limit is for methods of other packages. Leave it out.")
        try:
            if hasattr(method, "check_parameters"):
                method.check_parameters()
        except SsinferError as error:
            raise StudyError(f"method {part.label!r}: {error}") from error
    return methods


def _check_threshold(config: StudyConfig, methods: Mapping[str, Any]) -> None:
    """Refuse a threshold that settles and needs a distribution which no method gives."""
    distribution = KINDS.find(config.threshold.kind).distribution
    if not distribution:
        return
    offers = [getattr(method, "offered", getattr(method, "capabilities", None)) for method in methods.values()]
    if not any(getattr(offered, CAPABILITY[distribution], True) for offered in offers):
        raise StudyError(
            f"threshold.kind is {config.threshold.kind!r}, but no method gives a {distribution} with these parameters: "
            f"{', '.join(map(repr, methods))}. Give threshold.kind = 'placebo', or add a method that has one "
            "(`ssinfer methods` lists them)."
        )


def _check_pairs(plan: Plan) -> None:
    for design_name, method_name in plan.pairs:
        method, design = plan.methods[method_name], plan.designs[design_name]
        try:
            data = plan.data_for(design_name, method_name)
            if hasattr(method, "prepare"):
                method.prepare(data, design)
            rolling_windows(plan.panel, design, plan.origins.get(design_name))
        except SsinferError as error:
            raise StudyError(f"comparison {design_name!r} with method {method_name!r}: {error}") from error


def _contract(sharing: SharingConfig | None) -> tuple[Contract | None, float]:
    """Return the contract that settles, and the share of savings by which over- and underpayments are computed."""
    if sharing is None:
        return None, NEUTRAL_SHARE
    contract = load_contract(sharing.contract, year=sharing.year)
    share, stated = contract.sharing.savings, sharing.share
    if contract.quality.kind == "gate_table":
        score = sharing.quality
        shares = [step[1] for step in contract.quality.gates if score is not None and score >= step[0]]
        if not shares and stated is None:
            raise StudyError(
                f"sharing: the share of contract {contract.name!r} depends on its quality score. Give sharing.quality, "
                "the score that is expected, or sharing.share."
            )
        share = shares[-1] if shares else (stated or share)
    if stated is not None and abs(stated - share) > 1e-9:
        raise StudyError(
            f"sharing.share is {stated:g}, but contract {contract.name!r} pays {share:g} of savings. Leave share out, "
            f"or name a contract that pays {stated:g}."
        )
    return contract, float(share)


def _periods(labels: Periods, panel: Panel, key: str) -> list[Any]:
    """Return the panel's periods that a study file names, as a span or one by one."""
    if key == "masked" and not isinstance(labels, Span):
        return list(labels)  # masked periods may lie outside the panel
    named = [labels.first, labels.last] if isinstance(labels, Span) else list(labels)
    try:
        columns = panel.columns(named, f"{key} period").tolist()
    except PanelError as error:
        raise StudyError(f"windows.{key}: {error}") from None
    if isinstance(labels, Span):
        columns = list(range(columns[0], columns[1] + 1))
        if not columns:
            raise StudyError(f"windows.{key}: first {labels.first!r} is after last {labels.last!r}. Exchange them.")
    return [panel.periods[column] for column in columns]


def _design(config: StudyConfig, part: ComparisonConfig, data: StudyData) -> Design:
    windows, panel = config.windows, data.panel_of(part.name)
    contracted = config.population.under_contract
    if data.claims is not None:  # units of the table of programmes are in no group, and in no panel of groups
        contracted = [unit for unit in data.claims.contracted if unit in panel.units]
    try:
        return Design(
            treated=config.population.treated,
            baseline=_periods(part.baseline or windows.baseline, panel, "baseline"),
            performance=_periods(windows.performance, panel, "performance"),
            masked=_periods(windows.masked, panel, "masked"),
            donors=comparison_of({key: getattr(part, key) for key in RULE_KEYS}),
            standard=part.standard,
            under_contract=contracted,
            incomplete=part.incomplete,
        ).on(panel)
    except DesignError as error:
        raise StudyError(f"comparison {part.name!r}: {error}") from error
