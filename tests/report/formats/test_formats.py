"""Word, Excel, PDF and LaTeX: the words and numbers of the page in its order, as native parts, with equal bytes."""

import datetime as dt
import re
import sys
from base64 import b64decode
from dataclasses import replace
from html import unescape
from io import BytesIO
from pathlib import Path
from types import SimpleNamespace

import docx
import pytest
from docx.enum.text import WD_ALIGN_PARAGRAPH
from python_calamine import CalamineWorkbook
from small_study import HOSTILE, small_analysis
from typer.testing import CliRunner

from ssinfer.cli import app
from ssinfer.errors import StudyError
from ssinfer.figures.svg import png_of
from ssinfer.language import speak
from ssinfer.printed import plain
from ssinfer.report.formats import FORMATS, excel, latex, pdf, word, writer_of
from ssinfer.report.formats.outline import Text, outline
from ssinfer.report.pictures import Picture
from ssinfer.report.summarise import assemble
from ssinfer.report.table import Table
from ssinfer.report.write import _render
from ssinfer.sentences import say

POINT = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAQAAAC1HAwCAAAAC0lEQVR42mNk+A8AAQUBAScY42YAAAAASUVORK5CYII="
SVG, PNG = '<svg xmlns="http://www.w3.org/2000/svg" width="2" height="1"/>', b64decode(POINT)
TITLE = rf"#let x = 1 $a_b$ \emph{{c}} *d* @e % & ~ ^ {HOSTILE}" + "\x00"
MODULES = {"docx": word, "xlsx": excel, "pdf": pdf, "tex": latex}
LANGUAGES = {"en": ("en-GB", "."), "nl": ("nl-NL", ",")}


@pytest.fixture(scope="module")
def reports():
    """Data, blocks, page and documents of the small study with a hostile title, by language; pictures are a point."""
    analysis, made = small_analysis(), {}
    manifest = {**analysis.result.manifest, "date": "2024-05-06", "study": {"date": "x"}, "inputs": {"a.csv": "5a"}}
    analysis = replace(analysis, result=replace(analysis.result, title=TITLE, manifest=manifest))
    for tag in LANGUAGES:
        with speak(tag, "EUR", "en"):
            data = assemble(analysis)
            drawn = {
                name: Picture(name, name, f"Words of {name}.", "", {name: SVG}, {name: PNG}) for name in data.figures
            }
            made[tag] = SimpleNamespace(data=data, blocks=[*outline(data, drawn)], page=_render(data, drawn))
            made[tag].written = {form: MODULES[form].document(data, made[tag].blocks) for form in FORMATS}
    return made


@pytest.fixture(params=LANGUAGES)
def tag(request):
    return request.param


def visible(page):
    """The words of a page in a row, without white space."""
    return re.sub(r"[\s\u2060]+", "", unescape(re.sub(r"<(?!script|/script)[^>]+>", "", page)))


def tables(report):
    return [block for block in report.blocks if isinstance(block, Table)]


def test_the_outline_has_the_words_and_numbers_of_the_page_in_its_order(reports, tag):
    report, place = reports[tag], 0
    with speak(tag):
        full = report.blocks.index(Text("heading1", say("page.in_full")))
    page = visible(report.page)
    page = page[page.index(visible(report.data.question)) :]  # below the first page, which has a layout of its own
    for block in report.blocks[full + 1 :]:
        texts = [block.text] if isinstance(block, Text) else [block.caption]
        if isinstance(block, Table):
            texts += [*block.columns, *(cell for row in block.rows[:12] for cell in row), *block.notes]
        for text in texts:
            for part in map(visible, text.rstrip(".").split(": ", 1)):  # a gloss is "term: meaning" here
                found = page.find(part, place)
                assert found >= 0, part
                place = found


def test_the_first_page_has_the_numbers_of_the_page(reports, tag):
    report = reports[tag]
    page, earned = visible(report.page), tables(report)[0]
    assert earned.name == "earned"
    assert all(visible("".join(row[1:])) in page for row in earned.rows)
    texts = [block for block in report.blocks[: report.blocks.index(earned)] if isinstance(block, Text)]
    assert {"kind", "title", "meta", "heading1", "verdict", "bullet"} <= {block.style for block in texts}
    for block in texts:
        if block.style not in ("title", "heading1"):
            assert all(visible(part) in page for part in re.split(r" · |: |, ", block.text)[-1:]), block


def test_word_has_headings_captions_repeated_heads_and_text_alternatives(reports, tag):
    report = reports[tag]
    document = docx.Document(BytesIO(report.written["docx"]))
    styles = [paragraph.style.name for paragraph in document.paragraphs]
    assert styles.count("Heading 1") == sum(
        block.style == "heading1" for block in report.blocks if isinstance(block, Text)
    )
    pictures = [block for block in report.blocks if isinstance(block, Picture)]
    assert styles.count("Caption") == len(tables(report)) + len(pictures)
    alternatives = document.element.xpath("//wp:docPr/@descr")
    assert alternatives == [f"{picture.title}. {picture.caption}" for picture in pictures]
    assert all(len(alternative) > 10 for alternative in alternatives)
    heads = document.element.xpath("//w:tr[w:trPr/w:tblHeader]")
    assert len(heads) == len(document.tables) == len(tables(report))
    for shown, table in zip(document.tables, tables(report), strict=True):
        cells = [cell.text for cell in shown._cells]
        assert cells == [word.printable(cell) for row in (table.columns, *table.rows) for cell in row]
        sides = [cell.paragraphs[0].alignment == WD_ALIGN_PARAGRAPH.RIGHT for cell in shown.rows[-1].cells]
        assert sides == [*table.numeric]
    languages = document.styles.element.xpath("w:docDefaults//w:lang/@w:val")
    assert languages == [LANGUAGES[tag][0]]
    facts = document.core_properties
    assert (facts.author, facts.created, facts.modified) == ("ssinfer", *[dt.datetime(2024, 5, 6, tzinfo=dt.UTC)] * 2)
    assert facts.title == TITLE.replace("\x00", "\ufffd")


def test_excel_has_numbers_that_print_as_the_report(reports, tag):
    report = reports[tag]
    book = CalamineWorkbook.from_filelike(BytesIO(report.written["xlsx"]))
    names = book.sheet_names
    assert len({name.lower() for name in names}) == len(names) == 1 + len(tables(report))
    assert all(len(name) <= 31 and not set(name) & set("[]:*?/\\") for name in names)
    checked = 0
    for name, table in zip(names[1:], tables(report), strict=True):
        rows = book.get_sheet_by_name(name).to_python()
        assert rows[0][0] == table.caption
        for title, numbers, cells in zip(table.columns, table.numbers, zip(*table.rows, strict=True), strict=True):
            column = rows[1].index(title)
            held = [row[column] for row in rows[2 : 2 + len(table.rows)]]
            if numbers is None:
                assert held == [*cells]
                continue
            for cell, value, error in zip(cells, held, numbers.errors or held, strict=True):
                if value != "" and numbers.form in ("number", "percent") and table.name != "earned":
                    shown, scale = cell.split(" ±")[0], 100 if numbers.form == "percent" else 1
                    with speak(tag):
                        decimals = len(shown.partition(LANGUAGES[tag][1])[2])
                        assert plain(scale * value, decimals) == shown
                    checked += 1
                    assert not numbers.errors or rows[1][column + 1] == "±", error
    assert checked > 50
    assert "a.csv: 5a" in [row[0] for row in book.get_sheet_by_name(names[-1]).to_python()]


def test_a_text_that_looks_like_a_formula_stays_a_text(reports):
    report = reports["en"]
    hostile = ('=HYPERLINK("http://x")', "+1", "-1", "@SUM(1)", "http://x", "{=1}")
    table = Table("t", "=1+1", ("a",), ("=2",), (False,), tuple((text,) for text in hostile), ("=3",), numbers=(None,))
    with speak("en"):
        content = excel.document(report.data, [*(block for block in report.blocks if isinstance(block, Text)), table])
    rows = CalamineWorkbook.from_filelike(BytesIO(content)).get_sheet_by_index(1).to_python()
    assert [row[0] for row in rows] == ["=1+1", "=2", *hostile, "", "=3"]
    files = excel_files(content)
    assert not any(b"<f>" in text or b"hyperlink r:id" in text for name, text in files.items() if "sheet" in name)
    assert b'quotePrefix="1"' in files["xl/styles.xml"]


def excel_files(content):
    from zipfile import ZipFile

    with ZipFile(BytesIO(content)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def test_latex_defines_each_table_with_caption_and_label_and_escapes_all(reports, tag):
    report = reports[tag]
    text = report.written["tex"].decode()
    for table in tables(report):
        assert rf"\csname ssinfer@{table.name}\endcsname" in text
        assert rf"\label{{tab:{table.name}}}" in text
    assert text.count(r"\caption{") == text.count(r"\begin{longtable}") == len(tables(report))
    body = "\n".join(line for line in text.splitlines() if not line.startswith("%%"))
    assert not re.search(r"(?<!\\)[%#_^~](?!\d)", body.replace("~", " "))
    assert body.count("{") - body.count(r"\{") == body.count("}") - body.count(r"\}")
    assert latex._escaped(r"\a{b}_1 5% #&$^~") == (
        r"\textbackslash{}a\{b\}\_1 5\% \#\&\$\textasciicircum{}\textasciitilde{}"
    )


def test_pdf_is_tagged_dated_and_takes_no_text_as_markup(reports, tag):
    content = reports[tag].written["pdf"]
    assert content.startswith(b"%PDF")
    assert f"/Lang({tag})".encode() in content
    assert b"/StructTreeRoot" in content
    assert b"D:20240506" in content
    assert b"#let x" in content or "#let x".encode("utf-16-be") in content  # the title, as it was written


def test_equal_reports_have_equal_bytes(reports):
    report = reports["en"]
    with speak("en", "EUR", "en"):
        one, again = ({form: MODULES[form].document(report.data, report.blocks[:30]) for form in FORMATS} for _ in "ab")
    assert one == again
    assert set(again) == set(MODULES)


def test_a_picture_has_the_same_png_twice():
    from matplotlib.figure import Figure

    pictures = [Figure(figsize=(1, 1)) for _ in range(2)]
    for picture in pictures:
        picture.subplots().plot([1, 2])
    one, two = map(png_of, pictures)
    assert one == two
    assert one.startswith(b"\x89PNG")
    assert b"tEXt" not in one


@pytest.mark.parametrize("form", [form for form in FORMATS if form != "tex"])
def test_a_missing_extra_is_an_error_with_the_command_before_any_work(form, monkeypatch, tmp_path):
    _, package, extra = FORMATS[form]
    monkeypatch.setitem(sys.modules, package, None)
    run = CliRunner().invoke(app, ["report", str(tmp_path / "absent"), "--format", form])
    assert isinstance(run.exception, StudyError)
    assert f'pip install "ssinfer[{extra}]"' in str(run.exception)


def test_an_unknown_format_names_those_that_there_are():
    with pytest.raises(StudyError, match=r"--format is 'doc'\. Did you mean 'docx'"):
        writer_of("doc")


def test_a_document_of_a_folder_stands_beside_it_and_leaves_it(monkeypatch, tmp_path, reports):
    from ssinfer.study import rewrite

    (tmp_path / "out").mkdir()
    result = reports["en"].data.result
    monkeypatch.setattr(rewrite, "_read", lambda _: (result, {}))
    monkeypatch.setattr("ssinfer.report.formats.analyse", lambda _: None)
    monkeypatch.setattr("ssinfer.report.formats.assemble", lambda _: reports["en"].data)
    written = rewrite.rewrite_report(tmp_path / "out", writer_of("tex"), "en", form="tex")
    assert written == tmp_path / "out.tex"
    assert written.read_bytes() == reports["en"].written["tex"]
    assert [*(tmp_path / "out").iterdir()] == []
    assert isinstance(written, Path)
