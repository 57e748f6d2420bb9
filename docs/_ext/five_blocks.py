"""Tables of the Kerngezond tutorials: from the files of a result, in the words of the study file, in two languages."""

import tomllib
from pathlib import Path

import pandas as pd
from IPython.display import Markdown

BLOCKS = ("population", "spending", "comparison", "threshold", "sharing")
WORDS = {
    "en": {
        **dict(zip(BLOCKS, ("Population", "Spending", "Comparison group", "Threshold", "Sharing"), strict=True)),
        "head": ("Block", "Choice", "Threshold", "False payments", "5% is paid", "Measured at zero saving"),
        "start": "Where we start",
    },
    "nl": {
        **dict(zip(BLOCKS, ("Populatie", "Zorguitgaven", "Controlegroep", "Drempel", "Deling"), strict=True)),
        "head": ("Bouwsteen", "Keuze", "Drempel", "Onterecht", "5% betaald", "Gemeten zonder besparing"),
        "start": "Uitgangspunt",
    },
}


class Choices:
    """The designs of a result: one row per design in `table`, with the words of one language."""

    def __init__(self, folder: str, language: str = "en") -> None:
        self.language, self.words = language, WORDS[language]
        study = tomllib.loads((Path(folder) / "study.toml").read_text(encoding="utf-8"))
        self.labels = {(b, part["name"]): part["label"][language] for b in BLOCKS for part in study[b]}
        paid = pd.read_csv(Path(folder) / "scenarios.csv").query("saving == 0.05").set_index("design")
        table = pd.read_csv(Path(folder) / "designs.csv").set_index("design")
        self.table = table.join(paid[["detection_rate", "detection_rate_se", "paid", "paid_se"]])
        self.start = self.table[self.table["settles"]].iloc[0]

    def label(self, row: pd.Series, *blocks: str) -> str:
        """Return the choices of a design, by default all five."""
        return "; ".join(self.labels[block, row[block]] for block in blocks or BLOCKS)

    def percent(self, row: pd.Series, name: str, digits: int = 0) -> str:
        """Return a fraction and its standard error as percentages."""
        value, error = 100 * row[name], 100 * row[f"{name}_se"]
        digits = 1 if error < 1 else digits
        text = f"{value:.{digits}f}%" if pd.isna(error) else f"{value:.{digits}f} ± {error:.{digits}f}%"
        return text.replace("-", "−").replace(".", "," if self.language == "nl" else ".")

    def same(self, row: pd.Series, **changes: str) -> pd.Series:
        """Return the design with the choices of another one, except for some blocks."""
        wanted = {block: row[block] for block in BLOCKS} | changes
        return self.table[(self.table[[*wanted]] == pd.Series(wanted)).all(axis=1)].iloc[0]

    def others(self) -> pd.DataFrame:
        """Return the designs that differ from the start in one block, in the order of blocks."""
        changed = {name: [b for b in BLOCKS if row[b] != self.start[b]] for name, row in self.table.iterrows()}
        found = self.table[[len(blocks) == 1 for blocks in changed.values()]]
        block = [changed[name][0] for name in found.index]
        return found.assign(block=block).sort_values("block", key=lambda b: b.map(BLOCKS.index), kind="stable")

    def ladder(self) -> Markdown:
        """Return the start, and each design that changes one block, as a table."""
        rows = [(self.words["start"], self.label(self.start), self.start)]
        rows += [(self.words[row["block"]], self.label(row, row["block"]), row) for _, row in self.others().iterrows()]
        return self._table(rows)

    def listed(self, table: pd.DataFrame) -> Markdown:
        """Return designs as a table, without their sharing."""
        return self._table(
            [(str(n), self.label(row, *BLOCKS[:4]), row) for n, (_, row) in enumerate(table.iterrows(), 1)], ""
        )

    def _table(self, rows: list[tuple[str, str, pd.Series]], first: str | None = None) -> Markdown:
        head = [first if first is not None else self.words["head"][0], *self.words["head"][1:]]
        lines = [head, ["---"] * 2 + ["--:"] * 4]
        for block, choice, row in rows:
            numbers = ("threshold_all", "false_payment_rate", "detection_rate")
            cells = [self.percent(row, name) for name in numbers]
            lines.append([block, choice, *cells, self.percent(row, "deviation_all", 1)])
        return Markdown("\n".join(f"| {' | '.join(line)} |" for line in lines))
