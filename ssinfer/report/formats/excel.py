"""The report's tables as an Excel workbook: one sheet per table, with numbers in place of their print."""

import datetime as dt
import math
import re
from collections.abc import Sequence
from io import BytesIO
from textwrap import wrap
from typing import Any

import xlsxwriter

from ssinfer.language import currency_in_use, spoken
from ssinfer.printed import sign
from ssinfer.report.formats.outline import Block, Text
from ssinfer.report.summarise import ReportData
from ssinfer.report.table import Numbers, Table
from ssinfer.sentences import say

TEXT = {"quote_prefix": True, "text_wrap": True, "valign": "top"}  # a text stays one when a user edits the cell
WIDEST, LONGEST, LINE = 50, 31, 15.0  # characters of a column and of the name of a sheet; points of a line


def document(data: ReportData, blocks: Sequence[Block]) -> bytes:
    """Return the tables as the bytes of a .xlsx file, behind a sheet with the answer and their list."""
    with xlsxwriter.Workbook(stream := BytesIO(), {"in_memory": True}) as book:
        created = dt.datetime.combine(data.date, dt.time())
        book.set_properties({"title": data.title, "author": "ssinfer", "created": created})
        text, bold = book.add_format(TEXT), book.add_format({**TEXT, "bold": True})
        first = book.add_worksheet(say("first.contents"))
        first.fit_to_pages(1, 0)
        first.set_column(0, 0, 2 * WIDEST, text)
        end = blocks.index(Text("heading1", say("page.in_full")))
        answer = [block for block in blocks[:end] if isinstance(block, Text)]
        for row, block in enumerate(answer):
            first.set_row(row, LINE * -(-len(block.text) // (2 * WIDEST)))
            first.write_string(row, 0, block.text, bold if block.style in ("title", "verdict") else text)
        for number, table in enumerate((block for block in blocks if isinstance(block, Table)), 1):
            name = re.sub(r"[\[\]:*?/\\']", " ", f"{number} {table.caption}")[:LONGEST].strip()
            first.write_url(len(answer) + number, 0, f"internal:'{name}'!A1", string=table.caption)
            sheet = book.add_worksheet(name)
            sheet.set_landscape()
            sheet.fit_to_pages(1, 0)
            inputs = data.result.manifest.get("inputs", {}) if table.name == "provenance" else {}
            facts = (*table.notes, *(f"{file}: {digest}" for file, digest in inputs.items()))
            lines = (line for fact in facts for line in wrap(fact, 2 * WIDEST))
            for row, line in enumerate(lines, _table(book, sheet, table)):
                sheet.write_string(row, 0, line)
    return stream.getvalue()


def _table(book: Any, sheet: Any, table: Table) -> int:
    """Write a table, standard errors in columns of their own, and return the row below."""
    head = book.add_format({**TEXT, "bold": True, "bottom": 1})
    sheet.write_string(0, 0, table.caption, book.add_format({"bold": True, "quote_prefix": True}))
    sheet.freeze_panes(2, 1)
    column, lines = 0, [1] * (len(table.rows) + 2)
    for title, numbers, cells in zip(table.columns, table.numbers, zip(*table.rows, strict=True), strict=True):
        width = min(max(9, len(title) // 2, *map(len, cells)), WIDEST)
        parts = [(title, cells)] if numbers is None else [(title, numbers.values), ("±", numbers.errors)]
        for name, values in (part for part in parts if part[1]):
            style = book.add_format(
                TEXT if numbers is None else {"num_format": _format(numbers, cells), "valign": "top"}
            )
            sheet.set_column(column, column, width)
            sheet.write_string(1, column, name, head)
            lines[1] = max(lines[1], 1 + len(name) // width)
            for row, value in enumerate(values, 2):
                if isinstance(value, str):
                    lines[row] = max(lines[row], -(-len(value) // width))
                    sheet.write_string(row, column, value, style)
                elif math.isfinite(value):
                    sheet.write_number(row, column, value, style)
            column += 1
    for row, count in enumerate(lines):
        sheet.set_row(row, LINE * count)
    return len(table.rows) + 3


def _format(numbers: Numbers, cells: Sequence[str]) -> str:
    """Return Excel's format of a column: the decimals that are printed, and the sign of money or per cent."""
    found = (re.match(rf"[^±]*?{re.escape(spoken().separators[ord('.')])}(\d+)", cell) for cell in cells)
    decimals = 0 if numbers.form == "total" else max((len(match[1]) for match in found if match), default=0)
    form = "#,##0" + "." * bool(decimals) + "0" * decimals
    money = f'"{sign(currency_in_use())}" {form}'
    return {"percent": f"{form}%", "money": money, "total": money}.get(numbers.form, form)
