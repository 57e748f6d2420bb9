"""The list of data sets, and the facade that names the loaders without loading them."""

from __future__ import annotations

import subprocess
import sys

import pytest

from ssinfer import datasets


def test_every_name_of_the_facade_is_there():
    for name in datasets.__all__:
        assert getattr(datasets, name) is not None
        assert not isinstance(getattr(datasets, name), type(datasets)), f"{name} is a module"
    with pytest.raises(AttributeError, match="attribute load_all"):
        _ = datasets.load_all


def test_the_facade_loads_nothing_heavy():
    code = (
        "import sys, ssinfer.datasets, ssinfer.datasets.io.catalogue as c; c.entries();"
        "print([m for m in ('pandas', 'pooch', 'numpy', 'pyarrow', 'requests') if m in sys.modules])"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "[]"


def test_absent_and_present(tmp_path, monkeypatch):
    monkeypatch.setenv("SSINFER_DATA_DIR", str(tmp_path))
    (tmp_path / "vektis").mkdir()
    (tmp_path / "vektis" / "vektis_2015_gemeente.csv.gz").write_bytes(b"")
    frame = datasets.available().set_index("name")
    assert frame.loc["vektis", "found"] == 1
    assert frame.loc["vektis", "where"] == str(tmp_path / "vektis")
    assert frame.loc["mssp", "found"] == 0
    assert frame.loc["mssp", "where"].startswith("absent: put it in")
    monkeypatch.delenv("SSINFER_DATA_DIR")
    assert datasets.available().set_index("name").loc["vektis", "where"] == "absent: ssinfer data fetch vektis"


@pytest.mark.usefixtures("data_dir")
def test_all_are_found_in_the_data_folder():
    frame = datasets.available().set_index("name")
    assert (frame["found"] >= frame["files"] - 1).all()  # the file of 2023 is registered and not in the folder
    assert frame.loc["mssp", "found"] == 3
