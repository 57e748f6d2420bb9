"""The threshold kind "calibrated whole": the posterior calibration, computed only on request."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from ssinfer.level import check_level
from ssinfer.thresholds.calibrated_posterior import calibrate
from ssinfer.thresholds.kind import ThresholdKind

if TYPE_CHECKING:
    from collections.abc import Callable

    import pandas as pd

    from ssinfer.counterfactual import Counterfactual
    from ssinfer.thresholds.kind import ThresholdKey
    from ssinfer.thresholds.threshold import Threshold


def _for_case(cf: Counterfactual, placebos: pd.DataFrame, seed: int) -> Callable[[ThresholdKey], Threshold]:
    calibration = calibrate(placebos, [str(unit) for unit in cf.design.treated], seed=seed)
    rate, money = calibration.expected_systematic_error(cf, seed=seed)
    errors = {"systematic_error": rate, "systematic_error_money": money}

    def threshold(key: ThresholdKey) -> Threshold:
        found = calibration.threshold(cf, check_level(key.level), key.side, seed=seed)
        return replace(found, detail={**found.detail, **errors})

    return threshold


KIND = ThresholdKind(
    name="calibrated whole",
    label="Model rescaled on placebos (posterior)",
    words="the model threshold rescaled on placebos (posterior)",
    order=50,
    learns_from="placebos",
    on_request=True,
    backtested_as="calibrated",
    for_case=_for_case,
)
