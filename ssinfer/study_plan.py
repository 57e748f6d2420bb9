"""Plan: a study with its data loaded and every step validated, before anything is fitted."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ssinfer.comparison import RULE_KEYS, ComparisonRule, SimilarSize, comparison_of
from ssinfer.contracts.contract import load_contract
from ssinfer.design import Design
from ssinfer.errors import DesignError, PanelError, SsinferError, StudyError
from ssinfer.plugins.discovery import make_method
from ssinfer.study_data import load_data
from ssinfer.study_file import Comparison, Span, StudyFile, read_study
from ssinfer.windows import rolling_windows

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ssinfer.panel import Panel


@dataclass(frozen=True, eq=False)
class Plan:
    """A study whose every part has been looked at: nothing is fitted yet, and nothing should fail for its input."""

    file: StudyFile
    panel: Panel
    data_label: str
    note: str
    designs: Mapping[str, Design]
    design_labels: Mapping[str, str]
    methods: Mapping[str, Any]
    pairs: tuple[tuple[str, str], ...]
    placebos: ComparisonRule | list[str] | None
    origins: Mapping[str, tuple[Any, ...]] | None
    contract: Any
    share: float

    @property
    def study_hash(self) -> str:
        """SHA-256 of the settings."""
        return self.file.fingerprint()


def plan_study(path: str | Path) -> Plan:
    """Read a study file, load its data, and validate every step before anything is fitted.

    Raises
    ------
    StudyError, DesignError, PanelError, DatasetError, PluginError, ContractError
        With what is wrong, what is allowed, and the next step.
    """
    path = Path(path)
    file = read_study(path)
    panel, label, note = load_data(file, path.parent)
    designs, labels = {}, {}
    for part in file.comparison:
        designs[part.name] = _design(file, part, panel)
        labels[part.name] = part.label or repr(designs[part.name])
    methods: dict[str, Any] = {}
    pairs = []
    for method in file.method:
        name = method.name or method.method
        methods[name] = make_method(method.method, method.parameters)
        pairs += [(design, name) for design in (method.comparisons or designs)]
    wanted = {part.name: part.origins or file.windows.origins for part in file.comparison}
    origins = {name: tuple(_periods(span, panel, "origins")) for name, span in wanted.items() if span is not None}
    for design_name, method_name in pairs:
        try:
            if hasattr(methods[method_name], "prepare"):
                methods[method_name].check_parameters()
                methods[method_name].prepare(panel, designs[design_name])
            rolling_windows(panel, designs[design_name], origins.get(design_name))
        except SsinferError as error:
            raise StudyError(f"comparison {design_name!r} with method {method_name!r}: {error}") from error
    population = file.population
    placebos: ComparisonRule | list[str] | None = population.placebos
    if placebos is None and (population.at_least or population.ratio):
        placebos = SimilarSize(ratio=population.ratio or float("inf"), at_least=population.at_least)
    if population.ses is not None:
        panel.covariate(population.ses)
    contract = load_contract(file.sharing.contract, year=file.sharing.year)
    return Plan(
        file=file,
        panel=panel,
        data_label=label,
        note=note,
        designs=designs,
        design_labels=labels,
        methods=methods,
        pairs=tuple(pairs),
        placebos=placebos,
        origins=origins,
        contract=contract,
        share=_share(file, contract),
    )


def _share(file: StudyFile, contract: Any) -> float:
    """Return the contract's share of savings, by which over- and underpayments of the backtest are reckoned."""
    stated, own = file.sharing.share, contract.sharing.savings
    if contract.quality.kind == "gate_table":
        score = file.sharing.quality
        reached = [gate[1] for gate in contract.quality.gates if score is not None and score >= gate[0]]
        if not reached and stated is None:
            raise StudyError(
                f"sharing: the share of contract {contract.name!r} depends on its quality gate. Give sharing.quality, "
                "the score that is expected, or sharing.share."
            )
        own = reached[-1] if reached else stated
    if stated is not None and abs(stated - own) > 1e-9:
        raise StudyError(
            f"sharing.share is {stated:g}, and contract {contract.name!r} pays {own:g} of savings: the backtest would "
            f"reckon by another share than is settled. Leave share out, or name a contract that pays {stated:g}."
        )
    return float(own)


def _periods(given: Span | list[Any], panel: Panel, what: str) -> list[Any]:
    if not isinstance(given, Span):
        return list(given)
    try:
        first, last = panel.columns([given.first, given.last])
    except PanelError as error:
        raise StudyError(f"windows.{what}: {error}") from None
    return list(panel.periods[first : last + 1])


def _design(file: StudyFile, part: Comparison, panel: Panel) -> Design:
    windows = file.windows
    try:
        return Design(
            treated=file.population.treated,
            baseline=_periods(part.baseline or windows.baseline, panel, "baseline"),
            performance=_periods(windows.performance, panel, "performance"),
            masked=_periods(windows.masked, panel, "masked"),
            donors=comparison_of({key: getattr(part, key) for key in RULE_KEYS}),
            standard=part.standard,
            under_contract=file.population.under_contract,
            incomplete=part.incomplete,
        )
    except DesignError as error:
        raise StudyError(f"comparison {part.name!r}: {error}") from error
