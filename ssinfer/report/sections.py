"""Sections of the report, in their order, each with the findings that stand above its tables and figures."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from ssinfer.finding import Finding
from ssinfer.report.analysis import Analysis
from ssinfer.report.tables.sensitivity import sensitivity_findings
from ssinfer.report.text import leads
from ssinfer.report.text.absent import absent_findings
from ssinfer.report.text.advice import advice_findings
from ssinfer.report.text.compared import block_findings, changed_findings, party_findings
from ssinfer.report.text.counting import counting_findings
from ssinfer.report.text.methods import methods_findings, transport_findings
from ssinfer.report.text.noise import intact_findings, noise_findings


@dataclass(frozen=True)
class Section:
    """Declares one section of the report; its title is ``section.<name>``."""

    name: str  # key that tables and figures name, and identifier in the page
    findings: Callable[[Analysis], Iterable[Finding | list[Finding]]] | None = None  # a list is one paragraph
    bullets: bool = False  # whether the paragraphs are a list


SECTIONS = (
    Section("comparison", leads.comparison_lead),
    Section("balance-section", leads.balance_lead),
    Section("case-section", leads.case_lead),
    Section("thresholds-section", leads.thresholds_lead),
    Section("evidence", leads.evidence_lead),
    Section("sensitivity", sensitivity_findings),
    Section("known-truth", leads.truth_lead),
    Section("counting", counting_findings),
    Section("advice", advice_findings),
    Section("one-scale", leads.one_scale_lead),
    Section("changed", changed_findings, bullets=True),
    Section("blocks", block_findings),
    Section("parties", party_findings),
    Section("sampling", noise_findings),
    Section("intact", intact_findings),
    Section("transport", transport_findings, bullets=True),
    Section("absent", absent_findings, bullets=True),
    Section("methods", methods_findings),
)
