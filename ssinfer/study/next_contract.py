"""Next contract: what to change compared with this one, and what that brings, as findings in plain words."""

from collections.abc import Iterator
from typing import Any

from ssinfer.backtesting.advice import Specification
from ssinfer.finding import Finding
from ssinfer.foreign import own
from ssinfer.study.compared_designs import VARIED
from ssinfer.study.queries import Row, StudyQueries
from ssinfer.thresholds.kind import ThresholdKey
from ssinfer.thresholds.names import threshold_in_words

OF_FITS = [block for block in VARIED if block not in ("threshold", "sharing")]  # blocks on which a fit depends


def next_contract(study: StudyQueries) -> Iterator[Finding]:
    """Yield the outcome of the advice, what to change, and what would help most, or would be enough."""
    advice = study.result.advice
    if advice is None:
        yield Finding("next_none", {})
        return
    advised, feasible = advice.specification, advice.outcome == "feasible"
    changes = [*_advised_changes(study, advised)]
    saving = Finding(f"next_saving_{'all' if advice.of_all else 'design'}", {"target": advice.rule.target_saving})
    said: dict[str, Any] = {"saving": saving, "changes": changes, "found": 100 * advice.detection_rate}
    label = study.result.design_labels.get(advised.design) or advised.design
    said |= {"wanted": 100 * advice.rule.detection, "design": own(label)}
    now = advice.row_of(study.result.manifest.get("settles", {}))
    better = now is not None and feasible and bool(changes) and advice.finds_enough(now)  # today's does
    changed = feasible and changes and not better
    yield Finding(f"next_{advice.outcome.replace(' ', '_')}{'_changed' if changed else ''}", {})
    steps = [(row, row["detection_rate_difference"]) for _, row in study.table("ladder.csv").iterrows() if row["block"]]
    enough = [_step(study, row) for row, _ in steps if str(row["entry"]).endswith(" needed") and not feasible]
    for number, change in enumerate(enough):
        yield Finding("next_or_enough" if number else "next_enough", {"change": change})
    if not enough and not feasible and any(row["source"] == "computed" for row, _ in steps):
        yield Finding("next_no_size", {})
    if better and now is not None:
        yield Finding("next_better", said | {"now": 100 * float(now["detection_rate"])})
    else:
        yield Finding(f"next_{'' if feasible else 'nearest_'}{'change' if changes else 'same'}", said)
    helping = [(row, more) for row, more in steps if more > 0 and not more < row["detection_rate_difference_se"]]
    if feasible and helping:
        row, more = max(helping, key=lambda step: step[1])
        yield Finding("next_more", said | {"change": _step(study, row), "more": 100 * more})
    elif feasible and steps and not changes:
        yield Finding("next_no_more", {})


def _advised_changes(study: StudyQueries, advised: Specification) -> Iterator[Finding]:
    """Yield in what the advised design, method and threshold differ from those that settle."""
    settles = study.result.manifest.get("settles", {})
    if advised.pair != (settles.get("fit"), settles.get("method")):
        table = study.table("designs.csv")
        of_fit = (table["design"] + " | ").str.startswith(f"{advised.design} | ") & (table["method"] == advised.method)
        today, other = table[table["settles"].astype(bool)], table[of_fit]
        if len(today) and len(other):
            names = {block: (str(today[block].iloc[0]), str(other[block].iloc[0])) for block in OF_FITS}
            yield from (_change(study, block, new) for block, (old, new) in names.items() if new != old)
        else:  # without insured-years, designs are not on one scale
            yield Finding("change_design", {})
    if settles.get("threshold") and ThresholdKey(**settles["threshold"]) != advised.threshold:
        yield Finding("change_threshold_to", {"entry": threshold_in_words(advised.threshold)})


def _step(study: StudyQueries, row: Row) -> Finding:
    """Return the change of one row of the ladder."""
    block = str(row["block"])
    if block in ("size", "years"):
        return Finding(f"change_{block}", {"to": float(f"{row['insured' if block == 'size' else 'years']:.2g}")})
    return _change(study, block, row["entry"])


def _change(study: StudyQueries, block: str, name: str) -> Finding:
    """Return the change of one block to the entry with this name."""
    parts = [part for part in study.result.manifest.get("study", {}).get(block, ()) if isinstance(part, dict)]
    entry = next((part for part in parts if part.get("name") == name), {})
    cap = entry.get("truncation") or {}
    if cap.get("percentile"):
        return Finding("change_truncated_share", {"share": cap["percentile"]})
    if amount := cap.get("amount"):
        return Finding("change_truncated", {"cap": max(amount.values()) if isinstance(amount, dict) else amount})
    words = entry.get("label") or (name if " " in name or block == "method" else "")  # one word is a mark
    words = "" if block == "windows" else words  # in English, and in the label of the design
    return Finding(f"change_{block}{'_to' if words else ''}", {"entry": own(words)})
