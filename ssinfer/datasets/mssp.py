"""Medicare Shared Savings Program: results per ACO (CMS public use files) and the panel 2013 to 2023."""

from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from ssinfer.arguments import checked
from ssinfer.datasets.io.catalogue import MSSP_PANEL, MSSP_RESULTS
from ssinfer.datasets.io.csv import read_published, refuse_twice
from ssinfer.errors import DatasetError

_names = str.split
_TEXT = _names("ACO_ID ACO_Name Agree_Type Current_Start_Date Current_Track Risk_Model Assign_Type Rev_Exp_Cat")
_PERCENT = _names("Sav_rate MinSavPerc QualScore FinalShareRate FinalLossRate")
_MONEY = _names("BnchmkMinExp EarnSaveLoss ABtotBnchmk ABtotExp")
_MISSING = ("*", "-", ".")
_NEEDED = _names("ACO_ID Current_Track Risk_Model N_AB Sav_rate MinSavPerc QualScore FinalShareRate")
_PANEL_NUMBERS = _names(
    "performance_year n_ab abtotbnchmk abtotexp bnchmkminexp sav_rate minsavperc earnsaveloss half_year_2019"
)


@dataclass(frozen=True, slots=True)
class Mssp:
    """Results of the Medicare Shared Savings Program.

    `results` holds the public use file per performance year: one row per ACO, CMS's column names. Rates are fractions,
    money is in USD. "*" (suppressed), "-" (not applicable) and empty fields are missing.

    `panel` has one row per ACO and performance year, 2013 to 2023, lower-case names. `sav_rate` and `minsavperc` are
    **in percent**, as the source gives them, and `abtotbnchmk - abtotexp = bnchmkminexp` in every row.
    ``half_year_2019 == 1`` marks totals over six months; 2013 covers up to 21 months; `qualscore` changes its scale.
    """

    results: dict[int, pd.DataFrame]
    panel: pd.DataFrame


@checked(DatasetError)
def load_mssp(folder: str | Path | None = None) -> Mssp:
    """Return the public use files of performance years 2022 and 2023 and the ACO panel 2013 to 2023.

    The default folder is ``SSINFER_DATA_DIR/mssp``. DatasetError: a file is absent or damaged, an ACO occurs twice in a
    year, or benchmark minus expenditure is not the saving. Source: Centers for Medicare & Medicaid Services,
    Performance Year Financial and Quality Results (public domain).
    """
    return Mssp({year: _results(year, folder) for year in MSSP_RESULTS}, _panel(folder))


def _results(year: int, folder: str | Path | None) -> pd.DataFrame:
    file_name = MSSP_RESULTS[year]
    needed = [*_NEEDED, *_MONEY, *(["FinalLossRate"] if year >= 2023 else [])]
    numbers, text = ["N_AB", *_MONEY], dict.fromkeys(_TEXT, str)
    frame = read_published("mssp", file_name, folder, columns=needed, numbers=numbers, text=text, missing=_MISSING)
    for name in frame.columns:
        if name in _TEXT or pd.api.types.is_numeric_dtype(frame[name]):
            continue
        column = frame[name].str.strip()
        percent = column.str.endswith("%").fillna(value=False)
        values = pd.to_numeric(column.str.rstrip("%").str.replace(",", "", regex=False), errors="coerce")
        words = column[values.isna() & column.notna()]
        if words.empty:
            frame[name] = values.where(~percent, values / 100.0)
        elif name in _PERCENT:
            raise DatasetError(
                f"{file_name}: {name} holds {words.iloc[0]!r}. Allowed: a percentage such as '6.46%'. "
                "Next step: download the file again."
            )
    refuse_twice(file_name, frame, ["ACO_ID"])
    return frame


def _panel(folder: str | Path | None) -> pd.DataFrame:
    columns = ["aco_id", *_PANEL_NUMBERS]
    frame = read_published("mssp", MSSP_PANEL, folder, columns=columns, numbers=_PANEL_NUMBERS)
    refuse_twice(MSSP_PANEL, frame, ["aco_id", "performance_year"])
    apart = (frame["abtotbnchmk"] - frame["abtotexp"] - frame["bnchmkminexp"]).abs()
    if (apart > 1.5).any():  # amounts are rounded to whole dollars one by one
        row = frame.iloc[int(apart.to_numpy().argmax())]
        raise DatasetError(
            f"{MSSP_PANEL}: benchmark minus expenditure is not the saving for {row['aco_id']} in "
            f"{row['performance_year']} (USD {apart.max():,.0f} apart). Next step: download the file again."
        )
    return frame
