"""Mutants of contract files: refused by name, or settled as an independent reading of the file says."""

from __future__ import annotations

import random
import re
import sys
import tomllib
from decimal import ROUND_HALF_EVEN, Decimal
from pathlib import Path
from statistics import NormalDist

import fuzzing as fz
import pytest

import ssinfer.contracts
from ssinfer.contracts.contract import load_contract, shipped_contracts
from ssinfer.contracts.settle import settle
from ssinfer.errors import SsinferError
from ssinfer.numerals import read_number

pytestmark = pytest.mark.evidence
FOLDER = Path(ssinfer.contracts.__file__).parent
TEXTS = {name: (FOLDER / f"{name}.toml").read_text(encoding="utf-8") for name in shipped_contracts()}
#: Benchmark and spending per insured-year, insured-years, quality as a share of the scale.
GRID = [(3400.0, 3380.0, 20_000.0, 0.9), (3400.0, 3100.0, 4_000.0, 0.7), (3400.0, 3700.0, 70_000.0, 0.8)]
PLAIN = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)
KNOTS = {1: 0.039, 5000: 0.039, 6000: 0.036, 7000: 0.034, 8000: 0.032, 9000: 0.031, 10_000: 0.03, 15_000: 0.027}
KNOTS |= {20_000: 0.025, 50_000: 0.022, 60_000: 0.02}  # 42 CFR 425.604(b): minimum savings rate by assigned persons


def rules_of(document: dict) -> dict:
    """Return the terms of the last year: the first terms with every amendment, table by table."""
    rules = dict(document)
    amendments = rules.pop("amendments", [])
    for part in sorted(amendments, key=lambda table: table["year"]):
        for key, value in part.items():
            rules[key] = {**rules[key], **value} if isinstance(value, dict) and key in rules else value
    return rules


def scheduled(assigned: float) -> float:
    """Return the rate of the schedule, linear between its knots."""
    knots = sorted(KNOTS)
    below = max(knot for knot in knots if knot <= assigned)
    above = min((knot for knot in knots if knot > assigned), default=below)
    step = 0.0 if above == below else (assigned - below) / (above - below)
    return KNOTS[below] + step * (KNOTS[above] - KNOTS[below])


def payment(document: dict, benchmark: float, spending: float, years: float, quality: float) -> float | None:
    """Return the payment that a contract's file prescribes, in plain numbers; None: the group is too small."""
    terms = rules_of(document)
    sharing, scale = terms.get("sharing", {}), terms.get("quality", {}).get("scale", 100.0)
    size, rule, grade = terms.get("size", {}), terms.get("threshold", {}), terms.get("quality", {})
    if size.get("below", "refuse") == "refuse" and years < size.get("minimum", 0):
        return None
    kind, rate = rule.get("kind", "none"), 0.0
    if kind == "fixed":
        rate = rule.get("rate", 0.0)
    elif kind == "schedule" or (kind == "elected" and (rule.get("default") or years < rule.get("schedule_below", 0))):
        rate = scheduled(years)
    elif kind == "elected":
        rate = rule.get("rate", 0.0)
    elif kind == "computed" and rule.get("level") is not None and rule.get("k") is not None:
        rate = NormalDist().inv_cdf(rule["level"]) * (rule["k"] ** 2 / years + rule.get("shock", 0.0) ** 2) ** 0.5
    score = quality
    met = grade.get("standard") is None or score * scale >= grade["standard"]
    factor = {"none": 1.0, "standard": 1.0 if met else score * grade.get("alternative", False)}
    factor["scaled"] = (grade.get("fixed", 0.0) + (1 - grade.get("fixed", 0.0)) * score) * met
    share, losses = sharing.get("savings", 0.5), sharing.get("losses", 0.0)
    if grade.get("kind") == "gate_table":
        reached = [gate for gate in grade["gates"] if score * scale >= gate[0]] or grade["gates"][:1]
        share, losses = reached[-1][1], reached[-1][2]
    else:
        if sharing.get("losses_complement"):
            least, most = sharing.get("losses_minimum", 0.0), sharing.get("losses_maximum", 1.0)
            known = 1.0 if grade.get("kind", "none") == "none" else score
            losses = min(max(1 - share * known * met, least), most)
        share *= factor[grade.get("kind", "none")]
    total, saving = benchmark * years, (benchmark - spending) * years
    free = rate * total if rule.get("sharing") == "excess" else 0.0
    if saving > 0 and saving / total >= rate - 1e-12:
        return min(share * max(saving - free, 0), sharing.get("savings_cap_benchmark", 1e9) * total)
    loss_rate = rule.get("loss_rate", rate)
    if saving < 0 and -saving / total >= loss_rate - 1e-12 and losses > 0:
        free = loss_rate * total if rule.get("sharing") == "excess" else 0.0
        return -min(losses * max(-saving - free, 0), sharing.get("losses_cap_benchmark", 1e9) * total)
    return 0.0


def mutant(rng) -> tuple[str, bytes, tuple[str, ...]]:
    """Return the kind of a mutation, the bytes of a contract, and words of which a refusal must hold one."""
    text = TEXTS[rng.choice(sorted(TEXTS))]
    document = tomllib.loads(text)
    path = rng.choice([path for path in fz.places(document) if not {"source", "notes", "title", "assumed"} & set(path)])
    key = next(part for part in reversed(path) if isinstance(part, str))
    names = (
        (key, key.rstrip("s"), "year") if "year" in key or "amendments" in path else (key, key.rstrip("s"), *path[:1])
    )
    kind = rng.choice(("damage", "damage", "value", "value", "key", "word", "deep", "added", "doubled", "deleted"))
    if kind == "damage":
        damage, raw = fz.mangled(text.encode(), rng)
        if rng.random() < 0.2:
            raw = fz.mangled(raw, rng)[1] if raw.isascii() and raw else raw
        return damage, raw, ()
    if kind == "word" and isinstance(fz.at(document, path), str):
        return kind, fz.to_toml(fz.changed(document, path, fz.misspelt(fz.at(document, path), rng))).encode(), names
    if kind == "key" and isinstance(path[-1], str):
        wrong = fz.misspelt(path[-1], rng)
        new = fz.changed(document, path, None, key=wrong)
        return kind, fz.to_toml(new).encode(), (ascii(wrong)[1:-1], wrong, *names)
    if kind == "deep":
        value = fz.at(document, path)
        for _ in range(rng.choice((1, 2, 47, 60, 150))):
            value = [value] if rng.random() < 0.5 else {"x": value}
        return kind, fz.to_toml(fz.changed(document, path, value)).encode(), (*names, "inside one another")
    if kind == "added":
        table = fz.at(document, path[:-1])
        if isinstance(table, dict):
            word = rng.choice(
                ("rate", "savings", "losses", "kind", "minimum", "year", "x", "fixed", "standard", "shock")
            )
            new = fz.changed(document, (*path[:-1], word), rng.choice(fz.VALUES))
            return kind, fz.to_toml(new).encode(), (word, *names, *map(str, path), "quality", "sharing", "threshold")
    if kind == "doubled":
        lines = text.splitlines(keepends=True)
        wanted = [line for line in lines if line.split("=")[0].strip() == key]
        return (
            kind,
            text.replace(wanted[0], wanted[0] * 2, 1).encode() if wanted else text.encode(),
            (key, "line", "Cannot"),
        )
    if kind == "deleted":
        new = fz.changed(document, path, None)
        del fz.at(new, path[:-1])[path[-1]]
        return kind, fz.to_toml(new).encode(), (*names, *map(str, path), "quality", "scale", "sum to 1")
    return "value", fz.to_toml(fz.changed(document, path, rng.choice(fz.VALUES))).encode(), names


def end_of(raw: bytes, names, file: Path) -> tuple[str, str]:
    """Return the end of one mutant."""
    file.write_bytes(raw)
    result = fz.attempt(lambda: load_contract(file))
    if isinstance(result, Exception):
        return fz.refusal_end(
            result, names or ("line", "UTF-8", "has no", "must", "needs", "cannot", "sharing", file.name)
        )
    document = tomllib.loads(raw.decode("utf-8-sig"))  # a text that is not TOML cannot come here
    same = True
    for benchmark, spending, years, quality in GRID:
        score = quality * rules_of(document).get("quality", {}).get("scale", 100.0)
        numbers = {"benchmark": benchmark, "spending": spending, "insured_years": years, "quality": score}
        settled = fz.attempt(lambda numbers=numbers: settle(result, **numbers))
        wanted = payment(document, benchmark, spending, years, quality)
        if isinstance(settled, Exception):
            if wanted is not None or not isinstance(settled, SsinferError):
                return fz.refusal_end(settled, ()) if wanted is None else (fz.INSIDE, f"settle: {settled!r}"[:200])
            continue
        if wanted is None or abs(float(settled.payment) - float(cents(wanted))) > 0.011:
            return fz.WRONG, f"settle pays {float(settled.payment)}, the file prescribes {wanted}"
        if sum(settled.cents.values()) != 0 or next(iter(settled.cents)) != document.get("payer", "insurer"):
            return fz.WRONG, "the parties are not those of the file, or their amounts do not sum to 0"
        shares = rules_of(document).get("parties", {"providers": 1.0})
        parts = {party: share * wanted for party, share in shares.items()}
        if any(abs(float(settled.lines[party]) - part) > 0.02 for party, part in parts.items()):
            return fz.WRONG, f"the parties get {settled.lines}, the file prescribes {parts}"
        original = TEXTS.get(str(document.get("name")))
        same &= original is not None and payment(tomllib.loads(original), benchmark, spending, years, quality) == wanted
    return (fz.EQUAL if same else fz.DIFFERENT), ""


def cents(amount: float) -> Decimal:
    """Return money in whole cents."""
    return Decimal(amount).quantize(Decimal("0.01"), ROUND_HALF_EVEN)


def mutant_amount(rng) -> tuple[str, float | None]:
    """Return an amount as a user might write it, and its number; None: it is no plain number."""
    amount = rng.choice((3400.0, 3380.5, 20_000.0, 12.5, 0.5, 1_234_567.89))
    plain = f"{amount:.2f}"
    whole, part = plain.split(".")
    signs = (
        "0x10",
        "1e400",
        "nan",
        "inf",
        "-5",
        "",
        " ",
        "1,5",
        "1.000",
        "20.000",
        "12 000",
        "1'000",
        "5%",
        "€5",
        "=5",
    )
    texts = [
        f"{int(whole):,}.{part}",
        f"{int(whole):,}".replace(",", ".") + f",{part}",
        f"{int(whole):_}",
        f"{whole},{part}",
        f"{plain}{rng.choice(fz.SIGNS)}",
        plain[:1] + rng.choice(fz.SIGNS) + plain[1:],
        plain,
        f"+{plain}",
        f"{amount:e}",
        rng.choice((*signs, "３４", "٣")),
    ]
    text = rng.choice(texts)
    grouped = re.fullmatch(r"[+-]?[1-9]\d{0,2}\.\d{3}", text.strip())  # 20.000 may be twenty thousand
    return text, float(text) if PLAIN.fullmatch(text.strip()) and not grouped else None


def test_mutants_of_amounts_on_the_command_line(evidence_share):
    """800 amounts of `ssinfer settle` as text: the number that stands there, or a refusal."""
    rng, table = random.Random(195), fz.Table()  # noqa: S311
    contract, others = load_contract("mssp-track-1"), {"spending": 1e-3, "insured_years": 20_000.0, "quality": 90.0}
    for _ in range(800 if evidence_share == 1 else 40):
        text, meaning = mutant_amount(rng)
        number = fz.attempt(lambda text=text: read_number(text))
        settled = fz.attempt(lambda number=number: settle(contract, benchmark=number, **others))
        if isinstance(number, ValueError):  # typer prints it as one line with the option
            end = (fz.REFUSED if meaning is None else fz.WRONG, f"{text!r} was refused")
        elif isinstance(settled, Exception):
            allowed = meaning is None or not 0 < meaning <= 1e7
            end = fz.refusal_end(settled, ("benchmark",)) if allowed else (fz.WRONG, f"{text!r}: {settled}")
        else:
            end = (fz.DIFFERENT if number == meaning else fz.WRONG, f"{text!r} was read as {number}, it is {meaning}")
        table.add("amount as text", *end, repr(text))
    sys.stdout.write(f"\nAmounts\n{table.text()}\n")
    assert not table.bad, table.told()


def test_mutants_of_contract_files(evidence_share, tmp_path):
    """2,600 mutants of the built-in contracts, settled on three cases each."""
    rng, table = random.Random(191), fz.Table()  # noqa: S311
    for name, text in TEXTS.items():  # the independent reading agrees on the contracts themselves
        assert end_of(text.encode(), (), tmp_path / "contract.toml") == (fz.EQUAL, ""), name
    for _ in range(2600 if evidence_share == 1 else 130):
        kind, raw, names = mutant(rng)
        table.add(
            kind,
            *end_of(raw, names, tmp_path / "contract.toml"),
            fz.difference(raw, max(TEXTS.values(), key=lambda text: text[:20] == raw[:20].decode(errors="ignore"))),
        )
    sys.stdout.write(f"\nContract files\n{table.text()}\n")
    assert not table.bad, table.told()
