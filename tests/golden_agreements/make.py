"""Makes the golden agreements, once: data, agreement and amounts of this version, which later versions must repeat.

Run it in a new folder per version; agreements of earlier versions are kept as they are: `python make.py`.
"""

import json
from pathlib import Path

import numpy as np
import pandas as pd

from ssinfer.agreement.settle import Settling
from ssinfer.agreement.sign import sign_study
from ssinfer.study import run_study

HERE = Path(__file__).parent
HEAD = 'title = "{name}"\nquestion = "same amounts?"\nseed = 3\nsuppress_below = 2\n'
YEARS = """[data]
source = "panel"
file = "panel.csv"
[case]
treated = ["unit 00"]
[windows]
baseline = { first = 2019, last = 2021 }
performance = [2022]
[backtest]
levels = [0.9]
[[comparison]]
name = "all"
"""
STUDIES = {
    "panel": YEARS
    + '[[threshold]]\nlevel = 0.9\n[[sharing]]\ncontract = "kerngezond-vlissingen"\nshare = 0.4\n'
    + '[[method]]\nmethod = "SyntheticControl"\nparameters = { inference = "none" }\n',
    "administrative": 'currency = "USD"\n'
    + YEARS
    + '[[sharing]]\ncontract = "mssp-basic-c"\nyear = 2024\n[[method]]\nmethod = "AdministrativeBenchmark"\n'
    + "parameters = { history = 0, n_draws = 200 }\n",
    "claims": """[data]
source = "claims"
file = "tables"
periods = { first = 2018, last = 2022 }
[case]
treated = ["practice 00"]
[windows]
baseline = { first = 2020, last = 2021 }
performance = [2022]
[backtest]
levels = [0.9]
[[spending]]
truncation = { amount = 9000.0 }
run_out = { extracted = 2023-06-30, months = 6 }
[[comparison]]
name = "all"
[[threshold]]
kind = "confidence"
level = 0.9
[[sharing]]
contract = "kerngezond-vlissingen"
[[method]]
method = "AdministrativeBenchmark"
parameters = { history = 0, n_draws = 200 }
""",
}


def panel(rng: np.random.Generator) -> pd.DataFrame:
    """Return 16 units over eight years; the first saves 8% in 2022."""
    rows = pd.DataFrame([(f"unit {i:02d}", year) for i in range(16) for year in range(2015, 2023)])
    rows.columns = ["unit", "period"]
    number = rows["unit"].str[-2:].astype(int)
    rows["insured_years"] = 8_000.0 + 1_500 * number
    growth = 2_500 * 1.03 ** (rows["period"] - 2015) * (1 + 0.02 * (number % 5))
    rows["spending"] = (growth * (1 + 0.015 * rng.standard_normal(len(rows)))).round(2)
    rows.loc[(number == 0) & (rows["period"] == 2022), "spending"] *= 0.92
    return rows.round(2)


def tables(rng: np.random.Generator) -> dict[str, pd.DataFrame]:
    """Return claims of 12 practices of 12 persons over five years; lines are paid up to nine months later."""
    persons = pd.DataFrame({"person": range(144), "birth_year": 1940 + np.arange(144) % 60, "sex": ["V", "M"] * 72})
    spans = pd.DataFrame(
        {"person": range(144), "insurer": "A", "practice": [f"practice {i % 12:02d}" for i in range(144)]}
    )
    spans = spans.assign(start="2018-01-01", end="2022-12-31")
    lines = pd.DataFrame(
        [(person, year, month) for person in range(144) for year in range(2018, 2023) for month in (2, 8)]
    )
    lines.columns = ["person", "year", "month"]
    amount = np.exp(7 + 0.4 * rng.standard_normal(len(lines)))
    amount = np.where((lines["person"] % 12 == 0) & (lines["year"] == 2022), 0.8, 1.0) * amount
    day = pd.to_datetime(lines[["year", "month"]].assign(day=15))
    paid = day + pd.to_timedelta(rng.integers(10, 270, len(lines)), unit="D")
    claims = pd.DataFrame(
        {"person": lines["person"], "date": day, "category": "gp", "amount": amount.round(2), "paid": paid}
    )
    return {"insured": persons, "enrolment": spans, "claims": claims}


def make() -> None:
    """Write the folders."""
    rng = np.random.default_rng(20261127)
    data = panel(rng)
    for name, study in STUDIES.items():
        folder = HERE / name
        folder.mkdir()
        if name == "claims":
            (folder / "tables").mkdir()
            for table, frame in tables(rng).items():
                frame.to_csv(folder / "tables" / f"{table}.csv", index=False)
        else:
            data.to_csv(folder / "panel.csv", index=False)
        (folder / "study.toml").write_text(
            HEAD.format(name=name) + study + "[agreement]\nsigned = 2021-12-01\n", encoding="utf-8"
        )
        agreement = sign_study(folder / "study.toml")[""]
        (folder / "agreement.toml").write_text(agreement.text, encoding="utf-8", newline="\n")
        file = folder / ("tables" if name == "claims" else "panel.csv")
        settling = Settling(agreement, {"file": str(file)})
        plan = settling.plan()
        result = settling.finish(plan, run_study(plan, n_jobs=1))
        amounts = result.settlement.set_index("party")["amount"].to_dict()
        (folder / "amounts.json").write_text(json.dumps(amounts, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    make()
