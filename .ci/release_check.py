"""Checks a release: `make release-check`. Needs the package registry, and about ten minutes per environment.

1. Builds the sdist, and the wheel from that sdist (`python -m build`).
2. Checks the metadata, and that each file holds what git tracks, no more and no less.
3. Installs the wheel without the lock into a clean environment of each supported Python on this machine, fits a few
   units by every method (`ssinfer precompile`), runs the sample study as a new user does, and reads its result.
4. Does the same on the oldest of these Pythons with the oldest version of each dependency that `pyproject.toml` allows.

    python .ci/release_check.py [3.12 3.13 oldest]      only these environments; without names all of them
"""

from __future__ import annotations

import csv
import hashlib
import json
import math
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import time
from pathlib import Path
from zipfile import ZipFile

from packaging.metadata import Metadata

ROOT = Path(__file__).parents[1]
DIST = ROOT / "dist"
SAME_RATE = 0.0005  # half of the last digit that a report prints: the same seed gives the same report everywhere


class CheckError(Exception):
    """What a release must not have."""


def need(holds: object, message: str) -> None:
    """Raise an error with the message unless the condition holds."""
    if not holds:
        raise CheckError(message)


def call(*command: object, cwd: Path = ROOT, home: Path | None = None) -> str:
    """Run a command without this repository on its path; return what it prints. Its last lines tell why it failed."""
    env = {name: value for name, value in os.environ.items() if not name.startswith(("SSINFER", "PYTHON", "VIRTUAL"))}
    if home:  # nothing may depend on what an earlier run left in a home
        env |= {"HOME": str(home), "XDG_CACHE_HOME": str(home / ".cache")}
    words = [str(word) for word in command]
    done = subprocess.run(
        words, cwd=cwd, env=env, capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False
    )
    if done.returncode:
        last = "\n".join((done.stdout + done.stderr).splitlines()[-25:])
        raise CheckError(f"{' '.join(words)} ended with status {done.returncode}:\n{last}")
    return done.stdout


def build() -> tuple[Path, Metadata]:
    """Build both files into dist/; return the wheel and its metadata."""
    need(not call("git", "status", "--porcelain"), "There are changes that are not committed. Commit them first.")
    tracked = set(call("git", "ls-files").split())
    shutil.rmtree(DIST, ignore_errors=True)
    call(sys.executable, "-m", "build", "--no-isolation", "--outdir", DIST)
    [wheel], [sdist] = DIST.glob("*.whl"), DIST.glob("*.tar.gz")
    with tarfile.open(sdist) as archive:
        files = {name.partition("/")[2] for name in archive.getnames()}
    compare("sdist", files - {"PKG-INFO"}, tracked)
    with ZipFile(wheel) as archive:
        files = set(archive.namelist())
        [info] = {name.partition("/")[0] for name in files if ".dist-info/" in name}
        metadata = Metadata.from_email(archive.read(f"{info}/METADATA"), validate=True)
    need(f"{info}/licenses/LICENSE" in files, "The wheel holds no licence.")
    inside = {name for name in tracked if name.startswith("ssinfer/")}
    compare("wheel", {name for name in files if not name.startswith(info)}, inside)
    for needed in ("py.typed", "*.po", "*.css", "*.j2", "contracts/*.toml", "new/sample.csv", "*.json", "*.pyi"):
        need(any(Path(name).match(f"ssinfer/{needed}") or Path(name).match(needed) for name in inside), f"No {needed}.")
    for file in (sdist, wheel):
        print(f"{file.name}: {file.stat().st_size / 1e6:.1f} MB, holds exactly what git tracks")
    return wheel, metadata


def compare(what: str, files: set[str], tracked: set[str]) -> None:
    """Raise an error unless a built file holds what git tracks."""
    extra, lacking = sorted(files - tracked), sorted(tracked - files)
    need(not extra, f"The {what} holds files that git does not track: {', '.join(extra[:5])}. Delete them.")
    need(not lacking, f"The {what} lacks {', '.join(lacking[:5])}. See [tool.hatch.build] in pyproject.toml.")


def check_metadata(metadata: Metadata) -> list[str]:
    """Check what a package registry shows; return the pins of the oldest dependencies."""
    need(metadata.license_expression, "The metadata name no licence.")
    need(metadata.description_content_type == "text/markdown", "README is not shown as Markdown.")
    need(metadata.description, "The metadata hold no description.")
    for file, pattern in (
        ("CITATION.cff", f"version: {metadata.version}\n"),
        ("CHANGELOG.md", f"## {metadata.version}"),
    ):
        need(pattern in (ROOT / file).read_text(encoding="utf-8"), f"{file} does not name version {metadata.version}.")
    pins = []
    for dependency in metadata.requires_dist or []:
        if "extra ==" not in str(dependency.marker):
            bounds = [each.version for each in dependency.specifier if each.operator == ">="]
            need(
                bounds, f"{dependency.name} has no lower bound in pyproject.toml. State the oldest version that works."
            )
            pins.append(f"{dependency.name}=={bounds[0]}")
    print(f"{metadata.name} {metadata.version}: metadata are valid; {len(pins)} dependencies have a lower bound")
    return pins


def pythons(metadata: Metadata) -> dict[str, str]:
    """Return a path per supported minor version of Python that runs here: on PATH, of pyenv or of uv."""
    home = Path.home()
    roots = [(Path(os.environ.get("PYENV_ROOT", home / ".pyenv")) / "versions"), home / ".local/share/uv/python"]
    places = [Path(place) for place in os.environ["PATH"].split(os.pathsep)]
    places += [folder / "bin" for root in roots if root.is_dir() for folder in sorted(root.iterdir())]
    found: dict[str, str] = {}
    say = "import sys; v = sys.version_info; print(v.major, v.minor, v.micro, v.releaselevel, sys._base_executable)"
    for candidate in [path for place in places if place.is_dir() for path in sorted(place.glob("python3.*"))]:
        if re.fullmatch(r"python3\.\d+", candidate.name):
            try:  # a shim can exist and fail
                major, minor, micro, release, path = call(candidate, "-c", say).split(maxsplit=4)
            except (CheckError, OSError):
                continue
            if release == "final" and metadata.requires_python.contains(f"{major}.{minor}.{micro}"):
                found.setdefault(f"{major}.{minor}", path.strip())
    need(found, f"No Python {metadata.requires_python} runs here.")
    return dict(sorted(found.items(), key=lambda item: int(item[0].split(".")[1])))


def try_out(python: str, wheel: Path, pins: list[str]) -> float:
    """Install the wheel into a clean environment, run the sample study and read it; return its threshold."""
    start = time.perf_counter()
    with tempfile.TemporaryDirectory(prefix="ssinfer-release-") as name:
        folder = Path(name)
        call(python, "-m", "venv", folder / "venv")
        binaries = folder / "venv" / "bin"
        pip = (binaries / "python", "-m", "pip", "--disable-pip-version-check", "-q")
        (folder / "oldest.txt").write_text("\n".join(pins), encoding="utf-8")
        call(*pip, "install", wheel, *(("-c", folder / "oldest.txt") if pins else ()), cwd=folder)
        call(*pip, "check", cwd=folder)
        version = call(binaries / "ssinfer", "--version", cwd=folder, home=folder).split()[-1]
        need(version == wheel.name.split("-")[1], f"ssinfer --version says {version}.")
        installed = time.perf_counter()
        call(binaries / "ssinfer", "precompile", cwd=folder, home=folder)  # fits by every method, with every inference
        compiled = time.perf_counter()
        call(binaries / "ssinfer", "new", "demo", "--sample", cwd=folder, home=folder)
        call(binaries / "ssinfer", "run", "demo/study.toml", "--out", "demo/result", cwd=folder, home=folder)
        rate = read_result(folder / "demo" / "result", version)
        times = (installed - start, compiled - installed, time.perf_counter() - compiled)
    steps = ", ".join(
        f"{step} {seconds:.0f} s" for step, seconds in zip(("install", "fits", "study"), times, strict=True)
    )
    print(f"  {steps}; the sample study's threshold is {100 * rate:.2f}%", flush=True)
    return rate


def read_result(result: Path, version: str) -> float:
    """Check a result as its reader would; return the threshold of its first page."""
    manifest = json.loads((result / "manifest.json").read_text(encoding="utf-8"))
    need(manifest["ssinfer"] == version, f"The manifest names ssinfer {manifest['ssinfer']}, not {version}.")
    for line in (result / "SHA256SUMS").read_text(encoding="utf-8").splitlines():
        digest, file = line.split(maxsplit=1)
        need(hashlib.sha256((result / file).read_bytes()).hexdigest() == digest, f"{file} has another hash.")
    finding = json.loads((result / "finding.json").read_text(encoding="utf-8"))
    wanted = {key: str(finding["threshold"][key]) for key in ("kind", "level", "side", "prior")}
    wanted |= {key: finding[key] for key in ("design", "method")}
    with (result / "case_thresholds.csv").open(encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file) if wanted.items() <= row.items()]
    need(len(rows) == 1, f"case_thresholds.csv has {len(rows)} rows of the threshold that finding.json names.")
    rate = float(rows[0]["rate"])
    need(math.isclose(rate, finding["threshold"]["rate"]), "finding.json and case_thresholds.csv give two thresholds.")
    page = (result / "report.html").read_text(encoding="utf-8")
    for number in (rate, finding["measured"]["rate"]):
        need(f"{100 * number:.1f}%" in page, f"The report does not print {100 * number:.1f}%.")
    return rate


def main(names: list[str]) -> None:
    """Check the release in the named environments, one after the other, or in all."""
    wheel, metadata = build()
    pins = check_metadata(metadata)
    found = pythons(metadata)
    environments = {**{name: (path, []) for name, path in found.items()}, "oldest": (next(iter(found.values())), pins)}
    need(set(names) <= set(environments), f"Unknown environment. This machine has: {', '.join(environments)}.")
    rates = {}
    for name in names or environments:
        path, wanted = environments[name]
        print(f"{name}: {path}{' with the oldest dependencies: ' + ', '.join(wanted) if wanted else ''}", flush=True)
        rates[name] = try_out(path, wheel, wanted)
    spread = max(rates.values()) - min(rates.values())
    need(spread <= SAME_RATE, f"The sample study's threshold differs between environments: {rates}.")
    print(f"Release check passed: {', '.join(rates)}.")


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except CheckError as error:
        sys.exit(f"Release check failed. {error}")
