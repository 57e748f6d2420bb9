"""Published numbers that a report is compared with, each with its source, and the glossary."""

from dataclasses import dataclass

REPORTED_LOW, REPORTED_HIGH = 0.01, 0.10


@dataclass(frozen=True)
class Published:
    """A published number in a sentence, with its source and its DOI, if there is one."""

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
        "All-In Contract (the Netherlands): spending −1.2%, p = .476, 16,425 against 212,251 insured. The "
        "standard error is about 1.7%, so k is about 2.16.",
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
    ("saving", "Benchmark less observed spending. Positive: spending was lower than the benchmark."),
    ("savings rate", "Saving divided by the mean benchmark. Printed as a percentage."),
    ("benchmark", "Expected spending without the contract, estimated by a design and a method."),
    ("contract group", "The insured persons, practices or units under the contract."),
    ("insured-year", "One person insured for one year. Spending and savings are means per insured-year."),
    (
        "placebo contract",
        "A unit and a year without any contract, evaluated as if it had one. Its true saving is zero.",
    ),
    ("threshold", "The smallest measured saving that is paid."),
    (
        "cross-fitted placebo threshold",
        "The one-sided 95% threshold from the savings of placebo contracts in other regions and years.",
    ),
    ("false payment rate", "Share of contracts with a true saving of zero that are paid."),
    ("detection rate", "Share of contracts with a given true saving that reach the threshold."),
    ("bias", "Mean measured saving of placebo contracts. Positive: the benchmark is too high and pays too easily."),
    ("SD", "Standard deviation of the savings rates of placebo contracts: the typical error of a benchmark."),
    ("coverage", "Share of placebo contracts whose interval contains the true saving of zero."),
    ("k", "Standard deviation of a savings rate over one insured-year: sampling noise is k / sqrt(insured-years)."),
    ("group shock", "Error of a group's benchmark that does not shrink with its size."),
    ("±", "One standard error over blocks of neighbouring units with all their years, unless stated otherwise."),
)
