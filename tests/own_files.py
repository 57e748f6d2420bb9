"""Panel files as users have them: written in any layout from one frame, and the three files of the trial.

``python tests/own_files.py FOLDER`` writes the files of the trial.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from html import escape
from pathlib import Path
from zipfile import ZipFile

import numpy as np
import pandas as pd

TREATED = "Huisartsen Übach & Zn"
NAMES = {"unit": "Praktijk", "period": "Periode", "spending": "Zorgkosten", "insured_years": "Verzekerdejaren"}
MONTHS = ["jan", "feb", "mrt", "apr", "mei", "jun", "jul", "aug", "sep", "okt", "nov", "dec"]
QUARTERS = {"2018Q2": "{y}Q{q}", "K2 2018": "K{q} {y}", "2018-4": "{y}-{m}", "01-04-2018": "01-{m:02d}-{y}"}
MONTHLY = {"2018-04": "{y}-{m:02d}", "apr 2018": "{name} {y}", "01-04-2018": "01-{m:02d}-{y}", "201804": "{y}{m:02d}"}


@dataclass(frozen=True)
class Written:
    """How a panel is written."""

    separator: str = ","
    decimal: str = "."
    thousands: str = ""
    encoding: str = "utf-8"
    titles: tuple[str, ...] = ()
    below: tuple[str, ...] = ()
    wide: bool = False
    style: str = "{y}Q{q}"


def panel(n_units: int = 24, n_years: int = 5, per_year: int = 4, seed: int = 3) -> pd.DataFrame:
    """Return a panel of practices with its true numbers; periods are (year, number)."""
    rng = np.random.default_rng(seed)
    rows = []
    for number in range(n_units):
        name = TREATED if number == 0 else f"Praktijk {number:02d}"
        level, size = rng.normal(2700, 120), rng.uniform(900, 4000)
        for t in range(n_years * per_year):
            spending = level * 1.02 ** (t / per_year) * (1 + 0.02 * rng.standard_normal())
            rows.append((name, (2019 + t // per_year, t % per_year + 1), round(spending, 2), round(size + t, 1)))
    return pd.DataFrame(rows, columns=[*NAMES])


def label(period: tuple[int, int], per_year: int, style: str) -> str:
    """Return a period in a style of writing."""
    year, number = period
    month = number if per_year == 12 else 3 * number - 2
    return style.format(y=year, q=(month + 2) // 3, m=month, name=MONTHS[month - 1])


def number_text(value: float, how: Written) -> str:
    """Return a number with two decimals, or one, as `how` says."""
    text = f"{value:,.2f}".replace(",", "§").replace(".", how.decimal)
    return text.replace("§", how.thousands)


def text_of(frame: pd.DataFrame, how: Written, per_year: int = 4) -> bytes:
    """Return the bytes of a delimited text of a panel."""
    shown = frame.assign(period=[label(period, per_year, how.style) for period in frame["period"]])
    numbers = {name: [number_text(value, how) for value in shown[name]] for name in ("spending", "insured_years")}
    shown = shown.assign(**numbers)
    if how.wide:
        order = list(dict.fromkeys(shown["period"]))
        parts = [
            shown.pivot_table(index="unit", columns="period", values=name, aggfunc="first", sort=False)[
                order
            ].add_prefix(f"{NAMES[name]} ")
            for name in ("spending", "insured_years")
        ]
        shown = pd.concat(parts, axis=1).reset_index()
    table = shown.rename(columns=NAMES).to_csv(index=False, sep=how.separator)
    lines = [*how.titles, *table.rstrip("\n").split("\n"), *how.below]
    return "".join(line + "\r\n" for line in lines).encode(how.encoding)


SPACE = "http://schemas.openxmlformats.org"
MAIN, REL = f"{SPACE}/spreadsheetml/2006/main", f"{SPACE}/officeDocument/2006/relationships"
XLSX = {
    "[Content_Types].xml": f'<Types xmlns="{SPACE}/package/2006/content-types"/>',
    "_rels/.rels": f'<Relationships xmlns="{SPACE}/package/2006/relationships">'
    f'<Relationship Id="r" Type="{REL}/officeDocument" Target="xl/workbook.xml"/></Relationships>',
}


def write_xlsx(path: Path, sheets: dict[str, list[list[object]]]) -> None:
    """Write a spreadsheet with text and numbers: the parts of the format (ECMA-376) that a reader needs."""

    def cell(value: object, place: str) -> str:
        if isinstance(value, str):
            return f'<c r="{place}" t="inlineStr"><is><t>{escape(value)}</t></is></c>' if value else ""
        return f'<c r="{place}"><v>{value!r}</v></c>'

    names = list(enumerate(sheets, start=1))
    listed = "".join(f'<sheet name="{name}" sheetId="{n}" r:id="r{n}"/>' for n, name in names)
    kind = f'Type="{REL}/worksheet"'
    targets = "".join(f'<Relationship Id="r{n}" {kind} Target="worksheets/s{n}.xml"/>' for n, _ in names)
    parts = {
        **XLSX,
        "xl/workbook.xml": f'<workbook xmlns="{MAIN}" xmlns:r="{REL}"><sheets>{listed}</sheets></workbook>',
        "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{SPACE}/package/2006/relationships">'
        f"{targets}</Relationships>",
    }
    for n, name in names:
        rows = "".join(
            f'<row r="{y}">{"".join(cell(value, f"{chr(65 + x)}{y}") for x, value in enumerate(row))}</row>'
            for y, row in enumerate(sheets[name], start=1)
        )
        parts[f"xl/worksheets/s{n}.xml"] = f'<worksheet xmlns="{MAIN}"><sheetData>{rows}</sheetData></worksheet>'
    with ZipFile(path, "w") as book:
        for name, content in parts.items():
            book.writestr(name, content)


def trial(folder: Path) -> None:
    """Write the files of the trial: a Dutch Excel export and its CSV, a wide panel, and monthly data with dates."""
    titles = ("Zorgkosten per praktijk;;;", "Bron: declaraties;;;", ";;;")
    below = ("Eindtotaal;;2.700,00;61.234,00",)
    dutch = Written(";", ",", ".", "cp1252", titles, below, style=QUARTERS["K2 2018"])
    quarterly, monthly = panel(40), panel(40, per_year=12, seed=4)
    (folder / "export.csv").write_bytes(text_of(quarterly, dutch))
    means = {"spending": ("spending", "mean"), "insured_years": ("insured_years", "sum")}
    total = quarterly.groupby("period").agg(**means).reset_index().assign(unit="Totaal")
    with_totals = pd.concat([quarterly, total])
    (folder / "totals.csv").write_bytes(text_of(with_totals, dutch))
    years = quarterly.assign(period=[(year, 1) for year, _ in quarterly["period"]])
    years = years.groupby(["unit", "period"], sort=False).agg(**means).reset_index()
    (folder / "wide.csv").write_bytes(text_of(years, Written(";", ",", wide=True, style="{y}"), 1))
    rows = [
        [unit, label(period, 4, "K{q} {y}"), *numbers] for unit, period, *numbers in with_totals.to_numpy().tolist()
    ]
    table = [["Zorgkosten per praktijk"], ["Bron: declaraties"], [], list(NAMES.values()), *rows]
    write_xlsx(folder / "export.xlsx", {"Blad1": table, "Toelichting": [["per verzekerdejaar"]]})
    (folder / "monthly.csv").write_bytes(text_of(monthly, Written(style=MONTHLY["01-04-2018"]), 12))


if __name__ == "__main__":
    trial(Path(sys.argv[1]))
