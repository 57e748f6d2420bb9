"""Cells of the tutorials: a temporary folder, commands as a reader types them, and the first page of a report."""

import atexit
import fcntl
import hashlib
import html
import os
import shutil
import subprocess
import sys
import tempfile
import textwrap
from collections.abc import Sequence
from pathlib import Path

import pexpect
from IPython.display import Markdown

DOCS = Path(__file__).resolve().parents[1]
PATH = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
COLUMNS = 80
TERMINAL = os.environ | {"PATH": PATH, "COLUMNS": str(COLUMNS), "NO_COLOR": "1"}
PATIENCE = 300  # seconds


def start() -> None:
    """Work in a temporary folder, which is deleted at the end of the page."""
    folder = tempfile.TemporaryDirectory(prefix="ssinfer-tutorial-")
    atexit.register(folder.cleanup)
    os.chdir(folder.name)


def run(command: str, after: str = "", until: str = "") -> None:
    """Run a command and print it with its output, as a terminal does; the page is not built if the command fails.

    What is printed may begin with the first line that starts with `after`, and end with the first that has `until`.
    """
    _show(command, _output(command), after, until)


def _output(command: str) -> str:
    done = subprocess.run(  # noqa: S602 - commands of our own pages
        command, shell=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=TERMINAL, text=True, check=False
    )
    if done.returncode:
        raise RuntimeError(f"{command} ended with exit code {done.returncode}:\n{done.stdout}")
    return done.stdout


def _show(command: str, output: str, after: str, until: str) -> None:
    lines = output.rstrip().splitlines()
    first = next(n for n, line in enumerate(lines) if line.startswith(after))
    last = next((n for n, line in enumerate(lines) if until and until in line), len(lines) - 1)
    shown = ["..."] * (first > 0) + lines[first : last + 1] + ["..."] * (last < len(lines) - 1)
    print(_wrapped([f"$ {command}", *shown]))  # noqa: T201 - the page shows it


def shared_run(study: str, after: str = "") -> None:
    """Run a study of docs/tutorials into the folder `result`, or copy the result that another page has made.

    Pages in two languages share one result, in build/tutorials, under the hash of the study file. The command is shown.
    """
    source = DOCS / "tutorials" / study
    name = f"{source.stem}-{hashlib.sha256(source.read_bytes()).hexdigest()[:12]}"
    stored = DOCS.parent / "build" / "tutorials" / name
    stored.parent.mkdir(parents=True, exist_ok=True)
    console = stored.with_name(f"{name}.txt")
    with (stored.parent / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not console.exists():
            console.write_text(_output(f"ssinfer run {source} --out {stored} --jobs 1"), encoding="utf-8")
    shutil.copytree(stored, "result")
    shutil.copy(source, "study.toml")
    text = console.read_text(encoding="utf-8").replace(str(stored), "result")
    _show("ssinfer run study.toml --out result", text, after, "")


def _wrapped(lines: Sequence[str]) -> str:
    """Return lines with their long ones broken between words."""
    return "\n".join(
        textwrap.fill(line, COLUMNS, break_long_words=False) if len(line) > COLUMNS else line for line in lines
    )


def dialogue(command: str, answers: Sequence[str]) -> None:
    """Run a command that asks, type the answers, and print questions and answers as a terminal shows them."""
    terminal = pexpect.spawn(command, encoding="utf-8", env=TERMINAL, dimensions=(50, 1000), timeout=PATIENCE)
    shown = []
    for answer in answers:
        terminal.expect(r": $")
        shown += [terminal.before, terminal.after]
        terminal.sendline(answer)
    terminal.expect(pexpect.EOF)
    terminal.close()
    text = "".join([*shown, terminal.before]).replace("\r", "").rstrip()
    if terminal.exitstatus:
        raise RuntimeError(f"{command} ended with exit code {terminal.exitstatus}:\n{text}")
    print(_wrapped([f"$ {command}", *text.splitlines()]))  # noqa: T201 - the page shows it


def part(file: str, first: str, last: str) -> Markdown:
    """Show the lines of a study file from the one that is `first` up to the one before `last`."""
    lines = Path(file).read_text(encoding="utf-8").splitlines()
    lines = lines[lines.index(first) :]
    return Markdown("\n".join(["```toml", *lines[: lines.index(last)], "```"]))


def change(file: str, before: str, after: str) -> None:
    """Make the change that the page tells the reader to make; what is changed must occur once."""
    text = Path(file).read_text(encoding="utf-8")
    if text.count(before) != 1:
        raise ValueError(f"{file} has {text.count(before)} times: {before}")
    Path(file).write_text(text.replace(before, after), encoding="utf-8")


class FirstPage:
    """The first page of a report as it is: its own styles apply; its links to other sections are shown as text."""

    def __init__(self, folder: str, title: str) -> None:
        page = (Path(folder) / "report.html").read_text(encoding="utf-8")
        page = page[: page.index("<nav ")].replace("<a ", "<span ").replace("</a>", "</span>")
        self.page, self.title = f"{page}</main></body></html>", title

    def _repr_html_(self) -> str:
        fit = "this.style.height = this.contentDocument.documentElement.scrollHeight + 4 + 'px'"
        return (
            f'<iframe title="{html.escape(self.title)}" srcdoc="{html.escape(self.page)}" onload="{fit}"'
            ' style="width: 100%; height: 44rem; border: 1px solid #d5d9de"></iframe>'
        )
