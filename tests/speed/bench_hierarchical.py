"""Speed of the hierarchical benchmark: one fit by size, many placebos at once, and the full PyMC model under nutpie.

`python tests/speed/bench_hierarchical.py [sizes] [placebos] [nuts]`; all three without a name.
Seconds are of processor time after compilation, where not said otherwise; memory is the peak of the process.
"""

from __future__ import annotations

import resource
import sys
import time
import warnings

import numpy as np
import pandas as pd

import ssinfer as ss
from ssinfer.benchmarks.hierarchical.layout import lay_out
from ssinfer.benchmarks.hierarchical.method import HierarchicalBenchmark
from ssinfer.benchmarks.hierarchical.predictions import predict_placebos
from ssinfer.benchmarks.hierarchical.proposal import build_panel_proposal
from ssinfer.benchmarks.hierarchical.reference import nuts_checks, reference_model
from ssinfer.benchmarks.hierarchical.reparameterised import partially_noncentred_model
from ssinfer.benchmarks.problem import Problem
from ssinfer.kernels.adaptive_importance import pareto_smoothed_weights


def panel(units, periods, seed=1):
    """Log-normal panel with level SD .05, AR(1) shock SD .02, person-level cv 2.5."""
    rng = np.random.default_rng(seed)
    sizes = np.exp(rng.uniform(np.log(2_000), np.log(60_000), units))
    shock = rng.normal(0, 0.02, units)
    level = rng.normal(0, 0.05, units)
    columns = []
    for t in range(periods):
        shock = 0.7 * shock + rng.normal(0, 0.02 * np.sqrt(0.51), units)
        columns.append(np.exp(7.6 + 0.03 * t + level + shock + rng.normal(0, 2.5 / np.sqrt(sizes))))
    labels = tuple(f"u{i:05}" for i in range(units))
    return ss.Panel(labels, tuple(range(periods)), np.column_stack(columns), np.repeat(sizes[:, None], periods, axis=1))


def clock(work):
    """Return the result, wall seconds and CPU seconds."""
    wall, cpu = time.perf_counter(), time.process_time()
    result = work()
    return result, time.perf_counter() - wall, time.process_time() - cpu


def sizes():
    """One fit: cost and memory by number of groups."""
    method = HierarchicalBenchmark()
    for periods in (9, 25):  # compiles both ways of summing over units
        method.fit(panel(20, periods), ss.Design(["u00000"], range(periods - 1), [periods - 1]), seed=1)
    rows = []
    for units, periods in [(300, 9), (1_000, 9), (5_000, 9), (300, 25), (1_000, 25), (5_000, 25)]:
        data = panel(units, periods)
        design = ss.Design(["u00000"], range(periods - 1), [periods - 1])
        cf, wall, cpu = clock(lambda data=data, design=design: method.fit(data, design, seed=1))
        memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
        rows.append((units, periods, wall, cpu, 1e3 * cpu / units, memory, len(cf.failures)))
    names = ["units", "periods", "wall_s", "cpu_s", "cpu_ms_per_unit", "peak_GB", "failures"]
    print(pd.DataFrame(rows, columns=names).round(2).to_string(index=False))


def placebos():
    """270 placebos x 4 origins by fit_many in one process."""
    method = HierarchicalBenchmark(n_draws=2000)
    data = panel(300, 12)
    total_wall = total = 0.0
    refused = 0
    for origin in (8, 9, 10, 11):
        designs = [ss.Design([unit], range(origin), [origin]) for unit in data.units[:270]]
        outcomes, wall, cpu = clock(lambda designs=designs: method.fit_many(data, designs, list(range(270))))
        total_wall, total = total_wall + wall, total + cpu
        refused += sum(bool(cf.failures) for cf in outcomes)
    print(
        f"270 placebos x 4 origins, 300 units: {total:.1f} s CPU, {total_wall:.1f} s wall, one core; {refused} refused"
    )


def effective_draws(cf, layout):
    """Independent draws that are worth the exact fit's: nodes count by the effective size of their weights.

    With W the mean variance within nodes and B the variance between them, S draws have a mean of variance
    W / S + B / ESS, that of (W + B) / (W / S + B / ESS) independent draws.
    """
    size = float(cf.diagnostics.set_index("check").loc["effective_sample_size", "figure"])
    proposal = build_panel_proposal(layout.model, layout.y, layout.seen, 2048)
    predictions = predict_placebos(layout.model, proposal.nodes, layout.y, layout.seen, layout.treated, layout.ahead)
    weights = pareto_smoothed_weights(predictions.log_target[:, 0], proposal).weights
    within = float(weights @ predictions.covariance[:, 0, 1, 1])
    mean = predictions.mean[:, 0, 1]
    between = float(weights @ (mean - weights @ mean) ** 2)
    return (within + between) / (within / cf.benchmark.size + between / size)


def nuts(units=40, periods=6, draws=1500):
    """Effective draws of the predicted saving per second: exact, and NUTS in two systems of coordinates."""
    import arviz as az
    import nutpie

    warnings.simplefilter("ignore")
    data = panel(units, periods)
    design = ss.Design(["u00000"], range(periods - 1), [periods - 1])
    method = HierarchicalBenchmark(n_draws=4 * draws)
    layout = lay_out(Problem.of(data, design), method)
    names = [*(p.name for p in layout.model.parameters), "y_ahead"]
    method.fit(data, design, seed=1)
    cf, _, cpu = clock(lambda: method.fit(data, design, seed=1))
    exact = effective_draws(cf, layout) / cpu
    mean, spread = np.log(cf.benchmark.values).mean() - layout.centre, np.log(cf.benchmark.values).std()
    print(f"{units} x {periods}, 4 x {draws} draws: exact {cpu:.2f} s, {exact:,.0f} effective draws a second")
    for name, model in (
        ("as written", reference_model(layout)),
        ("partially non-centred", partially_noncentred_model(layout)),
    ):
        compiled, _, compile_s = clock(lambda model=model: nutpie.compile_pymc_model(model))
        tree, _, sample_s = clock(
            lambda compiled=compiled: nutpie.sample(
                compiled, draws=draws, tune=1000, chains=4, cores=1, seed=1, target_accept=0.95, progress_bar=False
            )
        )
        checks, failures = nuts_checks(tree, names)
        size = float(az.ess(tree, var_names=["y_ahead"])["y_ahead"].min())
        apart = (float(tree["posterior"]["y_ahead"].mean()) - mean) / spread
        print(
            f"NUTS {name}: compiles {compile_s:.0f} s, samples {sample_s:.1f} s, ESS of the saving {size:,.0f}; ratio "
            f"{exact / (size / sample_s):,.0f} sampling alone, {exact / (size / (sample_s + compile_s)):,.0f} with "
            f"compilation; mean {apart:+.3f} SD from exact; smallest ESS {checks['figure'][1]:.0f}, "
            f"R-hat {checks['figure'][0]:.3f}, divergences {checks['figure'][2]:.0f}; fails: {len(failures)}",
            flush=True,
        )


if __name__ == "__main__":
    parts = {"sizes": sizes, "placebos": placebos, "nuts": nuts}
    for wanted in sys.argv[1:] or parts:
        parts[wanted]()
