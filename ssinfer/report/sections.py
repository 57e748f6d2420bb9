"""Sections of the report, in their order, each with the findings that stand above its tables and figures."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from ssinfer.finding import Finding
from ssinfer.report.analysis import Analysis
from ssinfer.report.tables import (
    advice,
    balance,
    compared,
    comparison,
    contract_group,
    counting,
    evidence,
    explorer,
    intact,
    methods,
    sensitivity,
    thresholds,
)  # fmt: skip
from ssinfer.report.text.absent import absent_findings


@dataclass(frozen=True)
class Section:
    """Declares one section of the report; its title is ``section.<name>``."""

    name: str  # key that tables and figures name, and identifier in the page
    findings: Callable[[Analysis], Iterable[Finding | list[Finding]]] | None = None  # a list is one paragraph
    bullets: bool = False  # whether the paragraphs are a list


SECTIONS = (
    Section("comparison", comparison.comparison_lead),
    Section("balance-section", balance.balance_lead),
    Section("case-section", contract_group.case_lead),
    Section("thresholds-section", thresholds.thresholds_lead),
    Section("evidence", evidence.evidence_lead),
    Section("sensitivity", sensitivity.sensitivity_findings),
    Section("known-truth", contract_group.truth_lead),
    Section("counting", counting.counting_findings),
    Section("advice", advice.advice_findings),
    Section("what-if", explorer.what_if_lead),
    Section("one-scale", compared.one_scale_lead),
    Section("changed", compared.changed_findings, bullets=True),
    Section("blocks", compared.block_findings),
    Section("parties", compared.party_findings),
    Section("sampling", intact.noise_findings),
    Section("intact", intact.intact_findings),
    Section("transport", methods.transport_findings, bullets=True),
    Section("absent", absent_findings, bullets=True),
    Section("checklists"),
    Section("methods", methods.methods_findings),
)
