"""Exact inference of the hierarchical benchmark: importance sampling of the parameters, the rest in closed form."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from ssinfer.benchmarks.base import Estimate
from ssinfer.benchmarks.hierarchical.arviz_groups import PanelGroups
from ssinfer.benchmarks.hierarchical.draws import draw_joint, draw_single
from ssinfer.benchmarks.hierarchical.neighbours import located
from ssinfer.benchmarks.hierarchical.predictions import (
    fitted_baseline,
    predict_placebos,
    reweight_for_placebo,
    sample_placebos,
)
from ssinfer.benchmarks.hierarchical.proposal import build_panel_proposal, ridge_mixture
from ssinfer.benchmarks.hierarchical.reml import BootstrapFit
from ssinfer.check import Check, tabulate
from ssinfer.comparison import distances
from ssinfer.kernels.adaptive_importance import MAX_PARETO_K, MIN_ESS, Rounds, weight_until_reliable
from ssinfer.kernels.importance import resample
from ssinfer.later import Later

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    import pandas as pd

    from ssinfer.benchmarks.hierarchical.layout import Layout
    from ssinfer.benchmarks.hierarchical.method import HierarchicalBenchmark
    from ssinfer.benchmarks.problem import Problem
    from ssinfer.kernels.adaptive_importance import Posterior
    from ssinfer.typing import Floats, Positions

FOLDS = 8  # of the units: the placebos of a fold share a proposal


def folds_of(layout: Layout, method: HierarchicalBenchmark) -> Positions:
    """Return the fold of each unit; where they share nodes all units are one, unless there is a bootstrap."""
    shared = _share_nodes(layout) and not method.bootstrap
    return np.arange(len(layout.y)) % (1 if shared else FOLDS)


def _share_nodes(layout: Layout) -> bool:
    """Return whether placebos share nodes: with neighbours, covariates, breaks or an inner radius."""
    return len(layout.model.blocks) > 1 or len(layout.near) > 0


def estimate_placebos(
    problems: Sequence[Problem],
    layouts: Sequence[Layout],
    generators: Sequence[np.random.Generator],
    data: tuple[Floats, Floats],
    method: HierarchicalBenchmark,
) -> Iterable[Estimate]:
    """Estimate designs of one treated unit each, one window and fold; `data` are y and seen with all sealed cells."""
    y, seen = data
    first = layouts[0]
    rows = np.array([layout.treated[0] for layout in layouts])
    folds = folds_of(first, method)
    in_fold = folds == folds[rows[0]]
    # the proposal does not depend on the performance cells of any unit of the fold
    fitted = np.where(in_fold[:, None], first.seen * first.baseline, first.seen)
    bootstrap = BootstrapFit.of(first, data, fitted, rows, method.bootstrap)
    posteriors: Iterator[tuple[Posterior, Floats, Floats]]
    if _share_nodes(first):
        near = [layout.near if seen[layout.near][:, layout.ahead].any() else layout.near[:0] for layout in layouts]
        posteriors = sample_placebos(first.model, y, seen, rows, first.ahead, method.nodes, near)
    else:
        proposal = build_panel_proposal(first.model, y * fitted, fitted, method.nodes)
        predictions = predict_placebos(first.model, proposal.nodes, y, seen, rows, first.ahead)
        posteriors = (
            reweight_for_placebo(each.model, proposal, predictions, number, each.cells, method.nodes)
            for number, each in enumerate(layouts)
        )
    for number, (problem, layout, rng) in enumerate(zip(problems, layouts, generators, strict=True)):
        posterior, mean, covariance = next(posteriors)
        picked = resample(posterior.weights, method.n_draws, rng)
        draws = draw_single(mean, covariance, picked, rng)[:, None, :]
        unit_bootstrap = bootstrap and replace(bootstrap, errors=bootstrap.errors[:, [number]])
        yield _estimate(problem, layout, (posterior, picked, draws), unit_bootstrap, method, rng)


def estimate_joint(
    problem: Problem, layout: Layout, rng: np.random.Generator, method: HierarchicalBenchmark
) -> Estimate:
    """Estimate a design with several treated units."""
    data = (layout.y, layout.seen)

    def log_target(x: Floats) -> Floats:
        return layout.model.log_posteriors(x, *data)

    if _share_nodes(layout):
        start = ridge_mixture(layout.model, *data)
        posterior = Rounds.of(log_target, start).until(Rounds.reliable, log_target, method.nodes).posterior()
    else:
        proposal = build_panel_proposal(layout.model, *data, method.nodes)
        posterior = weight_until_reliable(log_target, proposal, method.nodes)
    picked = resample(posterior.weights, method.n_draws, rng)
    draws = draw_joint(layout.model, layout, posterior, picked, rng)
    bootstrap = BootstrapFit.of(layout, data, layout.seen, layout.treated, method.bootstrap)
    return _estimate(problem, layout, (posterior, picked, draws), bootstrap, method, rng)


def _estimate(
    problem: Problem,
    layout: Layout,
    sample: tuple[Posterior, Positions, Floats],
    bootstrap: BootstrapFit | None,
    method: HierarchicalBenchmark,
    rng: np.random.Generator,
) -> Estimate:
    """Return the draws (S, I, 2 P) on the model's scale, and those of the bootstrap, as an Estimate."""
    posterior, picked, draws = sample
    n_ahead = len(layout.ahead)
    shape = (method.chains, method.n_draws // method.chains, len(layout.treated), n_ahead)
    spending = layout.spending(draws)
    labels = (problem.labels(layout.rows), problem.periods(layout.columns))
    # an independent stream: no draw of the benchmark depends on whether the groups are read
    seed = np.random.SeedSequence(int(rng.spawn(1)[0].integers(0, 2**63)))
    panel, kilometres = problem.panel, None
    if layout.model.neighbours and located(panel):
        kilometres = distances(panel, panel.units[problem.treated[0]])[layout.rows]
    confidence = None
    if bootstrap is not None:
        confidence = layout.spending(bootstrap.draws(layout, method.n_draws, rng)).reshape(shape)
    return Estimate(
        benchmark=spending[:, :, n_ahead:].reshape(shape),
        expected=spending[:, :, :n_ahead].reshape(shape),
        confidence=confidence,
        fitted=Later(lambda: fitted_baseline(layout, posterior.weights @ posterior.nodes)),
        uncertainty="posterior",
        diagnostics=diagnostics(posterior, layout.checks()),
        failures=posterior.failures,
        inference=PanelGroups(
            layout, posterior, picked, method.chains, labels, seed, problem.performance_insured_years[0], kilometres
        ),
    )


def diagnostics(posterior: Posterior, more: Iterable[Check] = ()) -> pd.DataFrame:
    """Return the checks of the importance weights, and more."""
    k, ess = posterior.pareto_k, posterior.effective
    figures = [
        ("pareto_k", k <= MAX_PARETO_K, k, MAX_PARETO_K, f"importance weights; at most {MAX_PARETO_K}"),
        ("effective_sample_size", ess >= MIN_ESS, ess, MIN_ESS, f"of the importance weights; at least {MIN_ESS:.0f}"),
    ]
    return tabulate([*(Check.judged(*row) for row in figures), *more])
