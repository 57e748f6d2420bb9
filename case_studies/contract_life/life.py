"""Runs the life of three contracts on simulated claims: signed once, settled provisionally and finally each year.

Practices of three regions have a contract from 2021 to 2023, and save the shares in SAVINGS of all spending. Claims are
paid up to half a year late, and some lines are corrected after the first delivery of their year. Each delivery holds
the lines that were paid by its day. It settles the years before it finally, and the last one provisionally; the last
delivery settles all three finally. The commands are printed.

    python case_studies/contract_life/life.py FOLDER [INSURED]
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq

from ssinfer.simulation.claims import simulate_claims

HERE = Path(__file__).parent
SAVINGS = {"Vlissingen": 0.08, "region 01": 0.0, "region 02": 0.04}  # true, of all spending from the start on
SIGNED, DELIVERIES = "2020-11-30", ("2022-03-31", "2023-03-31", "2024-03-31", "2024-09-30")
START, MONTHS = pd.Timestamp("2021-01-01"), 6  # a line that is paid later than this is not counted
CORRECTED, TOO_HIGH = 50, 1.2  # one of so many lines; first delivered as so much


def simulate(folder: Path, insured: int, seed: int) -> pd.DataFrame:
    """Write the study, the tables of persons of each delivery, and its claims; return all lines."""
    size = insured // 60
    practices = {"practice_size": size, "n_regions": 20, "insured_under_contract": 2 * size}
    span = {"first": "2015Q1", "last": "2023Q4", "start": "2021Q1", "covid": False}
    world = folder / "world"
    simulate_claims(world, insured, seed=seed, **practices, **span)
    table, spans = pq.read_table(world / "claims"), pd.read_parquet(world / "enrolment.parquet")
    amounts = table["amount"].cast("float64")
    lines = table.set_column(table.column_names.index("amount"), "amount", amounts).to_pandas(date_as_object=False)
    lines["line"] = np.arange(len(lines))
    for region, saving in SAVINGS.items():
        lines.loc[of_group(lines, spans, region), "amount"] *= 1 - saving
    lines["amount"] = lines["amount"].round(2)
    for day in (SIGNED, *DELIVERIES):
        place = folder / day
        place.mkdir()
        for name in ("insured", "enrolment", "deaths"):
            shutil.copy(world / f"{name}.parquet", place)
        known = lines[lines["paid"] <= day]
        over = known["date"].dt.year * 12 + 12 + MONTHS <= pd.Timestamp(day).year * 12 + pd.Timestamp(day).month
        early = (known["line"] % CORRECTED == 0) & ~over
        amounts = known["amount"].mask(early, (TOO_HIGH * known["amount"]).round(2))
        known.assign(amount=amounts).drop(columns="line").to_parquet(place / "claims.parquet", index=False)
    shutil.rmtree(world)
    shutil.copy(HERE / "contract.toml", folder)
    text = (HERE / "study.toml").read_text(encoding="utf-8").replace("size = 2000", f"size = {2 * size}")
    (folder / "study.toml").write_text(text, encoding="utf-8")
    return lines


def of_group(lines: pd.DataFrame, spans: pd.DataFrame, region: str) -> np.ndarray:
    """Return which lines are of persons of insurer A with a practice of a region, from the start on."""
    own = spans[spans["practice"].str.startswith(f"{region} ") & (spans["insurer"] == "A")]
    both = lines.loc[lines["date"] >= START, ["person", "date", "line"]].merge(own, on="person")
    start, end = pd.to_datetime(both["start"]), pd.to_datetime(both["end"])
    return lines["line"].isin(both["line"][(both["date"] >= start) & ~(both["date"] > end)]).to_numpy()


def commands(deliveries: tuple[str, ...] = DELIVERIES) -> list[list[str]]:
    """Return the commands of the life of the contracts, to be run in the folder.

    The last delivery holds the same contract years as the one before it, and is compared with it.
    """
    commands = [["sign", "study.toml", "--out", "agreements"]]
    for day in deliveries:
        given = ["--agreement", "agreements", "--data", day, "--data", f"extracted={day}"]
        previous = ["--previous", f"result {deliveries[-2]}"] if day == deliveries[-1] else []
        commands.append(["run", *given, "--out", f"result {day}", *previous])
    return commands


def main(folder: str, insured: str = "60000") -> None:
    """Simulate the claims and run each command."""
    place = Path(folder)
    place.mkdir(parents=True)
    simulate(place, int(insured), seed=1)
    for command in commands():
        print("ssinfer", *(f"'{part}'" if " " in part else part for part in command), flush=True)
        subprocess.run(["ssinfer", *command], check=True, cwd=place)  # noqa: S603, S607


if __name__ == "__main__":
    main(*sys.argv[1:])
