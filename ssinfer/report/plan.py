"""Prints the designs of a study, their fits, and the expected time of its backtest."""

import numpy as np

from ssinfer.periods.period import plural
from ssinfer.study.config_blocks import BLOCKS
from ssinfer.study.expected_time import expected_time
from ssinfer.study.plan import Plan


def plan_text(plan: Plan, *, n_jobs: int = 1) -> str:
    """Return one line per design (only blocks of which there are several), then fits and seconds by method."""
    config = plan.config
    shown = [block for block in BLOCKS if len({design.names[block] for design in config.designs}) > 1]
    n, fitted = len(config.designs), len(plan.pairs)
    lines = [f"{n} {plural('design', n)}, fitted as {fitted} {plural('pair', fitted)} of data and method"]
    for design in config.designs:
        blocks = ", ".join(f"{block} {design.names[block]!r}" for block in shown if design.names[block])
        notes = {
            "settles": design.name == config.settling[0],
            "sensitivity: never settles": design.sensitivity,
            f"equal to {design.equal_to!r}": design.equal_to,
            f"fits of {design.fit!r}": design.fit != design.name,
        }
        said = "; ".join(note for note, holds in notes.items() if holds)
        lines.append("  ".join(filter(None, (f"  {design.name}", blocks, said))))
    times = expected_time(plan)
    lines += [f"  {method}: {fits:,} fits, {1000 * each:,.1f} ms each" for method, (fits, each) in times.items()]
    total = np.nansum([fits * each for fits, each in times.values()]) / n_jobs
    fits = sum(fits for fits, _ in times.values())
    return "\n".join([*lines, f"backtest: {fits:,} fits, about {total:,.0f} s with {n_jobs} processes"])
