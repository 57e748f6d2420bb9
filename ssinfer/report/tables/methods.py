"""Table of the version, seed, hashes and packages behind the report."""

import pandas as pd

from ssinfer.report.analysis import Analysis
from ssinfer.report.table import ReportTable


def _rows(analysis: Analysis) -> pd.DataFrame:
    manifest = analysis.result.manifest
    packages = ", ".join(f"{name} {version}" for name, version in sorted((manifest.get("versions") or {}).items()))
    keys = ("ssinfer", "seed", "data_hash", "study_hash")
    values = {**{key: manifest.get(key) for key in keys}, "packages": packages or None}
    records = [(key, str(value)) for key, value in values.items() if value is not None]
    return pd.DataFrame(records, columns=["entry", "value"])


TABLES = ReportTable("provenance", "methods", 10, _rows, "entry:word value")
