"""The Python that has the peers of a measurement, in an environment of their own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path


def peers_python(*packages: str) -> str:
    """Return the Python named by SSINFER_PEERS_PYTHON, or that of ``.venv-peers``, made and filled by pip at need."""
    given = os.environ.get("SSINFER_PEERS_PYTHON")
    if given:
        return given
    folder = Path(__file__).resolve().parents[2] / ".venv-peers"
    python = folder / "bin" / "python"
    if not python.exists():
        subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
    missing = [
        name for name in packages if subprocess.run([str(python), "-c", f"import {name}"], check=False).returncode
    ]
    if missing:
        subprocess.run([str(python), "-m", "pip", "install", "-q", *missing], check=True)
    return str(python)
