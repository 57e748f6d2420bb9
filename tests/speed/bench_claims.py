"""Speed of claims: simulation, and lines to a panel against one hand-written DuckDB query.

    python tests/speed/bench_claims.py [--insured 250000] [--lines FOLDER] [--memory 4GB] [--repeats 3]

250,000 insured are about 20 million lines. The hand-written query does the panel only (mean, insured-years, sampling
variance per practice and quarter): no attrition table, no checks, no covariates.
"""

from __future__ import annotations

import argparse
import resource
import tempfile
import time
from pathlib import Path

import duckdb
import numpy as np

from ssinfer.claims import ClaimsTables, Population, Spending, extract
from ssinfer.simulation.claims import SimulatedClaims, simulate_claims

BY_HAND = """
with cells as (
  select e.person, e.practice, p.t, sum(least(e.hi, p.hi) - greatest(e.lo, p.lo) + 1) as days
  from (select person, practice, greatest(start, date '2018-04-01') as lo,
               least(coalesce("end", date '2024-06-30'), date '2024-06-30') as hi
        from '{folder}/enrolment.parquet' where insurer = 'A') e
  join (select r as t, (date '2018-04-01' + to_months(3 * r::int))::date as lo,
               (date '2018-04-01' + to_months(3 * r::int + 3))::date - 1 as hi from range(25) x(r)) p
    on e.lo <= p.hi and e.hi >= p.lo
  group by all),
money as (
  select c.person, e.practice, (year(c.date) - 2018) * 4 + quarter(c.date) - 2 as t, sum(c.amount) as y
  from '{folder}/claims/*.parquet' c
  join '{folder}/enrolment.parquet' e
    on c.person = e.person and c.date >= e.start and c.date <= coalesce(e."end", date '2024-06-30')
  where e.insurer = 'A' and c.date between date '2018-04-01' and date '2024-06-30'
  group by all),
joined as (select cells.*, coalesce(y, 0)::double as y from cells left join money using (person, practice, t))
select practice, t, sum(y) / sum(days) as mean, sum(days) as days,
       (sum(y * y) - 2 * (sum(y) / sum(days)) * sum(y * days) + (sum(y) / sum(days)) ** 2 * sum(days * days))
         * count(*) / (count(*) - 1) / sum(days) ** 2 as variance
from joined group by practice, t order by practice, t
"""


def peak():
    """Return the most memory that this process has held so far, in GB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6


def timed(repeats, call):
    """Return the least and median seconds of some calls, the least processor seconds, the peak, and the last result."""
    seconds, processor = [], []
    for _ in range(repeats):
        begin, used = time.perf_counter(), time.process_time()
        result = call()
        seconds.append(time.perf_counter() - begin)
        processor.append(time.process_time() - used)
    return min(seconds), float(np.median(seconds)), min(processor), peak(), result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--insured", type=int, default=250_000)
    parser.add_argument("--lines", type=Path, help="folder of an earlier simulation")
    parser.add_argument("--memory", default="4GB")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--keep-only", action="store_true", help="leave out duplicates='count', one more pass")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        if arguments.lines and arguments.lines.exists():
            simulated = SimulatedClaims.load(arguments.lines)
        else:
            folder = arguments.lines or Path(scratch) / "claims"
            begin = time.perf_counter()
            simulated = simulate_claims(
                folder, arguments.insured, insured_under_contract=20_000, seed=1, n_jobs=arguments.jobs
            )
            seconds = time.perf_counter() - begin
            print(
                f"simulated {simulated.lines:,} lines of {arguments.insured:,} insured in {seconds:.1f} s "
                f"({arguments.jobs} jobs; {simulated.lines / seconds / 1e6:.2f} million lines a second)"
            )
        print(f"peak memory of this process so far: {peak():.2f} GB")
        folder = simulated.folder
        periods = simulated.setting.periods

        def by_hand():
            with duckdb.connect(config={"memory_limit": arguments.memory}) as connection:
                return connection.sql(BY_HAND.format(folder=folder)).df()

        def ours(duplicates):
            tables = ClaimsTables.open(folder, memory_limit=arguments.memory)
            return extract(tables, Population(insurers=["A"]), Spending(duplicates=duplicates), periods=periods)

        rows = [("one query by hand", *timed(arguments.repeats, by_hand))]
        for duplicates in ("keep",) if arguments.keep_only else ("keep", "count"):
            name = f"extract, duplicates={duplicates!r}"
            rows.append((name, *timed(arguments.repeats, lambda d=duplicates: ours(d))))
        frame = rows[0][5].sort_values(["practice", "t"])
        panel = rows[1][5].panel
        order = np.argsort(panel.units)
        days = np.round(
            panel.insured_years[order]
            * np.array([365, 366])[(np.array([int(p[:4]) % 4 == 0 for p in periods])).astype(int)]
        )
        assert np.array_equal(days.ravel()[~np.isnan(days.ravel())], frame["days"]), "the two do not agree"
        print(f"{'':34}{'least s':>9}{'median s':>10}{'ratio':>7}{'CPU s':>8}{'ratio':>7}{'peak GB':>9}")
        for name, least, median, processor, memory, _ in rows:
            ratios = least / rows[0][1], processor / rows[0][3]
            print(f"{name:34}{least:9.2f}{median:10.2f}{ratios[0]:7.2f}{processor:8.2f}{ratios[1]:7.2f}{memory:9.2f}")
        print("Peaks are those of the process up to then: the first row's is its own, a later one's is at least that.")


if __name__ == "__main__":
    main()
