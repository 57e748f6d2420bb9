"""The rule by which draws of a sampler are refused: R-hat, effective sample size, share of divergent transitions."""

from collections.abc import Iterable, Mapping

from ssinfer.check import Check
from ssinfer.kernels.adaptive_importance import MIN_ESS

MAX_R_HAT = 1.01  # Vehtari et al. 2021, doi 10.1214/20-BA1221, section 4
# A divergence is one step that the integrator could not follow. A few among thousands leave no mark on quantiles; many
# in one place mean that the sampler avoids it. 0.5% is the limit under which the Bayesian synthetic control passed
# simulation-based calibration (docs/bayesian_synthetic_control.md, 41 of 16,000 among them); R-hat and ESS still apply.
MAX_DIVERGENT_SHARE = 0.005


def convergence_checks(
    r_hat: Mapping[str, float], ess: Mapping[str, float], divergent: int, transitions: int
) -> tuple[Check, ...]:
    """Judge draws by their worst R-hat and bulk ESS per quantity, and their divergent transitions; NaN fails.

    >>> checks = convergence_checks({"tau": 1.003}, {"tau": 350.0}, 1, 6000)
    >>> convergence_failures(checks)
    ('effective_sample_size is 350 (smallest bulk ESS, of tau; at least 400)',)
    """
    # NaN, of chains that stand still, is the worst
    worst = max(r_hat, key=lambda name: (r_hat[name] != r_hat[name], r_hat[name]))
    least = min(ess, key=lambda name: (ess[name] == ess[name], ess[name]))
    allowed = MAX_DIVERGENT_SHARE * transitions
    limit = f"at most {allowed:.0f}, {100 * MAX_DIVERGENT_SHARE:g}% of {transitions}"
    smallest = f"smallest bulk ESS, of {least}; at least {MIN_ESS:.0f}"
    r, size = r_hat[worst], ess[least]
    rows = (
        ("r_hat", r <= MAX_R_HAT, r, MAX_R_HAT, f"largest R-hat, of {worst}; at most {MAX_R_HAT}"),
        ("effective_sample_size", size >= MIN_ESS, size, MIN_ESS, smallest),
        ("divergences", divergent <= allowed, float(divergent), allowed, f"divergent transitions; {limit}"),
    )
    return tuple(Check.judged(*row) for row in rows)


def convergence_failures(checks: Iterable[Check]) -> tuple[str, ...]:
    """Return a sentence per check that failed."""
    failed = [check for check in checks if check.status == "FAIL"]
    return tuple(f"{check.check} is {check.figure:.4g} ({check.message})" for check in failed)
