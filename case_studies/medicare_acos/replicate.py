"""Settle every ACO of Medicare's public use files with the shipped contracts, and compare with what CMS published.

Inputs per ACO: total benchmark and expenditure, person-years, assigned beneficiaries, track, quality score and
standard, the elected minimum savings rate of two-sided ACOs, and the relief that CMS granted for extreme and
uncontrollable circumstances (DisAdj). Everything else (savings rate, scheduled minimum savings rate, sharing rate, loss
rate, caps, earned savings or owed losses) is computed. Run:

    python case_studies/medicare_acos/replicate.py --data FOLDER
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import pandas as pd

from ssinfer.contracts.contract import load_contract
from ssinfer.contracts.settle import settle

TRACKS = {
    "A": "mssp-basic-a",
    "B": "mssp-basic-b",
    "C": "mssp-basic-c",
    "D": "mssp-basic-d",
    "E": "mssp-basic-e",
    "EN": "mssp-enhanced",
}
#: Two per cent of payments made under the Budget Control Act (sequestration); no term of the contracts.
SEQUESTRATION = 0.02
#: Published in per cent with two decimals: agreement within 0.01 points.
RATE_TOLERANCE = 0.01 + 1e-9
#: Published in whole dollars: agreement within one dollar in a million, and never finer than the dollar printed.
MONEY_TOLERANCE = 1e-6

#: A score printed in per cent with two decimals moves the loss rate 1 - 0.75 x score by up to this much.
SCORE_ROUNDING = 0.75 * 0.5e-4
#: Caps on shared losses as a fraction of the ACO's revenue (42 CFR 425.605(d)(1)).
REVENUE_CAPS = {"C": 0.02, "D": 0.04, "E": 0.08}

NUMBERS = (
    "N_AB",
    "N_AB_Year_PY",
    "Sav_rate",
    "MinSavPerc",
    "EarnSaveLoss",
    "ABtotBnchmk",
    "ABtotExp",
    "FinalShareRate",
    "FinalLossRate",
    "QualScore",
    "DisAdj",
)


def load_public_use_file(folder: Path, year: int) -> pd.DataFrame:
    """Return a row per ACO of one performance year; percentages in per cent, money in dollars."""
    frame = pd.read_csv(folder / f"PY{year}_results_PUF.csv.gz", dtype=str)
    if "FinalLossRate" not in frame:
        frame["FinalLossRate"] = None  # not published before 2023
    for column in NUMBERS:
        frame[column] = pd.to_numeric(frame[column].str.replace("[%,]", "", regex=True), errors="coerce")
    frame["DisAdj"] = frame["DisAdj"].fillna(0.0)
    ended = "Impact_Mid_Year_Termination" if "Impact_Mid_Year_Termination" in frame else "Prorate_Shared_Losses"
    frame["ended_early"] = frame[ended] == "1"
    frame["year"] = year
    return frame


def settle_track(acos: pd.DataFrame, year: int) -> pd.DataFrame:
    """Return the ACOs of one track with what the shipped contract gives, in columns of their own."""
    contract = load_contract(TRACKS[acos["Current_Track"].iloc[0]], year=year)
    elected = None
    if contract.threshold.kind == "elected":
        published = acos["MinSavPerc"].to_numpy() / 100.0
        allowed = np.array(contract.threshold.allowed)
        is_election = np.isclose(published[:, None], allowed[None, :], rtol=0, atol=1e-9).any(axis=1)
        elected = np.where(is_election, published, np.nan)  # anything else must be the schedule
    years = acos["N_AB_Year_PY"].to_numpy()
    settlement = settle(
        contract,
        benchmark=acos["ABtotBnchmk"].to_numpy() / years,
        spending=acos["ABtotExp"].to_numpy() / years,
        insured_years=years,
        assigned=acos["N_AB"].to_numpy(),
        threshold=elected,
        quality=acos["QualScore"].to_numpy(),
        standard_met=(acos["Met_QPS"] == "1").to_numpy(),
        loss_relief=-acos["DisAdj"].to_numpy(),
        payment_reduction=SEQUESTRATION,
    )
    return acos.assign(
        savings_rate=100.0 * settlement.rate,
        minimum_savings_rate=100.0 * settlement.threshold,
        sharing_rate=100.0 * settlement.share,
        loss_rate=100.0 * settlement.loss_share if contract.two_sided else np.nan,
        payment=settlement.payment,
        before_relief=settlement.raw,
    )


def replicate(folder: Path, year: int) -> pd.DataFrame:
    """Return every ACO of a performance year, settled, with a column per agreement and a class per exception."""
    acos = load_public_use_file(folder, year)
    settled = pd.concat([settle_track(group, year) for _, group in acos.groupby("Current_Track")]).sort_index()

    def close(ours: str, theirs: str) -> pd.Series:
        return (settled[ours] - settled[theirs]).abs() <= RATE_TOLERANCE

    settled["agree_savings_rate"] = close("savings_rate", "Sav_rate")
    settled["agree_minimum_savings_rate"] = close("minimum_savings_rate", "MinSavPerc")
    settled["agree_sharing_rate"] = close("sharing_rate", "FinalShareRate")
    settled["agree_loss_rate"] = close("loss_rate", "FinalLossRate") | settled["FinalLossRate"].isna()
    room = np.maximum(MONEY_TOLERANCE * settled["EarnSaveLoss"].abs(), 1.0)
    settled["agree_payment"] = (settled["payment"] - settled["EarnSaveLoss"]).abs() <= room
    # relief can hide what was owed: what CMS owed before it is EarnSaveLoss + DisAdj, both negative
    published = -(settled["EarnSaveLoss"] + settled["DisAdj"]).where(settled["EarnSaveLoss"] <= 0)
    by_score = SCORE_ROUNDING * (settled["ABtotExp"] - settled["ABtotBnchmk"]).abs() * (settled["loss_rate"] > 40.0)
    apart = (published + settled["before_relief"].clip(upper=0)).abs()
    settled["agree_loss_before_relief"] = apart.isna() | (apart <= np.maximum(by_score, 0.0) + 1.0)
    settled["exception"] = _classes(settled)
    settled["implied_revenue_share"] = _implied_revenue_share(settled)
    return settled


def _classes(settled: pd.DataFrame) -> pd.Series:
    """Return why a payment, or the loss before relief, differs: each class is an input that the file does not have."""
    wrong = ~(settled["agree_payment"] & settled["agree_loss_before_relief"])
    owed = -(settled["EarnSaveLoss"] + settled["DisAdj"])
    less = owed < -settled["before_relief"]
    reason = pd.Series("", index=settled.index)
    reason[wrong] = "unexplained"
    reason[wrong & less & settled["Current_Track"].isin(REVENUE_CAPS)] = (
        "loss capped by revenue, which is not published"
    )
    reason[wrong & less & settled["ended_early"]] = "losses prorated after an early end"
    return reason


def _implied_revenue_share(settled: pd.DataFrame) -> pd.Series:
    """Return the revenue that the published loss implies as a cap, as a share of expenditure, for that class only.

    CMS calls an ACO low-revenue when its revenue is below 35% of its beneficiaries' expenditure: an implied share on
    the other side of 35% than the published category would contradict the explanation.
    """
    capped = settled["exception"].str.startswith("loss capped by revenue")
    owed = -(settled["EarnSaveLoss"] + settled["DisAdj"])
    caps = settled["Current_Track"].map(REVENUE_CAPS)
    return (owed / caps / settled["ABtotExp"]).where(capped)


def agreement(settled: pd.DataFrame) -> pd.DataFrame:
    """Return how many ACOs agree, per figure: agree, of, share."""
    columns = [column for column in settled if column.startswith("agree_")]
    rows = []
    for column in columns:
        of = settled[column]
        if column == "agree_loss_rate":
            of = of[settled["FinalLossRate"].notna()]
        if column == "agree_loss_before_relief":
            of = of[settled["DisAdj"] != 0]
        rows.append({"figure": column.removeprefix("agree_"), "agree": int(of.sum()), "of": len(of)})
    one_sided = settled.loc[settled["Risk_Model"] == "One-Sided", "agree_minimum_savings_rate"]
    rows.append({"figure": "minimum_savings_rate, one-sided", "agree": int(one_sided.sum()), "of": len(one_sided)})
    moved = settled.loc[(settled["EarnSaveLoss"] != 0) | (settled["DisAdj"] != 0), "agree_payment"]
    rows.append({"figure": "payment, where money or relief moved", "agree": int(moved.sum()), "of": len(moved)})
    table = pd.DataFrame(rows)
    return table.assign(share=table["agree"] / table["of"].where(table["of"] > 0))


def main() -> None:
    """Print the agreement and the exceptions for both years."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder with the public use files")
    folder = parser.parse_args().data
    for year in (2022, 2023):
        settled = replicate(folder, year)
        print(f"\nPerformance year {year}, {len(settled)} ACOs")
        print(agreement(settled).to_string(index=False, float_format=lambda x: f"{x:.4f}"))
        wrong = settled[settled["exception"] != ""]
        columns = ["ACO_ID", "Current_Track", "Rev_Exp_Cat", "savings_rate", "EarnSaveLoss", "DisAdj", "payment"]
        columns += ["before_relief", "implied_revenue_share", "exception"]
        print(wrong[columns].to_string(index=False) if len(wrong) else "no exceptions")


if __name__ == "__main__":
    main()
