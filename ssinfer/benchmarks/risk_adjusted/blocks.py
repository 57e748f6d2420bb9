"""Blocks: the performance periods, and earlier blocks of the same length and season, in which a model is fitted."""

from typing import NamedTuple

from ssinfer.benchmarks.problem import Problem
from ssinfer.errors import RefusalError


class Block(NamedTuple):
    """Columns of a block, and the first column after its history."""

    columns: tuple[int, ...]
    history_end: int
    year: int  # years after the first performance year, so negative for earlier blocks


class Blocks(NamedTuple):
    """The first performance year, earlier blocks (the earliest first), and all performance columns with their year."""

    performance: Block
    earlier: tuple[Block, ...]
    periods: tuple[int, ...]
    years: tuple[int, ...]
    masked: tuple[int, ...]
    per_year: int


def blocks_of(problem: Problem, method: str, *, everything: bool = False) -> Blocks:
    """Return the blocks of a design.

    The history ends with the baseline and leaves out masked periods, or has `everything` before the performance.

    An earlier block has the season of the first performance year, and the same gap between its history and itself. It
    ends before the history of the performance period does, has no masked period, and has a year of history at least.
    """
    panel = problem.panel
    per_year = panel.timeline.per_year or 1
    known = [panel.timeline.column(label) for label in problem.design.masked]
    masked = {column for column in known if column is not None}
    periods = tuple(int(column) for column in problem.performance_columns)
    first, end = periods[0], int(problem.baseline.max()) + 1
    if everything:
        end, masked = first, set()
    n_history = len(set(range(end)) - masked)
    if n_history < per_year:
        raise RefusalError(
            f"{method} predicts persons from their history, and {n_history} periods lie before the start, less than a "
            f"year ({per_year}). Extract earlier periods, give history='all', or use AdministrativeBenchmark."
        )
    years = tuple((column - first) // per_year for column in periods)
    season = [column - first for column, year in zip(periods, years, strict=True) if year == 0]
    earlier = []
    for back in range((end - 1) // per_year, 0, -1):
        columns = tuple(first - back * per_year + offset for offset in season)
        history = end - back * per_year
        seen = set(range(max(history, 0))) - masked
        if columns[-1] < end and len(seen) >= per_year and masked.isdisjoint(columns):
            earlier.append(Block(columns, history, -back))
    return Blocks(
        Block(tuple(first + offset for offset in season), end, 0),
        tuple(earlier),
        periods,
        years,
        tuple(sorted(masked)),
        per_year,
    )
