"""What a measurement needs beside the package: published data, and peers in an environment of their own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path


def data_folder(*folders: str) -> Path | None:
    """Return SSINFER_DATA_DIR; without it, print in one line what the measurement needs and return None."""
    given = os.environ.get("SSINFER_DATA_DIR")
    if given:
        return Path(given)
    needed = " and ".join(f"{folder}/" for folder in folders)
    print(f"Not measured: set SSINFER_DATA_DIR to a folder that holds {needed}.")
    return None


def peers_python(*packages: str) -> str | None:
    """Return the Python named by SSINFER_PEERS_PYTHON, or that of ``.venv-peers``, made and filled by pip at need.

    Where pip cannot install the peers, print so in one line and return None.
    """
    given = os.environ.get("SSINFER_PEERS_PYTHON")
    if given:
        return given
    folder = Path(__file__).resolve().parents[2] / ".venv-peers"
    python = str(folder / "bin" / "python")
    try:
        if not Path(python).exists():
            subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True, capture_output=True)
        missing = [
            name
            for name in packages
            if subprocess.run([python, "-c", f"import {name}"], check=False, capture_output=True).returncode
        ]
        if missing:
            subprocess.run([python, "-m", "pip", "install", "-q", *missing], check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        names = ", ".join(packages)
        print(f"Peers not measured: pip cannot install {names}. Name a Python that has them in SSINFER_PEERS_PYTHON.")
        return None
    return python
