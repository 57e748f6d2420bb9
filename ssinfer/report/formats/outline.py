"""The outline of a report: headings, paragraphs, tables and pictures in the order of the page, for any document."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from math import nan

from ssinfer.figures.answer import draw_answer
from ssinfer.figures.svg import png_of, svg_of
from ssinfer.finding import Finding
from ssinfer.report.pictures import Picture
from ssinfer.report.summarise import ReportData
from ssinfer.report.table import Numbers, Table
from ssinfer.report.template import MAX_LIMITS, marked
from ssinfer.sentences import say
from ssinfer.study.limits import REPORTED

MIN_WIDTH, MAX_WIDTH, LINE = 5, 14, 160  # of a column that wraps, and of all, in characters
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")  # no document may hold them


@dataclass(frozen=True)
class Text:
    """A paragraph: "kind", "title", "meta", "heading1", "heading2", "verdict", "text", "bullet" or "note"."""

    style: str
    text: str


type Block = Text | Table | Picture


def outline(data: ReportData, pictures: Mapping[str, Picture]) -> Iterator[Block]:
    """Yield a report in the language in use; without `pictures`, its figures are left out."""
    page, further = data.first, len(data.first.limits) - MAX_LIMITS
    yield from (Text("kind", data.note), Text("title", data.title))
    yield from _all("meta", (" · ".join(data.meta), data.made))
    yield from (Text("heading1", say("first.answer")), Text("verdict", _words(page.verdict)))
    yield from _all("text", page.proof)
    for part, name in ((page.measured, "first.measured_saving"), (page.threshold, "first.needed")):
        if part is not None and part["rate"] is not None:
            rate, amount = say("first.percent", value=part["rate"]), say("first.per_year", money=part["money"])
            yield Text("bullet", f"{say(name)}: {rate}, {amount}")
    if page.failed:
        yield Text("bullet", say("first.failed", n=page.failed))
    if page.axis is not None and pictures:
        drawn = draw_answer(page.axis, REPORTED, page.measured, page.threshold, page.interval)
        svg, png = {"answer": svg_of(drawn)}, {"answer": png_of(drawn)}
        yield Picture("answer", say("first.numbers"), _words(page.picture), "", svg, png)
    yield from _answer("first.how_sure", page.sure)
    yield from [_earned(data)] if page.earned else ()
    yield from (*_answer("first.sensible", page.sensible), *_answer("first.next", page.following))
    if page.limits:
        yield Text("heading2", say("first.limits", n=len(page.limits)))
        yield from _all("bullet", page.limits[:MAX_LIMITS])
        yield from _all("bullet", [say("first.more", n=further)] if further > 0 else [])
    yield Text("heading1", say("page.in_full"))
    yield from _all("text", (" ".join(data.question.split()), *data.finding))
    if further > 0:
        yield from (Text("text", say("first.more_limits")), *_all("bullet", page.limits[MAX_LIMITS:]))
    yield Text("note", f"{data.scope} {say('page.not_transportable')}.")
    for section in data.sections:
        yield Text("heading1", section.title)
        yield from _all("bullet" if section.bullets else "text", section.sentences)
        for item in section.items:
            yield from [item] if isinstance(item, Table) else [pictures[item.name]] if item.name in pictures else ()
        yield from _all("note", dict.fromkeys(filter(None, section.reasons.values())))
    yield Text("heading1", say("page.published"))
    yield from _all("bullet", (" ".join((*said, f"doi {doi}" if doi else "")).strip() for *said, doi in data.published))
    yield Text("heading1", say("page.glossary"))
    yield from _all("bullet", (f"{term}: {meaning}" for _, term, meaning in data.glossary))


def printable(text: str) -> str:
    """Return a text without signs that no document may hold."""
    return _CONTROL.sub("\N{REPLACEMENT CHARACTER}", text)


def widths(table: Table) -> list[float]:
    """Return the widths of the columns as shares, by their longest cell and the longest word of their head."""
    cells = [2 + max((len(row[number]) for row in table.rows), default=0) for number in range(len(table.columns))]
    most = max(MAX_WIDTH, LINE // len(cells))
    words = [4 + max(map(len, head.split()), default=0) for head in table.columns]
    chosen = [max(min(cell, most + cell // 6), word, MIN_WIDTH) for cell, word in zip(cells, words, strict=True)]
    return [width / sum(chosen) for width in chosen]


def _all(style: str, texts: Iterable[Finding | str]) -> Iterator[Text]:
    return (Text(style, text if isinstance(text, str) else _words(text)) for text in texts)


def _answer(heading: str, findings: tuple[Finding, ...]) -> Iterator[Text]:
    yield from (Text("heading2", say(heading)), Text("text", " ".join(map(_words, findings)))) if findings else ()


def _words(finding: Finding) -> str:
    return marked(finding).striptags()


def _earned(data: ReportData) -> Table:
    """Return what true savings earn as a table."""
    rows, bonus = data.first.earned, data.first.earned[0].payment is not None
    names = ("saving", "paid", "payment", "due") if bonus else ("saving", "paid")
    unit = say("first.bonus", currency=say(f"currency.{data.result.currency}", data.result.currency))
    heads = [say(f"first.{name}") for name in ("true_saving", "paid_of_100", "mean_bonus", "due")][: len(names)]
    values = {name: tuple(getattr(row, name) for row in rows) for name in names}
    cells = {name: [say("first.count", value=value) for value in values[name]] for name in names[1:]}
    cells["saving"] = [say("first.tick", value=saving) if saving else say("first.none") for saving in values["saving"]]
    errors = tuple(row.error or nan for row in rows)
    cells["paid"] = [
        f"{row} ± {say('first.count', value=e)}" if e > 0 else row for row, e in zip(cells["paid"], errors, strict=True)
    ]
    return Table(
        name="earned",
        caption=say("first.earns"),
        names=names,
        columns=(*heads[:2], *(f"{unit}: {head}" for head in heads[2:])),
        numeric=(True,) * len(names),
        rows=tuple(zip(*(cells[name] for name in names), strict=True)),
        notes=(" ".join(map(_words, data.first.notes)),),
        numbers=(
            Numbers("percent", values["saving"]),
            Numbers("number", values["paid"], errors),
            *(Numbers("number", values[name]) for name in names[2:]),
        ),
    )
