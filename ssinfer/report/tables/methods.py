"""Table of what it takes to make the report again: version, seed, study, data, packages and commands."""

import pandas as pd

from ssinfer.report.analysis import Analysis
from ssinfer.report.table import ReportTable
from ssinfer.sentences import say


def _rows(analysis: Analysis) -> pd.DataFrame:
    manifest = analysis.result.manifest
    keys = ("ssinfer", "seed", "study_hash", "data_hash")
    packages = ", ".join(f"{name} {version}" for name, version in sorted((manifest.get("versions") or {}).items()))
    values = {**{key: manifest.get(key) for key in keys}, "packages": packages or None}
    values |= {key: say(f"provenance.{key}") for key in ("files", "install", "command")}
    records = [(key, str(value)) for key, value in values.items() if value is not None]
    return pd.DataFrame(records, columns=["entry", "value"])


TABLES = ReportTable("provenance", "methods", 10, _rows, "entry:word value")
