"""Support: declared capabilities work, and others are refused by a NotSupportedError."""

import numpy as np

from ssinfer.design import Design
from ssinfer.errors import NotSupportedError
from ssinfer.plugins.conformance.draws import kinds_of_draws
from ssinfer.plugins.conformance.trial import Trial, Verdict, draws_differ, tampered, units_of

LEVEL = 0.15  # of a unit's lasting spending above and below where it was
MAX_LEVEL_ERROR = 0.01  # of the measured saving there


def capabilities(trial: Trial) -> Verdict:
    """Check that declared capabilities work, and that others raise NotSupportedError ("X is not supported for Y")."""
    declared = getattr(trial.method, "capabilities", None)
    if declared is None:
        return None, np.nan, "the method declares no capabilities"
    others = [unit for unit in units_of(trial.data) if unit not in trial.design.treated]
    two = [trial.design.treated[0], others[0]]
    performance = trial.design.performance
    cases = {"several_treated": trial.design.replace(treated=two)}
    if len(trial.design.baseline) > 1:
        cases["masks"] = trial.design.replace(masked=[trial.design.baseline[0]])
    if len(performance) > 1:
        cases["staggered_starts"] = trial.design.replace(treated=two, starts={two[1]: performance[1]})
    faults = []
    for name, design in cases.items():
        promised = bool(getattr(declared, name, False))
        if name == "staggered_starts" and not getattr(declared, "several_treated", False):
            continue
        try:
            trial.fit(design=design)
        except NotSupportedError as error:
            if promised:
                faults.append(f"{name} is declared and refused: {error}")
        except Exception as error:  # noqa: BLE001  (any other failure is not the agreed refusal)
            faults.append(f"{name}: {type(error).__name__}: {error}")
        else:
            if not promised:
                faults.append(f"{name} is not declared, yet fit goes through")
            elif name == "masks" and trial.repeats == 0 and _reads_mask(trial, design):
                faults.append("masks is declared, yet spending in a masked period changes draws")
    given = kinds_of_draws(trial.first)
    for name, is_given in (("posterior", given["credible"]), ("confidence", given["confidence"])):
        if is_given and not getattr(declared, name, False):
            faults.append(f"{name} is not declared, yet the draws are one")
    return not faults, len(cases), "; ".join(faults) or f"tried {', '.join(cases)}"


def _reads_mask(trial: Trial, design: Design) -> bool:
    changed = tampered(trial.data, tuple(units_of(trial.data)), design.masked, 1.3)
    return draws_differ(trial.fit(design=design), trial.fit(changed, design)) > 0


def level(trial: Trial) -> Verdict:
    """Check that a method whose error depends on the treated unit's lasting level declares `level_dependent`.

    All spending of the treated unit is multiplied by 1.15 and by 0.85. A benchmark that does not depend on the level is
    multiplied alike; what it lacks is the mean error of a unit that lies so far from where it lay.
    """
    offered = getattr(trial.method, "offered", getattr(trial.method, "capabilities", None))
    draws = trial.first.pooled()
    noise = float(2 * draws.std() / draws.mean() * np.sqrt(2 / draws.size))  # two Monte Carlo errors
    errors = {}
    for far in (LEVEL, -LEVEL):
        moved = trial.fit(tampered(trial.data, trial.design.treated, tuple(trial.data.periods), 1 + far))
        errors[far] = float(moved.pooled().mean() / draws.mean() / (1 + far) - 1)
    worst = max(errors.values(), key=abs)
    said = " and ".join(f"{100 * error:+.1f} points at {far:+.0%}" for far, error in errors.items())
    message = f"measured saving of a unit whose lasting level is moved: {said}"
    if abs(worst) <= MAX_LEVEL_ERROR + noise or getattr(offered, "level_dependent", False):
        return True, worst, message
    return False, worst, f"{message}, but level_dependent is not declared. Declare it, or remove the dependence."


def resources(trial: Trial) -> Verdict:
    """Measure time and memory of a fit, for information."""
    seconds, peak = trial.resources
    return True, seconds, f"{seconds:.3f} s, {peak:.1f} MB at the peak (Python allocations)"
