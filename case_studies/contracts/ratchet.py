"""Computes what contracts of several years pay, and how much rebasing takes back from a group that saves.

Groups of the sizes and noise of cases.toml have spending B (1 - s) (1 + e) in each year, e normal and independent
between years with SD sqrt(k^2 / n + shock^2), also before the contract. Every rule settles the same groups. Payments
are in per cent of one year's benchmark, over the whole term, with their Monte Carlo error.

    python case_studies/contracts/ratchet.py
"""

from __future__ import annotations

import tomllib
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ssinfer.contracts.contract import load_contract
from ssinfer.contracts.rebasing import rebase_groups
from ssinfer.contracts.terms import RebasingTerms
from ssinfer.contracts.years import settle_groups

NAMES = ("mssp-basic-a", "mssp-enhanced", "mijnzorg", "arts-en-zorg-menzis", "alternative-quality-contract")
RULES = {
    "fixed": RebasingTerms(),
    "own": None,  # the contract's own terms
    "every 3 years": RebasingTerms(every=3, years=3),
    "rolling, 3 years": RebasingTerms(every=1, years=3),
    "rolling, 1/3 new": RebasingTerms(every=1, years=3, new_weight=1 / 3),
    "rolling, 1 year": RebasingTerms(every=1, years=1),
}
SAVINGS = {"none": (0.0,), "3 each year": (0.03,), "3, 6, 9": (0.03, 0.06, 0.09)}  # the last one goes on
BASELINE = 3  # years before the contract


def cases() -> dict[str, dict[str, Any]]:
    """Return the cases of cases.toml by contract."""
    listed = tomllib.loads((Path(__file__).parent / "cases.toml").read_text(encoding="utf-8"))["case"]
    return {case["contract"]: case for case in listed}


def payments(case: dict[str, Any], rule: str, savings: tuple[float, ...], years: int, groups: int) -> np.ndarray:
    """Return what each group is paid over the term, as a fraction of one year's benchmark."""
    contract = load_contract(case["contract"], year=case.get("year"))
    contract = replace(contract, rebasing=RULES[rule] or contract.rebasing)
    size, sd = float(case["size"]), np.sqrt(case["k"] ** 2 / case["size"] + case["shock"] ** 2)
    ratios = 1 + sd * np.random.default_rng(23).standard_normal((BASELINE + years, groups))
    saved = np.array([0.0] * BASELINE + [savings[min(year, len(savings) - 1)] for year in range(years)])
    spending, fixed = 100 * ratios * (1 - saved[:, None]), np.full(ratios.shape, 100.0)
    before, term = slice(BASELINE), slice(BASELINE, None)
    history = {"baseline_benchmark": fixed[before], "baseline_spending": spending[before]}
    benchmark = rebase_groups(contract, benchmark=fixed[term], spending=spending[term], **history)
    scored = contract.quality.kind in {"gate_table", "scaled"} or contract.sharing.losses_complement
    settled = settle_groups(
        contract,
        benchmark=benchmark,
        spending=spending[term],
        insured_years=np.full(benchmark.shape, size),
        quality=case.get("operating_quality", 100.0) if scored else None,
    )
    return settled.payment / (100 * size)


def ratchet_table(years: int, names: tuple[str, ...] = NAMES, groups: int = 20_000) -> pd.DataFrame:
    """Return a row per contract and rule: payments (%) by saving, and their share of the fixed baseline's."""
    rows = []
    for name in names:
        case, fixed = cases()[name], {}
        for rule, stated in RULES.items():
            terms = stated or load_contract(name, year=case.get("year")).rebasing
            if rule != "fixed" and not 0 < terms.every < years:
                continue  # nothing is rebased in this term
            paid = {label: payments(case, rule, savings, years, groups) for label, savings in SAVINGS.items()}
            fixed = fixed or paid
            means = {label: 100 * values.mean() for label, values in paid.items()}
            worst = max(values.std() for values in paid.values()) * 100 / np.sqrt(groups)
            kept = {f"kept, {label}": means[label] / fixed[label].mean() for label in list(SAVINGS)[1:]}
            rows.append({"contract": name, "size": case["size"], "rule": rule, **means, "error": worst, **kept})
    return pd.DataFrame(rows)


def markdown(table: pd.DataFrame) -> str:
    """Return the table of docs/agreements.md."""
    lines = [" | ".join(["", *map(str, table.columns), ""]).strip(), "|---" * len(table.columns) + "|"]
    for row in table.to_dict("records"):
        cells = [
            f"{v:,}" if k == "size" else v if isinstance(v, str) else f"{v:.{0 if 'kept' in k else 2}f}"
            for k, v in row.items()
        ]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


if __name__ == "__main__":
    for term in (3, 10):
        print(f"\n{term} years\n\n{markdown(ratchet_table(term))}")
