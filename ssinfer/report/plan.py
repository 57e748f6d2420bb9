"""Prints the designs of a study, their fits, and the expected time of its backtest."""

from ssinfer.study.config_blocks import BLOCKS
from ssinfer.study.expected_time import expected_time
from ssinfer.study.plan import Plan


def plan_text(plan: Plan, *, n_jobs: int = 1) -> str:
    """Return one line per design (only blocks of which there are several), then fits and seconds by method."""
    config = plan.config
    shown = [block for block in BLOCKS if len({design.names[block] for design in config.designs}) > 1]
    lines = [f"{len(config.designs)} designs, {len(plan.pairs)} distinct pairs of fits and method"]
    for design in config.designs:
        blocks = ", ".join(f"{block} {design.names[block]!r}" for block in shown if design.names[block])
        notes = [
            *(["settles"] if design.name == config.settling[0] else []),
            *(["sensitivity: never settles"] if design.sensitivity else []),
            *([f"equal to {design.equal_to!r}"] if design.equal_to else []),
            *([f"fits of {design.fit!r}"] if design.fit != design.name else []),
        ]
        lines.append("  ".join(part for part in (f"  {design.name}", blocks, "; ".join(notes)) if part))
    times = expected_time(plan)
    lines += [f"  {t.method}: {t.fits:,} fits, {1000 * t.seconds_per_fit:,.1f} ms each" for t in times]
    total = sum(t.seconds for t in times if t.seconds == t.seconds) / n_jobs
    lines.append(f"backtest: {sum(t.fits for t in times):,} fits, about {total:,.0f} s with {n_jobs} processes")
    return "\n".join(lines)
