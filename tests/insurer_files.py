"""Writes simulated claims as an insurer has them, for trials: `python -m tests.insurer_files FOLDER`.

Dutch names, whole cents, dates as text, one file of claims per year, and no column of the insurer; as Parquet in
`verzekeraar/`, and as a DuckDB file `verzekeraar.duckdb` with the schema dwh.
"""

from __future__ import annotations

import sys
from pathlib import Path

import duckdb
import pandas as pd

from ssinfer.simulation.claims import simulate_claims

SETTING = {
    "n_insured": 16_000,
    "insured_under_contract": 500,
    "practice_size": 500,
    "first": "2019Q1",
    "last": "2023Q4",
}
NAMES = {
    "verzekerden": (
        "insured",
        {"person": "pseudo_bsn", "birth_year": "geboortejaar", "sex": "geslacht", "region": "gemeente"},
    ),
    "inschrijvingen": (
        "enrolment",
        {"person": "pseudo_bsn", "practice": "praktijk", "start": "ingangsdatum", "end": "einddatum"},
    ),
    "overlijdens": ("deaths", {"person": "pseudo_bsn", "date": "overlijdensdatum"}),
}
CARE = {"hospital": "Medisch-specialistische zorg", "pharmacy": "Farmacie", "gp": "Huisartsenzorg"}


def tables(folder: Path) -> dict[str, pd.DataFrame]:
    """Simulate claims into a folder, and return them as an insurer has them."""
    simulated = simulate_claims(folder, **SETTING, start="2023Q1", saving=0.05, seed=4)
    found = {}
    for name, (table, columns) in NAMES.items():
        frame = pd.read_parquet(simulated.folder / f"{table}.parquet")
        found[name] = frame.rename(columns=columns)[list(columns.values())]
    claims = pd.read_parquet(simulated.folder / "claims")
    found["declaraties"] = pd.DataFrame(
        {
            "declaratienummer": range(len(claims)),
            "pseudo_bsn": claims["person"],
            "datum": pd.to_datetime(claims["date"]).dt.strftime("%d-%m-%Y"),
            "zorgsoort": claims["category"].astype(str).replace(CARE),
            "bedrag": (claims["amount"].astype(float) * 100).round().astype("int64"),
        }
    )
    return found


def write(folder: Path) -> None:
    """Write the files."""
    folder.mkdir(parents=True)
    found = tables(folder / "simulated")
    (folder / "verzekeraar").mkdir()
    with duckdb.connect(folder / "verzekeraar.duckdb") as base:
        base.execute("CREATE SCHEMA dwh")
        for name, frame in found.items():
            base.register("frame", frame)
            base.execute(f"CREATE TABLE dwh.{name} AS SELECT * FROM frame")  # noqa: S608  (names of this file)
            years = frame["datum"].str[-4:] if name == "declaraties" else pd.Series("", index=frame.index)
            for year, rows in frame.groupby(years):
                rows.to_parquet(folder / "verzekeraar" / f"{name}{year and '_'}{year}.parquet", index=False)


if __name__ == "__main__":
    write(Path(sys.argv[1]))
