"""What the repository may hold: no data, no machine's path, no registry's address, nothing generated."""

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
TEXT = {".py", ".toml", ".md", ".cff", ".lock", ".txt", ".html", ".css", ".yml", ".yaml", ".json", ".svg", ""}
DATA = {".gz", ".parquet", ".nc", ".zip", ".xlsx", ".xls", ".sav", ".dta", ".rds", ".duckdb", ".pickle", ".pkl", ".npz"}
# A table that a case study carries is small, made by us, or of public figures with their source in the same folder.
LARGEST_TABLE = 200_000

FORBIDDEN = {
    # a home, a mount or a temporary folder of somebody's machine, as a whole word
    "a machine's path": re.compile(r"(?<![\w.~-])/(?:root|home|Users|work|mnt|media|private)/[\w.-]+"),
    "a Windows path": re.compile(r"\b[A-Z]:\\\\?(?:Users|work)\b"),
    "a registry's address": re.compile(
        r"https?://[\w.-]*(?:pypi|pythonhosted|artifactory|nexus|conda\.anaconda)[\w.-]*"
    ),
    "an index option": re.compile(r"--(?:extra-)?index-url\b|--find-links\b|--trusted-host\b"),
}


def tracked():
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False)
    if listed.returncode:
        pytest.skip("not a git checkout: nothing says which files are tracked")
    return [ROOT / name for name in listed.stdout.split("\0") if name and (ROOT / name).is_file()]


def test_no_data_files():
    assert [path.name for path in tracked() if path.suffix.lower() in DATA] == []
    large = [
        path for path in tracked() if path.suffix in {".csv", ".tsv", ".json"} and path.stat().st_size > LARGEST_TABLE
    ]
    assert large == []


@pytest.mark.parametrize("what", FORBIDDEN)
def test_no_trace_of_a_machine(what):
    traces = []
    for path in tracked():
        if path.suffix in TEXT and path != Path(__file__):
            for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
                if FORBIDDEN[what].search(line):
                    traces.append(f"{path.relative_to(ROOT)}:{number}: {line.strip()[:120]}")
    assert traces == []


def test_nothing_generated_is_tracked():
    generated = {"__pycache__", ".venv", "out", "dist", ".mypy_cache", ".ruff_cache", ".hypothesis"}
    assert [path for path in tracked() if generated.intersection(path.relative_to(ROOT).parts)] == []


def test_modules_are_short_enough_to_read():
    # style.md, 5, asks for a split before 400; nothing may pass 500
    lines = {path.name: len(path.read_text(encoding="utf-8").splitlines()) for path in (ROOT / "ssinfer").rglob("*.py")}
    assert {name: count for name, count in lines.items() if count > 500} == {}


def test_continuous_integration_calls_the_readmes_test_command():
    script = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    for command in ("make test", "make evidence"):
        assert command in script
        assert command in readme


def test_lock_is_hashed_and_complete():
    lock = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    pinned = re.findall(r"^([\w.-]+)(?:\[[\w,]+\])?==", lock, re.MULTILINE)
    assert len(pinned) > 50
    blocks = re.split(r"^(?=[\w.-]+(?:\[[\w,]+\])?==)", lock, flags=re.MULTILINE)[1:]
    assert [block.split("==")[0] for block in blocks if "--hash=sha256:" not in block] == []
    for needed in ("pymc", "arviz", "pandas", "numpy", "hatchling", "editables", "pytest", "ruff", "mypy"):
        assert needed in pinned
