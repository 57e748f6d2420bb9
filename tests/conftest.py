"""Fixtures that several parts of the suite share."""

from __future__ import annotations

import os
from pathlib import Path

import hypothesis
import numpy as np
import pytest

from ssinfer.backtesting.kernels.block_bootstrap import block_weights
from ssinfer.panel import Panel

# No deadline: a busy machine is no bug. The same examples everywhere: a failure must be repeatable.
hypothesis.settings.register_profile("ssinfer", deadline=None, derandomize=True)
hypothesis.settings.load_profile("ssinfer")


@pytest.fixture(scope="session")
def data_dir() -> Path:
    """The folder of published data; a test that needs it skips only where SSINFER_DATA_DIR is unset."""
    folder = os.environ.get("SSINFER_DATA_DIR")
    if not folder:
        pytest.skip("SSINFER_DATA_DIR is unset: set it to the folder that holds vektis/, mssp/, person/, ...")
    path = Path(folder)
    assert path.is_dir(), f"SSINFER_DATA_DIR={folder} is no folder"
    return path


@pytest.fixture(scope="module")
def few_replicates():
    """Draw few replicates in the bootstrap, for tests that judge no standard error."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(block_weights, "__defaults__", (25,))
        yield


@pytest.fixture(scope="session")
def evidence_share() -> float:
    """How much of the full statistical evidence to run: SSINFER_EVIDENCE is "full" (1) or "reduced" (0.1)."""
    wanted = os.environ.get("SSINFER_EVIDENCE", "reduced")
    assert wanted in {"full", "reduced"}, f"SSINFER_EVIDENCE={wanted}: allowed are 'reduced' and 'full'"
    return 1.0 if wanted == "full" else 0.1


def null_panel(
    n_units=40,
    n_periods=6,
    *,
    seed=0,
    cv=2.5,
    shock=0.012,
    persistence=0.0,
    insured=(5_000, 100_000),
    growth=0.02,
    first=2012,
    known=None,
    covariates=None,
):
    """A panel with no contract: level_i x growth^t x (1 + AR(1) shock + cv / sqrt(n) noise).

    `known` hands the panel its noise: "cv", "variance" (the true one), "none" (no insured-years).
    """
    rng = np.random.default_rng(seed)
    shape = (n_units, n_periods)
    sizes = np.exp(rng.uniform(np.log(insured[0]), np.log(insured[1]), n_units))[:, None] * np.ones(shape)
    expected = 2_000 * (1 + rng.normal(0, 0.1, n_units))[:, None] * (1 + growth) ** np.arange(n_periods)
    shocks = np.empty(shape)
    shocks[:, 0] = rng.normal(0, shock, n_units)
    for t in range(1, n_periods):
        fresh = rng.normal(0, shock * np.sqrt(1 - persistence**2), n_units)
        shocks[:, t] = persistence * shocks[:, t - 1] + fresh
    spending = expected * (1 + shocks + cv / np.sqrt(sizes) * rng.standard_normal(shape))
    return Panel(
        units=tuple(f"u{i:03d}" for i in range(n_units)),
        periods=tuple(range(first, first + n_periods)),
        spending=spending,
        insured_years=None if known == "none" else sizes,
        sampling_variance=(cv * expected) ** 2 / sizes if known == "variance" else None,
        cv=cv if known == "cv" else None,
        covariates=covariates or {},
    )


@pytest.fixture(scope="session", name="null_panel")
def null_panel_factory():
    return null_panel
