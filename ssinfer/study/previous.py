"""Previous: an earlier delivery of the same study, and what changed since, to the cent."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ssinfer.backtesting.frames import rows_with
from ssinfer.documents import parse_json, read_text
from ssinfer.errors import StudyError, raised_as
from ssinfer.study.config import StudyConfig
from ssinfer.study.config_claims import SpendingConfig
from ssinfer.study.frames import CHANGES
from ssinfer.study.plan import Plan
from ssinfer.study.result import MANIFEST, StudyResult, sha256
from ssinfer.study.source import SOURCES

AGAIN = "Name the folder that `ssinfer run` wrote on the previous delivery."
MOVES = ("run_out", "reference_tariffs")  # what may differ between two deliveries of one definition of spending


@dataclass(frozen=True, eq=False)
class Previous:
    """What a result needs of the previous one."""

    lines: pd.DataFrame  # lines and cents of the contract group that each cause changed
    savings: pd.DataFrame
    settlement: pd.DataFrame
    facts: Mapping[str, Any]  # for the manifest

    def compared(self, plan: Plan, result: StudyResult) -> StudyResult:
        """Return the result with changes.csv: what changed in spending and why, and what is to be paid per party."""
        design, method = plan.config.settling
        labels, lines = {"design": plan.config.main_design.fit, "method": method}, self.lines
        both = self.savings, result.savings
        totals = {
            name: [_cents(rows_with(each, **labels), name) for each in both] for name in ("spending", "benchmark")
        }
        estimated = np.array(totals["spending"]) - lines.set_index("cause")["cents"][["then", "now"]].to_numpy()
        causes: Any = lines[lines["claimants"].notna()].assign(kind="spending").to_dict("records")
        rows: list[dict[str, Any]] = [*causes]
        rows += [{"kind": "spending", "cause": "estimates", **_difference(*estimated)}]
        rows += [{"kind": name, "cause": "total", **_difference(*total)} for name, total in totals.items()]
        parties = [_parties(each) for each in (self.settlement, result.settlement)]
        for party in dict.fromkeys((*parties[0], *parties[1])):
            rows += [{"kind": "settlement", "cause": party, **_difference(*(each.get(party, 0) for each in parties))}]
        table = pd.DataFrame(rows).assign(design=design, method=method)
        changes = CHANGES.conform(table.assign(euros=table["cents"] / 100))
        manifest = {**result.manifest, "previous": dict(self.facts)}
        return replace(result, manifest=manifest, tables={**result.tables, CHANGES.name: changes})


def _difference(then: int, now: int) -> dict[str, Any]:
    return {"lines": 0, "then": then / 100, "now": now / 100, "cents": int(now - then), "claimants": 0, "largest": 0.0}


def _cents(saving: pd.DataFrame, name: str) -> int:
    """Return spending or benchmark of the contract group in all, in whole cents, of its row of savings.csv."""
    if not len(saving) or saving["status"].iloc[0] != "ok":
        raise StudyError(f"--previous: one of the two results has no measured saving that is shown. {AGAIN}")
    return round(float(saving[name].iloc[0]) * float(saving["insured_years"].iloc[0]) * 100)


def _parties(settlement: pd.DataFrame) -> dict[str, int]:
    """Return the cents per party of the design and method that settle; none if nothing was settled."""
    rows = settlement[settlement["settles"].astype(bool) & settlement["amount"].notna()]
    return {str(row["party"]): round(100 * float(row["amount"])) for _, row in rows.iterrows()}


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
    _refuse_other_study(then, now)
    for name, path in then.data.files(base).items():
        if manifest.get("inputs", {}).get(name) != sha256(path):
            raise StudyError(
                f"--previous {folder}: {name} is not the file of that run; its SHA-256 is not that in {MANIFEST}. "
                "Put the previous delivery back where its study file names it, and this one in another place."
            )
    if absent := [name for name in manifest.get("inputs", {}) if not (base / name).is_file()]:
        raise StudyError(f"--previous {folder}: its data are needed, and {base / absent[0]} is missing. Put them back.")
    configs = {"then": then, "now": now}
    tables = {when: ClaimsTables.open(base / str(getattr(config.data, "file", ""))) for when, config in configs.items()}
    periods, run_out = plan.panel.periods, then.main_design.spending.run_out
    with raised_as(StudyError, "--previous:"):
        if run_out is not None and "fewer_lines" not in now.data.accept:
            refuse_fewer_lines(tables["then"], tables["now"], run_out.extracted)
        of = {
            when: (
                population_of(part.case, part.main_design.population, periods, tables[when]),
                part.main_design.spending,
            )
            for when, part in configs.items()
        }
        lines = explain_changes(
            tables,
            {when: (population, spending_of(spending)) for when, (population, spending) in of.items()},
            periods=periods,
            performance=plan.designs[now.main_design.fit].performance,
            units=now.case.treated,
        )
    frames = {name: pd.read_csv(folder / f"{name}.csv") for name in ("savings", "settlement")}
    facts = {name: manifest.get(name) for name in ("study_hash", "data_hash", "created")}
    return Previous(lines, **frames, facts={**facts, "extracted": None if run_out is None else str(run_out.extracted)})


def _refuse_other_study(then: StudyConfig, now: StudyConfig) -> None:
    """Refuse a previous result of another group, window, population or definition of spending."""
    in_files = all(getattr(config.data, "file", None) for config in (then, now))
    if not (in_files and SOURCES.find(now.data.source).has_claims):
        raise StudyError(
            "--previous compares lines of claims that are kept in a file (data.file). This study has none."
        )
    parts: dict[str, list[Any]] = {
        "case": [(config.case.treated, config.case.units) for config in (then, now)],
        "windows.performance": [config.main_design.performance for config in (then, now)],
        "population": [config.main_design.population.content for config in (then, now)],
        "spending": [_fixed(config.main_design.spending) for config in (then, now)],
    }
    if different := [name for name, (one, other) in parts.items() if one != other]:
        names = ", ".join(different)
        raise StudyError(
            f"--previous: {names} differ from the previous study. Only the delivery may differ: data, and "
            f"{' and '.join(MOVES)} of the spending. Run the present study on the previous delivery first."
        )


def _fixed(spending: SpendingConfig) -> str:
    return spending.model_copy(update=dict.fromkeys(MOVES)).content
