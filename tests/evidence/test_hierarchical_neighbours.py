"""Authority: a random-walk Metropolis chain on the same log posterior, which `test_neighbours` compares with others."""

# ruff: noqa: T201
from __future__ import annotations

import numpy as np
import pytest
from benchmarks.hierarchical import neighbours_golden as golden

from ssinfer.benchmarks.hierarchical.layout import lay_out
from ssinfer.benchmarks.hierarchical.method import HierarchicalBenchmark
from ssinfer.benchmarks.hierarchical.predictions import sample_placebos
from ssinfer.benchmarks.problem import Problem

BATCHES = 20


def chain(layout, start, root, steps):
    """Return the states (steps, d) of a Metropolis chain."""
    rng, out = np.random.default_rng(1), []
    value = layout.model.log_posterior(start, layout.y, layout.seen)
    for _ in range(steps):
        proposed = start + 2.0 / np.sqrt(len(start)) * root @ rng.standard_normal(len(start))
        other = layout.model.log_posterior(proposed, layout.y, layout.seen)
        if np.log(rng.random()) < other - value:
            start, value = proposed, other
        out.append(start)
    return np.array(out)


@pytest.mark.evidence
def test_the_posterior_of_few_nodes_is_that_of_a_chain(evidence_share):
    """21 units x 5 periods; noise and shock can hardly be told apart, and noise may be nothing."""
    panel, design, options = golden.windows("made")["distance"]
    layout = lay_out(Problem.of(panel, design), HierarchicalBenchmark(**options, volatility=False))
    posterior = next(sample_placebos(layout.model, *layout.cells, 1024))[0]
    mean = posterior.weights @ posterior.nodes
    centred = posterior.nodes - mean
    root = np.linalg.cholesky((posterior.weights[:, None] * centred).T @ centred)
    states = chain(layout, mean, root, 100_000 if evidence_share == 1 else 10_000)
    errors = states.reshape(BATCHES, -1, len(mean)).mean(axis=1).std(axis=0, ddof=1) / np.sqrt(BATCHES)
    error = np.hypot(errors, states.std(axis=0) / np.sqrt(posterior.effective))
    ratio = (mean - states.mean(axis=0)) / error
    print(f"{len(posterior.nodes)} nodes, ESS {posterior.effective:.0f}, differences in errors: {ratio.round(2)}")
    assert not posterior.failures
    assert np.abs(ratio).max() < 4
