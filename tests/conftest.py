"""Fixtures that several parts of the suite share."""

from __future__ import annotations

import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def data_dir() -> Path:
    """The folder of published data; a test that needs it skips only where SSINFER_DATA_DIR is unset."""
    folder = os.environ.get("SSINFER_DATA_DIR")
    if not folder:
        pytest.skip("SSINFER_DATA_DIR is unset: set it to the folder that holds vektis/, mssp/, person/, ...")
    path = Path(folder)
    assert path.is_dir(), f"SSINFER_DATA_DIR={folder} is no folder"
    return path
