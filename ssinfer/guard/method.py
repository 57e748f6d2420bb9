"""GuardedMethod: a method of another package as studies, `ssinfer benchmark` and backtests call it."""

import copy
import sys
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pandas as pd

from ssinfer.check import Check, tabulate
from ssinfer.counterfactual import Counterfactual
from ssinfer.design import Design
from ssinfer.errors import SsinferError
from ssinfer.guard.facts import visible, with_facts
from ssinfer.guard.isolation import failure, fit_apart
from ssinfer.guard.process import fit_in_process
from ssinfer.panel import Panel

TIME_LIMIT = 600.0  # seconds per fit
ISOLATION = "isolation"  # the check that tells what a fit changed around itself


def guarded(method: Any, time_limit: float | None = None) -> Any:
    """Return a method of ssinfer as it is, and any other in a GuardedMethod."""
    kind = type(method)
    module = sys.modules.get(kind.__module__) if kind.__module__.startswith("ssinfer.") else None
    return method if getattr(module, kind.__name__, None) is kind else GuardedMethod(method, time_limit)


class GuardedMethod:
    """A method of another package; with a `time_limit` (seconds per fit) it has its own process."""

    def __init__(self, method: Any, time_limit: float | None = None) -> None:
        self.method, self.time_limit = method, time_limit
        self.needs = str(getattr(method, "needs", "panel"))
        self.offered = getattr(method, "offered", getattr(method, "capabilities", None))

    def __repr__(self) -> str:
        return repr(self.method)

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Return the method's parameters."""
        return dict(self._call("get_params", deep))

    def check_parameters(self) -> None:
        """Let the method refuse impossible parameters, if it can."""
        self._call("check_parameters")

    def _call(self, name: str, *arguments: Any) -> Any:
        try:
            return getattr(self.method, name, dict)(*arguments)
        except SsinferError:
            raise
        except (Exception, SystemExit) as error:
            raise failure(type(self.method).__name__, error) from error

    def fit(self, data: Any, design: Design, *, seed: Any = None) -> Counterfactual:
        """Return the checked result of one fit; a "signing" result is of a fit that saw no performance period."""
        panel, name = data if isinstance(data, Panel) else data.to_panel(), type(self.method).__name__
        design, information = design.on(panel), getattr(self.method, "information", "settlement")
        while True:
            request = (self.method, visible(data, design, information), design, seed)
            alone = self.time_limit is not None
            cf, changed = fit_in_process(request, self.time_limit) if alone else fit_apart(*copy.deepcopy(request))
            try:
                result = with_facts(cf, name, panel, design)
            except (AttributeError, KeyError, TypeError, ValueError) as error:
                raise error if isinstance(error, SsinferError) else failure(name, error) from error
            if information in (result.information, "signing"):
                break
            information = "signing"
        if changed:
            note = Check(ISOLATION, "WARN", len(changed), f"the fit changed {', '.join(changed)}; no other fit saw it")
            notes = pd.concat([result.diagnostics, tabulate([note])], ignore_index=True)
            result = replace(result, diagnostics=notes)
        return result

    def fit_many(self, data: Any, designs: Sequence[Design], seeds: Sequence[Any]) -> list[Any]:
        """Return a Counterfactual or an error per design. Each is fitted alone, because each hides other cells."""
        results: list[Any] = []
        for design, seed in zip(designs, seeds, strict=True):
            try:
                results.append(self.fit(data, design, seed=seed))
            except SsinferError as error:
                results.append(error)
        return results
