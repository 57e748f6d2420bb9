"""Writes the page of an agreement for signature: one A4 page per language."""

from pathlib import Path

from ssinfer.agreement.agreement import Agreement
from ssinfer.agreement.page import page_of
from ssinfer.language import speak, tags
from ssinfer.report.template import template


def write_agreement_pages(agreement: Agreement, folder: Path) -> None:
    """Write ``agreement.<tag>.html`` in every language that has a catalogue."""
    for tag in tags():
        with speak(tag, agreement.document["currency"], agreement.document["language"]):
            page = template("agreement.html.j2").render(page_of(agreement))
        (folder / f"agreement.{tag}.html").write_text(page, encoding="utf-8", newline="\n")
