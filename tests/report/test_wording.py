"""The wording of one report and one console output: other tests match ids and numbers.

After a wanted change, run this file with SSINFER_SNAPSHOTS=write and read the difference.
"""

import os
from pathlib import Path

import pytest

from ssinfer.console.design_table import design_table
from ssinfer.report.summarise import assemble

FOLDER = Path(__file__).parent / "snapshots"


@pytest.mark.parametrize("name", ["report", "console"])
def test_the_wording_is_that_of_the_snapshot(name, analysis, study):
    data = assemble(analysis)
    lines = [*data.finding]
    for section in data.sections:
        lines += ["", section.title, *section.sentences, *section.remarks]
    text = design_table(study) if name == "console" else "\n".join(lines)
    path = FOLDER / f"{name}.txt"
    if os.environ.get("SSINFER_SNAPSHOTS") == "write":
        path.write_text(f"{text}\n", encoding="utf-8")
    assert f"{text}\n" == path.read_text(encoding="utf-8")
