"""Sections of the report, in their order, each with the sentences that stand above its tables and figures."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from ssinfer.report.analysis import Analysis
from ssinfer.report.text.absent import absent_sentences
from ssinfer.report.text.advice import advice_sentences
from ssinfer.report.text.compared import block_sentences, changed_sentences, party_sentences
from ssinfer.report.text.counting import counting_sentences
from ssinfer.report.text.methods import methods_sentences, transport_sentences
from ssinfer.report.text.noise import intact_sentences, noise_sentences


@dataclass(frozen=True)
class Section:
    """Declares one section of the report."""

    name: str  # key that tables and figures name, and identifier in the page
    title: str
    sentences: Callable[[Analysis], Iterable[str]] | None = None
    bullets: bool = False  # whether the sentences are a list


SECTIONS = (
    Section("one-scale", "All designs on one scale"),
    Section("changed", "One building block changed at a time", changed_sentences, bullets=True),
    Section("blocks", "Which building block matters most", block_sentences),
    Section("parties", "What providers and insurer get", party_sentences),
    Section("known-truth", "Measured savings and the known true saving"),
    Section("absent", "Parts that this report does not have", absent_sentences, bullets=True),
    Section("sampling", "Payments under sampling noise alone", noise_sentences),
    Section("counting", "The counted population and its claims", counting_sentences),
    Section("balance-section", "The comparison of persons"),
    Section("comparison", "The designs and their errors"),
    Section("advice", "Advice for the next contract", advice_sentences),
    Section("thresholds-section", "Thresholds"),
    Section("intact", "Intact practices are not random insured", intact_sentences),
    Section("transport", "Groups to which these thresholds do not apply", transport_sentences, bullets=True),
    Section("case-section", "The contract group"),
    Section("methods", "Methods", methods_sentences),
)
