"""Tables of the output folder: declared columns, headers that do not depend on rows, a page that is generated."""

import importlib.util
from pathlib import Path

import pandas as pd
import pytest

from ssinfer.study.frames import OUTPUT
from ssinfer.study.result import group_name

ROOT = Path(__file__).parents[2]


def test_the_generated_documents_are_up_to_date():
    spec = importlib.util.spec_from_file_location("maps", ROOT / ".ci" / "maps.py")
    maps = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(maps)
    for document, content in maps.documents().items():
        assert document.read_text(encoding="utf-8") == content, f"Run `make maps` and commit {document.name}."


def test_the_page_names_every_table():
    page = (ROOT / "docs" / "output_folder.md").read_text(encoding="utf-8")
    head = page[: page.index("<!-- columns")]
    assert [name for name in OUTPUT if f"`{name}`" not in head] == []


@pytest.mark.parametrize("name", OUTPUT)
def test_an_empty_table_has_its_whole_header(name, tmp_path):
    schema = OUTPUT[name]
    names = [column.name for column in schema.columns if not (column.setting or column.optional)]
    pd.DataFrame().pipe(schema.conform).to_csv(tmp_path / "empty.csv", index=False)
    assert (tmp_path / "empty.csv").read_text().strip().split(",") == names
    assert all(column.meaning.endswith(".") for column in schema.columns), "the meaning is a sentence"


def test_names_of_groups_in_netcdf_never_collide():
    """Fault R9: the comparisons "a b" and "a_b" became one branch of savings.nc."""
    names = ["a b", "a_b", "a/b", "a%2Fb", "a%2fb", ".a", "%2Ea", "a ", "a%20", " a", "a\tb", "a", "A"]
    groups = [group_name(name) for name in names]
    assert len(set(groups)) == len(names)
    assert not any("/" in group or group.startswith(".") for group in groups)
