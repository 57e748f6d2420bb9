"""Table of the version, seed, hashes and packages behind the report."""

import pandas as pd

from ssinfer.report.analysis import Analysis
from ssinfer.report.table import ReportTable, TableColumn

NAMES = {
    "ssinfer": "ssinfer",
    "seed": "Seed",
    "data_hash": "Data (SHA-256)",
    "study_hash": "Study configuration (SHA-256)",
}


def _rows(analysis: Analysis) -> pd.DataFrame:
    manifest = analysis.result.manifest
    records = [(name, str(manifest[key])) for key, name in NAMES.items() if manifest.get(key) is not None]
    packages = manifest.get("versions") or {}
    if packages:
        records.append(("Packages", ", ".join(f"{name} {version}" for name, version in sorted(packages.items()))))
    return pd.DataFrame(records, columns=["entry", "value"])


TABLES = ReportTable(
    name="provenance",
    section="methods",
    order=10,
    caption="Provenance",
    columns=(TableColumn("Entry", "entry"), TableColumn("Value", "value")),
    rows=_rows,
)
