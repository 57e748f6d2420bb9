"""How often would a contract have paid when nothing was saved, and how often not when 3% was, by its rules and size.

Spending has a normal error of SD B sqrt(k^2 / n + shock^2) around B (1 - s); the contract settles each of its quantiles
so that the answers carry no Monte Carlo error (midpoints of 200,000 equal probabilities; error below 1e-5).

    python case_studies/contracts/operating_characteristics.py
"""

from __future__ import annotations

import tomllib
from pathlib import Path
from statistics import NormalDist
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from ssinfer.contracts.contract import load_contract
from ssinfer.contracts.settle import settle

if TYPE_CHECKING:
    from ssinfer.contracts.settlement import Settlement

QUANTILES = 200_000
#: Person-level standard deviation that Medicare's schedule implies, without any shock: the contract designers' view.
SCHEDULE_K = 2.135


def cases() -> list[dict[str, Any]]:
    """Return the cases of cases.toml."""
    return tomllib.loads((Path(__file__).parent / "cases.toml").read_text(encoding="utf-8"))["case"]


def worked_example(case: dict[str, Any]) -> Settlement:
    """Return the settlement of a case's worked example."""
    return settle(load_contract(case["contract"], year=case.get("year")), **case["given"])


def normal_quantiles(count: int = QUANTILES) -> np.ndarray:
    """Return the standard normal quantiles at the midpoints of `count` equal probabilities."""
    inverse = NormalDist().inv_cdf
    half = np.array([inverse((i + 0.5) / count) for i in range(count // 2)])
    return np.concatenate([half, -half[::-1]])


def characteristics(case: dict[str, Any], z: np.ndarray, *, k: float, shock: float) -> dict[str, Any]:
    """Return what the contract pays at a true saving of 0 and of 3%, at the case's size."""
    contract = load_contract(case["contract"], year=case.get("year"))
    size, benchmark = case["size"], case["given"]["benchmark"]
    se = float(np.sqrt(k**2 / size + shock**2))
    scored = contract.quality.kind in {"gate_table", "scaled"}
    quality = case.get("operating_quality", 100.0) if scored or contract.sharing.losses_complement else None
    row = {"contract": contract.name, "rules": contract.rule_year, "size": size, "se": se}
    for true in (0.0, 0.03):
        result = settle(
            contract,
            benchmark=benchmark,
            spending=benchmark * (1.0 - true - se * z),
            insured_years=size,
            quality=quality,
            true_saving=true * benchmark,
        )
        total = benchmark * size
        row["gate"] = float(result.threshold[0])
        if true == 0.0:
            row["paid_if_0"] = result.probability_of_payment
            row["owed_if_0"] = result.probability_of_owing
            row["overpaid_if_0"] = result.expected_overpayment / total
        else:
            row["not_paid_if_3"] = 1.0 - result.probability_of_payment
            row["underpaid_if_3"] = result.expected_underpayment / total
    return row


def table() -> pd.DataFrame:
    """Return a row per contract: its own noise (k, shock of the case), and the designers' (k = 2.135, no shock)."""
    z = normal_quantiles()
    rows = []
    for case in cases():
        own = characteristics(case, z, k=case["k"], shock=case["shock"])
        ideal = characteristics(case, z, k=SCHEDULE_K, shock=0.0)
        rows.append(own | {f"{name}_ideal": ideal[name] for name in ("paid_if_0", "not_paid_if_3")})
    return pd.DataFrame(rows)


if __name__ == "__main__":
    print((100 * table().set_index(["contract", "rules", "size"])).to_string(float_format=lambda x: f"{x:.2f}"))
