"""Documents: TOML and JSON of others are read within limits, each mistake one line that says what is wrong."""

import json
import math
from time import process_time

import pytest

from ssinfer.contracts.contract import Contract
from ssinfer.documents import MAX_BYTES, MAX_DEPTH, parse_json, parse_toml, read_text, to_json
from ssinfer.errors import ContractError, DesignError, SsinferError, StudyError
from ssinfer.plugins.exchange import read_design
from ssinfer.study.config import read_study

READERS = {"study.toml": (read_study, StudyError), "contract.toml": (Contract.from_toml, ContractError)}
READERS["design.json"] = (read_design, DesignError)
HOSTILE = {
    "deep lists": ("a = " + "[" * 3000 + "]" * 3000, "more than 50 tables or lists stand inside one another"),
    "deep tables": ("a = " + "{a=" * 3000 + "1" + "}" * 3000, "more than 50 tables or lists"),
    "rather deep lists": ("a = " + "[" * 60 + "]" * 60, "more than 50 tables or lists"),
    "deep keys": (".".join("a" * 100_000) + " = 1", "a key of more than 50 parts"),
    "deep quoted keys": ('"a b" . ' * 5000 + "a = 1", "a key of more than 50 parts"),
    "deep header": ("[" + ".".join("a" * 5000) + "]", "a key of more than 50 parts"),
    "digits": ("seed = " + "1" * 5000, "it holds a whole number of more than 18 digits"),
    "64 bits": ("seed = 9223372036854775808", "seed is a whole number of more than 18 digits"),
    "hexadecimal": ("seed = 0x" + "f" * 5000, "seed is a whole number of more than 18 digits"),
    "size": ("# " + "x" * MAX_BYTES, "more than 5,000,000 bytes"),
    "no text": (b"\xff\xfe\x00", "is not UTF-8"),
}
HOSTILE_JSON = {
    "deep lists": ("[" * 100_000, "more than 50 tables or lists stand inside one another"),
    "deep tables": ('{"a":' * 60 + "1" + "}" * 60, "more than 50 tables or lists"),
    "digits": ("1" * 5000, "it holds a whole number of more than 18 digits"),
    "64 bits": ('{"treated": 9223372036854775808}', "treated is a whole number of more than 18 digits"),
    "key twice": ('{"treated": ["a"], "baseline": [1], "treated": ["b"]}', "the key 'treated' stands there twice"),
    "nan": ('{"levels": [0.9, NaN]}', "levels is nan, which is not a number of JSON"),
    "infinity": ('{"levels": [1e999]}', "levels is inf, which is not a number of JSON"),
    "size": (" " * (MAX_BYTES + 1), "more than 5,000,000 bytes"),
    "no text": (b"\xff\xfe\x00", "is not UTF-8"),
}


@pytest.mark.parametrize(
    ("name", "what"), [(n, w) for n in READERS for w in (HOSTILE if n.endswith("toml") else HOSTILE_JSON)]
)
def test_hostile_documents_are_one_line(name, what, tmp_path):
    """Fault R34: depth, digits and size. Fault R32: a key twice in JSON. Fault R36: Infinity in JSON."""
    text, message = (HOSTILE if name.endswith("toml") else HOSTILE_JSON)[what]
    (tmp_path / name).write_bytes(text if isinstance(text, bytes) else text.encode())
    reader, error = READERS[name]
    start = process_time()
    with pytest.raises(error, match=message) as info:
        reader(tmp_path / name)
    assert process_time() - start < 2
    assert name in str(info.value)
    assert len(str(info.value)) < 600


def test_what_lies_within_the_limits_is_read(tmp_path):
    """Fault R34: the limits themselves are allowed, and dots in text are no key."""
    lists = "[" * (MAX_DEPTH - 1) + "]" * (MAX_DEPTH - 1)
    assert parse_toml(f"a = {lists}", "x", StudyError)["a"] == json.loads(lists)
    assert parse_json(f'{{"a": {lists}}}', "x", StudyError, "")["a"] == json.loads(lists)
    assert parse_toml("a = 9223372036854775807", "x", StudyError) == {"a": 2**63 - 1}
    assert parse_toml("a = inf", "x", StudyError) == {"a": math.inf}
    text = f'a = """{"e.g. one. Two words. " * 100}"""\nb = [{"1.5, " * 500}]\n{"c" * 5000} = "{"/" * 100_000}"'
    assert len(parse_toml(text, "x", StudyError)["b"]) == 500
    (tmp_path / "bom.json").write_bytes(b"\xef\xbb\xbf{}")
    assert parse_json(read_text(tmp_path / "bom.json", "", StudyError, ""), "x", StudyError, "") == {}
    with pytest.raises(SsinferError, match=r"Cannot read the table .*: Is a directory. Name a file"):
        read_text(tmp_path, "the table", SsinferError, "Name a file.")


def test_json_that_is_written_has_no_infinity():
    """Fault R36: `Infinity` in JSON, which no other language reads."""
    text = to_json({"a": math.inf, "b": [math.nan, 1.5], "c": tuple("x")})
    assert json.loads(text, parse_constant=pytest.fail) == {"a": "Infinity", "b": ["NaN", 1.5], "c": ["x"]}
