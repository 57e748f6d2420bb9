"""Published figures beside which a report's own stand, each with its source."""

from __future__ import annotations

from dataclasses import dataclass

REPORTED_LOW, REPORTED_HIGH = 0.01, 0.10


@dataclass(frozen=True)
class Published:
    """A published figure, in a sentence, with its source and (where there is one) its DOI."""

    sentence: str
    source: str
    doi: str = ""


CONTEXT = (
    Published(
        "Shared savings programmes have reported spending growth lower by 1 to 10%.",
        "Range over programmes' own reports and evaluations; most are not randomised.",
    ),
    Published(
        "Medicare Shared Savings Program, 2013-2021: net −$2.06 billion by one count, −$0.58 to −$1.42 billion by "
        "another.",
        "First: a Dutch presentation. Second: Ryan and Markovitz 2023.",
    ),
    Published(
        "The same programme, 2013-2016: net −$384 million against a projected +$1.7 billion.",
        "Avalere Health 2018, against the Congressional Budget Office's projection of 2010.",
    ),
    Published(
        "The same programme, 2023: +$2.1 billion net of $3.1 billion paid to the organisations, measured by its own "
        "benchmarks.",
        "Centers for Medicare and Medicaid Services, announcement of October 2024.",
    ),
    Published(
        "Pioneer ACO model, 2012: net $17 million by its contract benchmark, $205 million by "
        "difference-in-differences. Benchmark savings are not savings.",
        "L&M Policy Research 2015, evaluation of the Pioneer model, net of shared savings paid.",
    ),
    Published(
        "All-In Contract (the Netherlands): spending -1.2%, p = .476, 16,425 against 212,251 insured: a standard "
        "error of about 1.7%, that is k of about 2.16.",
        "Gigengack, Cattel and Eijkenaar 2025.",
        "10.1007/s10198-025-01765-8",
    ),
    Published(
        "Medicare's minimum savings rate: 3.9% at 5,000 assigned beneficiaries, 3.0% at 10,000, 2.5% at 20,000, 2.0% "
        "from 60,000.",
        "42 CFR 425.604(b) and 425.605(b)(1).",
    ),
    Published(
        "In a published simulation with no true change and a 2% threshold, 24% of organisations of 5,000 "
        "beneficiaries were rewarded and 26% penalised; 2% each at 50,000.",
        "DeLia, Hoover and Cantor 2012.",
        "10.5600/mmrr.002.04.a04",
    ),
)

GLOSSARY = (
    ("saving", "Benchmark less observed spending. Positive: less was spent than the benchmark."),
    ("savings rate", "Saving divided by the mean benchmark. Printed as a percentage."),
    ("benchmark", "Spending that would have been observed without the contract, estimated by a design and a method."),
    ("insured-year", "One person insured for a whole year; spending and savings are means per insured-year."),
    ("placebo contract", "A unit and a year without any contract, treated as if it had one: its true saving is zero."),
    ("threshold", "The smallest measured saving that counts as real; at or above it a saving is paid."),
    (
        "honest threshold",
        "Here: the placebo threshold, one-sided 95%, taken from other regions and years than those it is tried on.",
    ),
    ("false payment", "Payment to a contract whose true saving is zero."),
    ("detection", "Share of contracts with a given true saving that reach the threshold."),
    ("bias", "Mean measured saving of placebo contracts. Positive: the benchmark is too high and pays too easily."),
    ("SD", "Standard deviation of the savings rates of placebo contracts: how far a benchmark is off, typically."),
    ("coverage", "Share of placebo contracts whose interval holds the true saving of zero."),
    (
        "k",
        "Standard deviation that one insured-year adds to a savings rate: sampling error is k / sqrt(insured-years).",
    ),
    ("group shock", "Error of a group's benchmark that does not shrink with its size."),
    ("± ", "One standard error over neighbouring units with all their years (block bootstrap), unless said otherwise."),
)
