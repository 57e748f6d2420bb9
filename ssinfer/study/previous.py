"""Previous: an earlier delivery of the same study, and what changed since, to the cent."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ssinfer.backtesting.frames import rows_with
from ssinfer.contracts.arithmetic import split_cents, to_cents
from ssinfer.contracts.contract import Contract
from ssinfer.documents import parse_json, read_text
from ssinfer.errors import StudyError, raised_as
from ssinfer.study.config import StudyConfig
from ssinfer.study.frames import CHANGES, TERM
from ssinfer.study.plan import Plan
from ssinfer.study.result import MANIFEST, StudyResult, sha256
from ssinfer.study.source import SOURCES

AGAIN = "Name the folder that `ssinfer run` wrote on the previous delivery."
NO_PERSONS = {"lines": 0, "claimants": 0, "largest": 0.0}  # rows that are no cells of persons
MOVES = ("run_out", "reference_tariffs")  # what may differ between two deliveries of one definition of spending


@dataclass(frozen=True, eq=False)
class Previous:
    """What a result needs of the previous one."""

    lines: pd.DataFrame  # lines and cents of the contract group that each cause changed
    savings: pd.DataFrame
    settlement: pd.DataFrame
    term: pd.DataFrame  # contract years that were settled then; empty without a term
    facts: Mapping[str, Any]  # for the manifest

    def compared(self, plan: Plan, result: StudyResult) -> StudyResult:
        """Return the result with changes.csv: what changed in spending and why, and what is to be paid per party.

        Of a term, spending and benchmark are those of the years that were settled then.
        """
        pair = {"design": plan.config.main_design.fit, "method": plan.config.settling[1]}
        counted = self.lines.set_index("cause")["cents"]
        saved = [rows_with(table, **pair) for table in (self.savings, result.savings)]
        contract, years = plan.contract_of(plan.config.main_design), [self.term, self.term]
        if len(self.term) and contract is not None:
            years[1] = settled_years(result.tables[TERM.name])
            saved = [_together(part.iloc[: len(self.term)]) for part in years]
        then = _amounts(saved[0], self.settlement, int(counted["then"])) | _of_years(years[0], contract)
        now = _amounts(saved[1], result.settlement, int(counted["now"])) | _of_years(years[1], contract)
        causes = self.lines[self.lines["claimants"].notna()].assign(kind="spending")
        rows: list[dict[Any, Any]] = causes.to_dict("records")
        total, insured = ("benchmark", "total", ""), [part["insured_years"].iloc[0] for part in saved]
        more = 100 * saved[0]["benchmark"].iloc[0] * (insured[1] - insured[0])
        parts = {"persons": round(more), "per insured-year": now[total] - then[total] - round(more)}
        rows += [{"kind": "benchmark", "cause": cause, **NO_PERSONS, "cents": cents} for cause, cents in parts.items()]
        for key in dict.fromkeys((*then, *now)):
            before, after = then.get(key, 0), now.get(key, 0)
            amounts = {"then": before / 100, "now": after / 100, "cents": after - before}
            rows.append({**dict(zip(("kind", "cause", "year"), key, strict=True)), **NO_PERSONS, **amounts})
        table = pd.DataFrame(rows).assign(design=plan.config.settling[0], method=plan.config.settling[1])
        table["year"] = table["year"].fillna("")  # causes are of all that is settled
        tables = {**result.tables, CHANGES.name: CHANGES.conform(table.assign(euros=table["cents"] / 100))}
        return replace(result, manifest={**result.manifest, "previous": dict(self.facts)}, tables=tables)


def settled_years(term: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of the contract years of term.csv that settle, without the total."""
    return term[term["settles"].astype(bool) & (term["year"] != "total")]


def _together(years: pd.DataFrame) -> pd.DataFrame:
    """Return the columns of savings.csv of contract years as one."""
    sizes = years["insured_years"]
    row = {name: np.average(years[name], weights=sizes) for name in ("benchmark", "spending")}
    return pd.DataFrame([{"status": "ok", "insured_years": sizes.sum(), **row}])


def _of_years(years: pd.DataFrame, contract: Contract | None) -> dict[tuple[str, str, str], int]:
    """Return the cents of each party by contract year."""
    cents: dict[tuple[str, str, str], int] = {}
    if contract is None:
        return cents
    for row in years.itertuples():
        paid = to_cents(np.asarray(row.payment, dtype=float))
        parts = zip(contract.parties, split_cents(paid, tuple(contract.parties.values())), strict=True)
        for party, amount in {contract.payer: -paid, **dict(parts)}.items():
            cents["settlement", party, str(row.year)] = int(amount)
    return cents


def _amounts(saving: pd.DataFrame, settlement: pd.DataFrame, counted: int) -> dict[tuple[str, str, str], int]:
    """Return cents by kind, cause, and year (empty): spending less what was counted, in all, benchmark, and parties."""
    if not len(saving) or saving["status"].iloc[0] != "ok":
        raise StudyError(f"--previous: one of the two results has no measured saving that is shown. {AGAIN}")
    row = saving.iloc[0]
    spending, benchmark = (round(row[name] * row["insured_years"] * 100) for name in ("spending", "benchmark"))
    lines = settlement[settlement["settles"].astype(bool) & settlement["amount"].notna()]
    amounts = zip(lines["party"], lines["amount"], strict=True)
    parties = {("settlement", str(party), ""): round(100 * paid) for party, paid in amounts}
    totals = {("spending", "estimates", ""): spending - counted, ("spending", "total", ""): spending}
    return totals | {("benchmark", "total", ""): benchmark} | parties


def read_previous(plan: Plan, folder: Path, base: Path) -> Previous:
    """Read the folder of the previous delivery and its data, whose place is relative to `base`, and compare the lines.

    StudyError: the folder or its data are missing, the data's hash differs, or the study differs in more than its
    delivery: data, `run_out`, `reference_tariffs`, title, and date.
    """
    from ssinfer.claims import ClaimsTables  # noqa: PLC0415  (Ibis is loaded late)
    from ssinfer.claims.changes import explain_changes, refuse_fewer_lines  # noqa: PLC0415
    from ssinfer.study.claims_extracts import population_of, spending_of  # noqa: PLC0415

    place, now = folder / MANIFEST, plan.config
    manifest = parse_json(read_text(place, "the previous result", StudyError, AGAIN), place, StudyError, AGAIN)
    with raised_as(StudyError, f"{place}: the study is not one of this version:", ValueError):
        then = StudyConfig.model_validate(manifest.get("study"))
    studies = {"then": then, "now": now}
    _refuse_other_study(then, now.with_run(settled_years=None))
    held, file = then.data.files(base), Path(vars(then.data)["file"]).as_posix()
    inputs = {n: digest for n, digest in manifest.get("inputs", {}).items() if n == file or n.startswith(f"{file}/")}
    if wrong := [name for name in inputs or [file] if name not in held or sha256(held[name]) != inputs.get(name)]:
        what = "is not the file of that run: its SHA-256 differs" if wrong[0] in held else f"is missing in {base}"
        raise StudyError(
            f"--previous {folder}: its data are needed, and {wrong[0]} {what}. Put the previous delivery back where "
            "its study file names it, and this one in another place."
        )
    tables = {}
    for when, part in studies.items():
        data = vars(part.data)
        mapping = {name: table.mapping for name, table in data.get("tables", {}).items()}
        tables[when] = ClaimsTables.open(base / str(data["file"]), mapping=mapping)
    periods, run_out = plan.panel.periods, then.main_design.spending.run_out
    with raised_as(StudyError, "--previous:"):
        if run_out is not None and "fewer_lines" not in now.data.accept:
            refuse_fewer_lines(tables["then"], tables["now"], run_out.extracted)
        definitions = {
            when: (
                population_of(part.case, part.main_design.population, periods, tables[when]),
                spending_of(part.main_design.spending),
            )
            for when, part in studies.items()
        }
        performance, term = plan.designs[now.main_design.fit].performance, pd.DataFrame()
        if now.term is not None:
            term = settled_years(pd.read_csv(folder / TERM.name, dtype={"year": str}))
            contract = plan.contract_of(now.main_design)
            years = len(term) * (1 if contract is None else contract.years.pool)
            performance = performance[: years * len(performance) // now.settled]
            if not 0 < years <= now.settled:
                raise StudyError(
                    f"--previous {folder} has {years} contract years that are shown, and this delivery {now.settled}. "
                    f"{AGAIN}"
                )
        lines = explain_changes(tables, definitions, periods, performance, now.case.treated)
    frames = {name: pd.read_csv(folder / f"{name}.csv") for name in ("savings", "settlement")}
    facts = {name: manifest.get(name) for name in ("study_hash", "data_hash", "created")}
    return Previous(
        lines, **frames, term=term, facts={**facts, "extracted": None if run_out is None else str(run_out.extracted)}
    )


def _refuse_other_study(then: StudyConfig, now: StudyConfig) -> None:
    """Refuse a previous result of another group, window, population or definition of spending."""
    if not all(SOURCES.find(part.data.source).has_claims and getattr(part.data, "file", None) for part in (then, now)):
        raise StudyError(
            "--previous compares lines of claims that are kept in a file (data.file). This study has none."
        )
    parts: dict[str, list[Any]] = {"case": [], "windows.performance": [], "population": [], "spending": []}
    for part in (then, now):
        main = part.main_design
        fixed = main.spending.model_copy(update=dict.fromkeys(MOVES)).content
        values = (part.case.treated, part.case.units), main.performance, main.population.content, fixed
        for name, value in zip(parts, values, strict=True):
            parts[name].append(value)
    if different := ", ".join(name for name, (one, other) in parts.items() if one != other):
        raise StudyError(
            f"--previous: {different} differ from the previous study. Only the delivery may differ: data, and "
            f"{' and '.join(MOVES)} of the spending. Run the present study on the previous delivery first."
        )
