"""Settle the performance years 2014 to 2021 of the core panel with the shipped contracts of those rule years.

The panel has no relief for disasters or for the public health emergency of 2020 and 2021, no revenue, and prints some
sharing rates and scores with two decimals: so this is a check of the rules (who passes the gate, at which share), and
of the money only to about 2%. Left out: 2013 (up to 21 months), the half years of 2019, Track 1+ (no shipped contract).

    python case_studies/medicare_acos/earlier_years.py --data FOLDER
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import pandas as pd

from ssinfer.contracts.contract import load_contract
from ssinfer.contracts.settle import settle

TRACKS = {f"TRACK_{track}": f"mssp-track-{track}" for track in "123"}
TRACKS |= {f"BASIC_{level}": f"mssp-basic-{level.lower()}" for level in "ABCDE"}
TRACKS["ENHANCED"] = "mssp-enhanced"
#: Years whose payments were made while sequestration was suspended (May 2020 to March 2022).
NO_SEQUESTRATION = (2019, 2020)


def settle_group(acos: pd.DataFrame, year: int, track: str) -> pd.DataFrame:
    """Return the ACOs of one year and track with gate, share and payment of the shipped contract."""
    contract = load_contract(TRACKS[track], year=year)
    in_percent = year == 2015  # that year's file has scores and rates in per cent, the others as fractions
    share = acos["finalsharerate"].to_numpy() / (100.0 if in_percent else 1.0)
    score = acos["qualscore"].to_numpy() * (1.0 if in_percent else 100.0)
    published = acos["minsavperc"].to_numpy() / 100.0
    elected = None
    if contract.threshold.kind == "elected":
        near = np.isclose(published[:, None], np.array(contract.threshold.allowed)[None, :], rtol=0, atol=1e-4)
        elected = np.where(near.any(axis=1), np.array(contract.threshold.allowed)[near.argmax(axis=1)], np.nan)
    years = acos["n_ab_year_py"].to_numpy()
    result = settle(
        contract,
        benchmark=acos["abtotbnchmk"].to_numpy() / years,
        spending=acos["abtotexp"].to_numpy() / years,
        insured_years=years,
        assigned=acos["n_ab"].to_numpy(),
        threshold=elected,
        quality=np.where(np.isnan(score), 100.0, score),  # pay for reporting: complete reporting is the full score
        standard_met=share > 0,
        payment_reduction=0.0 if year in NO_SEQUESTRATION else 0.02,
    )
    earned = acos["earnsaveloss"].fillna(0.0).to_numpy()
    return pd.DataFrame(
        {
            "year": year,
            "track": track,
            "aco_id": acos["aco_id"].to_numpy(),
            "gate_agrees": np.abs(result.threshold - published) <= 1e-4 + 1e-9,
            "share_apart": np.abs(result.share - share),
            "paid": earned > 0,
            "paid_agrees": (earned > 0) == (result.payment > 0),
            "money_apart": np.abs(result.payment - earned) / np.where(earned > 0, earned, np.nan),
            "owes_here_only": (result.payment < 0) & (earned >= 0),
            "owed_there_only": (result.payment >= 0) & (earned < 0),
        },
    )


def replicate_earlier(folder: Path) -> pd.DataFrame:
    """Return every ACO of 2014 to 2021 in a shipped track."""
    frame = pd.read_csv(folder / "mssp_core_panel_2013_2023.csv.gz", low_memory=False)
    kept = frame[frame["performance_year"].between(2014, 2021) & (frame["half_year_2019"] == 0)]
    kept = kept[kept["current_track"].isin(TRACKS)]
    groups = kept.groupby(["performance_year", "current_track"])
    return pd.concat([settle_group(group, int(year), str(track)) for (year, track), group in groups], ignore_index=True)


def main() -> None:
    """Print agreement by year."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder with the core panel")
    rows = replicate_earlier(parser.parse_args().data)
    table = rows.groupby("year").agg(
        acos=("aco_id", "size"),
        gate_agrees=("gate_agrees", "mean"),
        share_within_a_point=("share_apart", lambda apart: float((apart <= 0.01).mean())),
        paid=("paid", "sum"),
        paid_agrees=("paid_agrees", "mean"),
        money_apart_median=("money_apart", "median"),
        money_apart_99=("money_apart", lambda apart: float(apart.quantile(0.99))),
        owes_here_only=("owes_here_only", "sum"),
        owed_there_only=("owed_there_only", "sum"),
    )
    print(table.to_string(float_format=lambda x: f"{x:.5f}"))


if __name__ == "__main__":
    main()
