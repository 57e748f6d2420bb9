"""Reference pages made from the code: command line, study file, contracts, exit codes, findings, glossary.

What the code has and no page explains is a warning, as is an explanation of what is gone: so the build fails.
"""

import ast
import datetime as dt
import json
import re
import tomllib
import types
from collections.abc import Iterable, Iterator
from dataclasses import fields, is_dataclass
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple, TypeAliasType, Union, get_args, get_origin

import annotated_types
from babel.messages.pofile import read_po
from docutils import nodes
from pydantic.fields import FieldInfo
from sphinx.util import logging
from sphinx.util.docutils import SphinxDirective
from typer.main import get_command

import ssinfer
from ssinfer.accept import ACCEPT
from ssinfer.cli import app as command_line
from ssinfer.contracts.contract import Contract, load_contract, shipped_contracts
from ssinfer.study.config import StudyConfig
from ssinfer.study.config_base import Config, Label, Periods, Span, Texts
from ssinfer.study.config_errors import toml_value
from ssinfer.study.source import SOURCES, DataConfig

LOG = logging.getLogger(__name__)
PACKAGE = Path(ssinfer.__file__).parent
ROOT = PACKAGE.parent
MEANINGS = ROOT / "docs" / "reference" / "study_keys.toml"


def code(value: object) -> str:
    """Return a value as code in a cell of a table; nothing for nothing."""
    return f"`{value}`".replace("|", "\\|") if str(value) else ""


class Generated(SphinxDirective):
    """Base of the directives: sections, and tables in Markdown."""

    def section(self, title: str, name: str, *parts: nodes.Node) -> nodes.section:
        """Return a section whose anchor is its name."""
        identity = nodes.make_id(name)
        section = nodes.section("", nodes.title("", "", *self.parse_inline(title)[0]), ids=[identity], names=[name])
        section += list(parts)
        self.state.document.note_explicit_target(section)
        return section

    def text(self, text: str) -> list[nodes.Node]:
        """Return paragraphs and tables of Markdown."""
        return self.parse_text_to_nodes(text)

    def table(self, heads: Iterable[str], rows: Iterable[Iterable[str]]) -> list[nodes.Node]:
        """Return a table; columns without any content are left out."""
        heads, rows = list(heads), [list(row) for row in rows]
        kept = [place for place in range(len(heads)) if any(row[place] for row in rows)]
        lines = [
            [heads[place] for place in kept],
            ["---"] * len(kept),
            *([row[place] for place in kept] for row in rows),
        ]
        return self.text("\n".join(f"| {' | '.join(line)} |" for line in lines)) if rows else []


class CommandLine(Generated):
    """Every command with its arguments, options and help."""

    def run(self) -> list[nodes.Node]:
        """Read the commands from the program itself."""
        program = get_command(command_line)
        return [self._command(name, command) for name, command in sorted(self._commands(program, "ssinfer"))]

    def _commands(self, group: Any, path: str) -> Iterator[tuple[str, Any]]:
        for name, command in group.commands.items():
            if hasattr(command, "commands"):
                yield from self._commands(command, f"{path} {name}")
            else:
                yield f"{path} {name}", command

    def _command(self, name: str, command: Any) -> nodes.Node:
        rows = []
        for part in command.params:
            if part.name == "help":
                continue
            is_option = part.param_type_name == "option"
            names = [*part.opts, *part.secondary_opts] if is_option else [_upper(part)]
            if not getattr(part, "help", None):
                LOG.warning("%s: %s has no help", name, names[0], location=self.get_location())
            default = part.default if isinstance(part.default, str | int | float) else ""
            default = "needed" if part.required else code(default) if default is not False else ""
            annotation = part.type_descriptor.annotation
            value = NAMES[get_args(annotation)[0] if part.multiple else annotation]
            kind = "" if getattr(part, "is_flag", False) else value + ", repeatable" * part.multiple
            rows.append((", ".join(map(code, names)), kind, default, part.help or ""))
        takes = " ".join(_upper(part) for part in command.params if part.param_type_name != "option")
        usage = f"```sh\n{name} [OPTIONS] {takes}".rstrip() + "\n```"
        table = self.table(("argument or option", "value", "default", "meaning"), rows)
        return self.section(code(name), name, *self.text(f"{command.help}\n\n{usage}"), *table)


def _upper(argument: Any) -> str:
    return str(argument.metavar or argument.name).upper()


class ExitCodes(Generated):
    """The exit codes of the program."""

    def run(self) -> list[nodes.Node]:
        """List them: `ssinfer.cli.main` and its leaving say which."""
        row, entry, text = nodes.row, nodes.entry, nodes.paragraph
        codes = {
            "0": "Done.",
            "2": "A mistake of the user, or something that the machine refuses: one line says what to do.",
            "70": "A fault of the package: one line with an error id, eight hex digits. The same fault has the same id "
            "everywhere. SSINFER_TRACEBACK=1 shows where it happened.",
            "130": "Interrupted (Ctrl-C or SIGTERM).",
        }
        source = (PACKAGE / "cli.py").read_text(encoding="utf-8")
        if "sys.exit(2 if expected else 70)" not in source:
            LOG.warning("the exit codes of ssinfer/cli.py have changed", location=self.get_location())
        group = nodes.tgroup("", nodes.colspec(colwidth=1), nodes.colspec(colwidth=9), cols=2)
        group += nodes.thead("", row("", *(entry("", text("", head)) for head in ("exit code", "meaning"))))
        group += nodes.tbody("", *(row("", *(entry("", text("", cell)) for cell in pair)) for pair in codes.items()))
        return [nodes.table("", group)]


class Contracts(Generated):
    """The contracts of the package, with every term that is not the default."""

    def run(self) -> list[nodes.Node]:
        """Read each contract under the rules of its latest year."""
        contracts = {name: load_contract(name) for name in shipped_contracts()}
        rows = [
            (f"[{code(name)}](#{name})", terms.title, str(terms.rule_year), terms.currency,
             "two-sided" if terms.two_sided else "one-sided", terms.threshold.kind)
            for name, terms in contracts.items()
        ]  # fmt: skip
        heads = ("name", "title", "rules of", "currency", "sides", "threshold")
        return [*self.table(heads, rows), *(self._contract(name, terms) for name, terms in contracts.items())]

    def _contract(self, name: str, terms: Contract) -> nodes.Node:
        document = tomllib.loads((PACKAGE / "contracts" / f"{name}.toml").read_text(encoding="utf-8"))
        amended = [str(part["year"]) for part in document.get("amendments", [])]
        years = str(terms.rule_year)
        if "first_year" in document:
            years = f"{document['first_year']} to {document['last_year']}"
        text = f"{terms.title}.\n\nRules of {years}" + (f", amended in {', '.join(amended)}" if amended else "") + "."
        text += f" The table has those of {terms.rule_year}.\n\nSource: {terms.source.strip() or 'none'}"
        if terms.assumed:
            text += "\n\nNot public, and assumed:\n\n" + "\n".join(f"- {term}" for term in terms.assumed)
        table = self.table(("term", "value"), ((code(key), code(toml_value(value))) for key, value in _set(terms)))
        return self.section(code(name), name, *self.text(text), *table)


def _set(terms: Any, table: str = "") -> Iterator[tuple[str, Any]]:
    """Return the terms that a contract states, by key."""
    for part in fields(terms):
        value = getattr(terms, part.name)
        if is_dataclass(value):
            yield from _set(value, f"{part.name}.")
        elif part.name not in ("name", "title", "source", "assumed", "notes") and value not in (part.default, None, ()):
            yield f"{table}{part.name}", json.loads(json.dumps(value))  # lists in place of tuples


@cache
def catalogue(tag: str) -> dict[str, str]:
    """Return the sentences of a language by id."""
    with (PACKAGE / "languages" / f"{tag}.po").open("rb") as stream:
        messages = [message for message in read_po(stream, locale=tag) if message.id]
    first = lambda text: text if isinstance(text, str) else text[0]  # noqa: E731
    return {first(message.id): first(message.string) for message in messages}


class Findings(Generated):
    """What the look at the data can say: id, the word that overrules a refusal, and the sentence."""

    def run(self) -> list[nodes.Node]:
        """Read the ids from the modules that look at data."""
        rows = []
        for path in [*PACKAGE.glob("look/**/*.py"), *PACKAGE.glob("datasets/io/*.py"), PACKAGE / "study" / "look.py"]:
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "Finding" and node.args:
                    first = node.args[0]
                    parts = [first.body, first.orelse] if isinstance(first, ast.IfExp) else [first]
                    rows += [part.value for part in parts if isinstance(part, ast.Constant)]
        words = {**dict.fromkeys(ACCEPT, ""), **{word: word for word in ACCEPT}}
        found = ((name, catalogue("en").get(name)) for name in sorted(set(rows)))
        table = [
            (code(name), code(words.get(name, "")), re.sub(r"([{}|*_\[\]<>])", r"\\\1", text.replace("\n", " ")))
            for name, text in found
            if text
        ]
        return self.table(("id", "`accept`", "sentence, with its values in braces"), table)


class Glossary(Generated):
    """A table of terms, one per line: English | Dutch | meaning. Dutch reports must use each Dutch term."""

    has_content = True

    def run(self) -> list[nodes.Node]:
        """Read the lines, and look for each Dutch term among the sentences."""
        rows = [[cell.strip() for cell in line.split("|")] for line in self.content if line.strip()]
        said = " ".join(catalogue("nl").values()).casefold()
        for english, dutch, _ in rows:
            if not any(term.strip().casefold() in said for term in re.split(r"[,;]", dutch)):
                LOG.warning("no Dutch sentence says %r (%s)", dutch, english, location=self.get_location())
        return self.table(("English", "Dutch", "meaning"), rows)


class Table(NamedTuple):
    """A table of a study file: its keys are fields of a model."""

    name: str
    title: str
    keys: dict[str, FieldInfo]
    text: str


def tables_of_study() -> Iterator[Table]:
    """Return every table of a study file, in the order of the model."""
    yield Table("study", "Keys outside tables", StudyConfig.model_fields, "")
    for name, field in StudyConfig.model_fields.items():
        if name != "data":
            yield from _tables(field.annotation, name, repeated=get_origin(field.annotation) is list)
            continue
        names = ", ".join(code(toml_value(source.name)) for source in SOURCES.entries())
        text = f"`source` is one of {names}. Each source has keys of its own, in the same table."
        yield Table("data", "`[data]`", DataConfig.model_fields, text)
        for source in SOURCES.entries():
            keys = {key: of for key, of in source.config.model_fields.items() if key not in DataConfig.model_fields}
            text = f"{source.label}." + ("" if keys else " It has no keys of its own.")
            yield Table(f"data: {source.name}", f"Source {code(source.name)}", keys, text)
            for key, of in keys.items():
                yield from _tables(of.annotation, f"data.{key}")


def _tables(kind: Any, name: str, *, repeated: bool = False) -> Iterator[Table]:
    """Return the tables that a kind of value holds, and those inside them; periods are no table."""
    if isinstance(kind, type) and issubclass(kind, Config) and kind is not Span:
        text = (kind.__doc__ or "").split("\n\n")[0].replace("\n", " ")
        text = re.sub(r":(?:class|func|meth):`(?:ssinfer\.)?([^`]+)`", r"`ssinfer.\1`", text)
        text += "\n\nMay be repeated." if repeated else ""
        yield Table(name, code(f"[[{name}]]" if repeated else f"[{name}]"), kind.model_fields, text)
        for key, field in kind.model_fields.items():
            yield from _tables(field.annotation, f"{name}.{key}")
    for part in get_args(kind):
        if get_origin(kind) is not Literal:
            yield from _tables(part, f"{name}.NAME" if get_origin(kind) is dict else name, repeated=repeated)


class StudyKeys(Generated):
    """Every table of a study file, with its keys."""

    def run(self) -> list[nodes.Node]:
        """Read the tables from the models, and the meanings from a file that must have each key once."""
        self.env.note_dependency(str(MEANINGS))
        self.meanings = tomllib.loads(MEANINGS.read_text(encoding="utf-8"))
        self.unused = {(table, key) for table, keys in self.meanings.items() for key in keys}
        found = [self._section(table) for table in tables_of_study()]
        for table, key in sorted(self.unused):
            LOG.warning("%s: no table %s has the key %s", MEANINGS.name, table, key, location=self.get_location())
        return found

    def _section(self, table: Table) -> nodes.Node:
        rows = [self._row(table.name, key, field) for key, field in table.keys.items()]
        heads = ("key", "type and unit", "default", "allowed", "meaning and example")
        return self.section(table.title, f"study {table.name}", *self.text(table.text), *self.table(heads, rows))

    def _row(self, table: str, key: str, field: FieldInfo) -> tuple[str, ...]:
        self.unused.discard((table, key))
        said = self.meanings.get(table, {}).get(key, "")
        meaning, unit, example, *_ = [*([said] if isinstance(said, str) else said), "", ""]
        if not meaning:
            LOG.warning("%s lacks the meaning of %s.%s", MEANINGS.name, table, key, location=self.get_location())
        kind, allowed = described(field.annotation, field.metadata)
        default = field.get_default(call_default_factory=True)
        parts = default if isinstance(default, list | tuple) else [default]
        empty = default in (None, "", {}) or not parts or any(isinstance(part, Config) for part in parts)
        shown = "" if field.is_required() or empty else code(toml_value(default))
        default = "needed" if field.is_required() else shown
        is_table = kind in ("table", "list of tables")
        example = example or ("" if is_table or not table else _example(table, key))
        example = f"<br>Example: {code(example)}" if example else ""
        return code(key), f"{kind}, {unit}" if unit and unit != kind else kind, default, allowed, meaning + example


NAMES = {
    Path: "path",
    str: "text",
    int: "whole number",
    float: "number",
    bool: "boolean",
    dt.date: "date",
    dict: "table",
    Any: "value",
}
SIGNS = {"Gt": ("gt", "above"), "Ge": ("ge", "at least"), "Lt": ("lt", "below"), "Le": ("le", "at most")}


def described(kind: Any, notes: Iterable[Any] = ()) -> tuple[str, str]:
    """Return a kind of value in words, and what is allowed of it."""
    allowed = [
        f"{SIGNS[type(note).__name__][1]} {getattr(note, SIGNS[type(note).__name__][0]):g}"
        if type(note).__name__ in SIGNS
        else "at least one"
        if isinstance(note, annotated_types.MinLen)
        else ""
        for note in notes
    ]
    if isinstance(kind, TypeAliasType):
        kind = kind.__value__
    if get_origin(kind) is Annotated:
        inner = [
            part for note in kind.__metadata__ for part in (note.metadata if isinstance(note, FieldInfo) else [note])
        ]
        name, more = described(kind.__origin__, inner)
    else:
        name, more = _plain(kind)
    return name, ", ".join(filter(None, [*allowed, more]))


def _plain(kind: Any) -> tuple[str, str]:
    origin, parts = get_origin(kind), [part for part in get_args(kind) if part is not type(None)]
    if kind == Periods:
        return "list of periods, or first and last", ""
    if kind == Label:
        return "period or label", ""
    if kind == get_args(Texts)[0]:
        return "text, or texts by language", ""
    if kind is Span:
        return "first and last", ""
    if origin is Literal:
        return "text", ", ".join(code(toml_value(part)) for part in parts)
    if origin in (Union, types.UnionType):
        if set(get_args(Periods)) <= set(parts):
            return described(Periods)
        if set(get_args(Label)) <= set(parts):
            return described(Label)
        both = [described(part) for part in parts]
        return " or ".join(name for name, _ in both), ", ".join(filter(None, (allowed for _, allowed in both)))
    if origin is list or (origin is tuple and parts[-1] is ...):
        name, allowed = described(parts[0])
        return f"list of {'texts' if name == 'text' else name + 's'}", allowed
    if origin is tuple:
        return f"list of {len(parts)} {described(parts[0])[0]}s", described(parts[0])[1]
    if origin is dict:
        return "table", described(parts[0])[1]
    if isinstance(kind, type) and issubclass(kind, Config):
        return "table", ""
    return NAMES.get(kind, NAMES.get(origin, str(kind))), ""


@cache
def _studies() -> list[dict[str, Any]]:
    """Return the study files of the repository."""
    files = sorted((ROOT / "case_studies").rglob("*.toml"))
    return [document for file in files if "method" in (document := tomllib.loads(file.read_text(encoding="utf-8")))]


def _example(table: str, key: str) -> str:
    """Return the shortest value of a key in the study files of the repository; nothing if none has it."""
    path, _, source = table.partition(": ")
    values = []
    for study in _studies():
        tables = [study]
        for part in [] if path == "study" else path.split("."):
            held = [value for parent in tables for value in (parent.values() if part == "NAME" else [parent.get(part)])]
            tables = [one for value in held for one in (value if isinstance(value, list) else [value])]
            tables = [one for one in tables if isinstance(one, dict)]
        if not source or study.get("data", {}).get("source") == source:
            values += [one[key] for one in tables if key in one]
    written = [re.sub(r"\s+", " ", _inline(value)) for value in values]
    short = [text for text in written if len(text) <= 90]
    return min(short, key=lambda text: (len(text) < 3, len(text), text), default="")


def _inline(value: Any) -> str:
    """Return a value as TOML writes it in one line."""
    if isinstance(value, dict):
        named = (
            f"{key if re.fullmatch(r'[\w-]+', key) else toml_value(key)} = {_inline(v)}" for key, v in value.items()
        )
        return f"{{ {', '.join(named)} }}"
    return f"[{', '.join(map(_inline, value))}]" if isinstance(value, list) else toml_value(value)


def setup(app: object) -> dict[str, bool]:
    """Register the directives."""
    for name, directive in {
        "command-line": CommandLine,
        "exit-codes": ExitCodes,
        "shipped-contracts": Contracts,
        "findings": Findings,
        "glossary-terms": Glossary,
        "study-keys": StudyKeys,
    }.items():
        app.add_directive(name, directive)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
