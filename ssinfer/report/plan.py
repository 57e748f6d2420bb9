"""Prints the designs of a study, their fits, and the expected time of its backtest."""

import numpy as np

from ssinfer.language import speak
from ssinfer.sentences import say
from ssinfer.study.config_blocks import BLOCKS
from ssinfer.study.expected_time import expected_time
from ssinfer.study.plan import Plan


def plan_text(plan: Plan, *, n_jobs: int = 1) -> str:
    """Return one line per design (only blocks of which there are several), then fits and seconds by method."""
    with speak(plan.language):
        return "\n".join(_lines(plan, n_jobs))


def _lines(plan: Plan, n_jobs: int) -> list[str]:
    config = plan.config
    shown = [block for block in BLOCKS if len({design.names[block] for design in config.designs}) > 1]
    pairs = say("plan.pairs", n=len(plan.pairs))
    lines = [say("plan.designs", n=len(config.designs), pairs=pairs)]
    for design in config.designs:
        blocks = ", ".join(f"{say(f'plan.{b}')} {design.names[b]!r}" for b in shown if design.names[b])
        notes = {
            "settles": design.name == config.settling[0],
            "sensitivity": design.sensitivity,
            "equal_to": design.equal_to,
            "fits_of": design.fit != design.name,
        }
        said = [say(f"plan.{name}", design=design) for name, holds in notes.items() if holds]
        lines.append("  ".join(filter(None, (f"  {design.name}", blocks, "; ".join(said)))))
    times = expected_time(plan)
    for method, (fits, seconds) in times.items():
        lines.append(say("plan.method", method=method, fits=fits, milliseconds=1000 * seconds))
    total = np.nansum([fits * seconds for fits, seconds in times.values()]) / n_jobs
    fits = sum(fits for fits, _ in times.values())
    return [*lines, say("plan.backtest", fits=fits, seconds=total, n_jobs=n_jobs)]
