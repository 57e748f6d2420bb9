"""Prints the designs of a study, their fits, and the expected time of its backtest."""

from collections.abc import Iterator

import numpy as np

from ssinfer.language import speak
from ssinfer.sentences import say
from ssinfer.study.expected_time import expected_time
from ssinfer.study.frames import BLOCKS
from ssinfer.study.plan import Plan


def plan_text(plan: Plan, *, n_jobs: int = 1) -> str:
    """Return one line per design (only blocks of which there are several), then fits and seconds by method."""
    with speak(plan.language):
        return "\n".join(_lines(plan, n_jobs))


def _lines(plan: Plan, n_jobs: int) -> Iterator[str]:
    designs = plan.config.designs
    yield say("plan.designs", n=len(designs), pairs=say("plan.pairs", n=len(plan.pairs)))
    shown = [block for block in BLOCKS if len({design.names[block] for design in designs}) > 1]
    for design in designs:
        parts = [f"{say(f'plan.{block}')} {name!r}" for block in shown if (name := design.names[block])]
        notes = {"settles": design.name == plan.config.settling[0], "sensitivity": design.sensitivity}
        notes |= {"equal_to": bool(design.equal_to), "fits_of": design.fit != design.name}
        said = [say(f"plan.{name}", design=design) for name, holds in notes.items() if holds]
        yield "  ".join(filter(None, (f"  {design.name}", ", ".join(parts), "; ".join(said))))
    times = expected_time(plan)
    for method, (fits, seconds) in times.items():
        yield say("plan.method", method=method, fits=fits, milliseconds=1000 * seconds)
    fits, total = (np.nansum(values) for values in zip(*((n, n * each) for n, each in times.values()), strict=True))
    yield say("plan.backtest", fits=fits, seconds=total / n_jobs, n_jobs=n_jobs)
