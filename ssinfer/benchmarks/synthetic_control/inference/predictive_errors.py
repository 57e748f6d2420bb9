"""PredictiveErrors: draws of the error of a benchmark, with what they rest on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ssinfer.check import Check
    from ssinfer.typing import Floats


@dataclass(frozen=True, eq=False)
class PredictiveErrors:
    """Draws of the error of one treated unit's benchmark.

    Attributes
    ----------
    paths : array (draw, P)
    components : dict
        Variance of the pooled error by source, as a share of the squared pooled benchmark.
    check : Check
        Reports the number of placebos or periods on which the errors rest.
    """

    paths: Floats
    components: dict[str, float]
    check: Check
