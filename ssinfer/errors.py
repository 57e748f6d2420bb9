"""The exceptions of ssinfer: every message names the argument, its value, what is allowed, and the next step."""

import difflib
import re
import traceback
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import Any

#: What a message quotes: text in quotes, a list, tuple or mapping of values, or a run of signs without a blank.
_QUOTED = re.compile(
    r"""(?<!\w)'(?:[^'\\]|\\.)*'|(?<!\w)"(?:[^"\\]|\\.)*"|[\[({](?=['"\d-])[^\[\](){}]*[\])}]|[^\s'"]{201,}""",
    re.DOTALL,
)


def shorten(message: object) -> str:
    """Return a message of at most 4,000 visible signs, 200 per quoted value; others as escapes, passwords hidden."""
    message = re.sub(r"(\w:/+)[^/\s]*:[^\s]*@", r"\1***@", str(message))
    visible = "".join(sign if sign.isprintable() or sign == "\n" else ascii(sign)[1:-1] for sign in message)
    return _QUOTED.sub(lambda q: q[0] if len(q[0]) <= 200 else f"{q[0][:98]}...{q[0][-99:]}", visible)[:4000]


def shown(value: object) -> str:
    """Return a value as a message quotes it; its class where it cannot be printed, as a number of 5,000 digits."""
    try:
        return repr(value)
    except Exception:  # noqa: BLE001  (a stranger's __repr__ may fail in any way)
        return f"a {type(value).__name__}"


class SsinferError(Exception):
    """Base class of all errors that ssinfer raises on purpose; long values in a message are shortened."""

    def __init__(self, message: object = "") -> None:
        super().__init__(shorten(message))

    def __reduce__(self) -> tuple[Any, ...]:
        """Rebuild without the constructor, so that an error with several parts survives a trip between processes."""
        return type(self).__new__, (type(self), *self.args), vars(self)


EXPECTED = (SsinferError, OSError)  # errors whose message tells the user what to do


class DataError(SsinferError, ValueError):
    """Data that cannot be what it claims to be."""


class PanelError(DataError):
    """A panel that is not a complete grid of units and periods."""


class CohortError(DataError):
    """Persons, enrolment or attribution that contradict each other."""


class ClaimsError(DataError):
    """Claims tables with missing columns or impossible values."""


class DatasetError(DataError):
    """A published data set that is absent, damaged or not comparable."""


class DrawsError(DataError):
    """Draws that break the promise "finite" or "uncertainty" of a counterfactual."""

    def __init__(self, message: str, promise: str) -> None:
        super().__init__(message)
        self.promise = promise


class AmbiguousPeriodsError(DataError):
    """Period labels that two readings fit equally well; `labels` are in the order of time under either."""

    def __init__(self, message: str, labels: tuple[object, ...]) -> None:
        super().__init__(message)
        self.labels = labels


class ParameterError(SsinferError, ValueError):
    """An argument of a constructor or function with an impossible value."""


class DesignError(SsinferError, ValueError):
    """A design that the data cannot support."""


class NotSupportedError(SsinferError, TypeError):
    """A combination that is not supported, with the reason."""

    def __init__(self, subject: str, reason: str, hint: str = "") -> None:
        super().__init__(f"{subject} is not supported for {reason}." + (f" {hint}" if hint else ""))
        self.subject = subject
        self.reason = reason
        self.hint = hint


class RefusalError(SsinferError, ValueError):
    """The number asked for would be doubtful, so it is not given."""


class ConvergenceError(RefusalError):
    """The sampler or the solver did not converge."""


class StudyError(SsinferError, ValueError):
    """A study file with an unknown key or an impossible value."""


class ContractError(SsinferError, ValueError):
    """A contract whose terms contradict each other."""


class SettlementError(SsinferError, ValueError):
    """Money that cannot be settled under this contract."""


class PluginError(SsinferError, ImportError):
    """A benchmark provider that cannot be loaded."""


def error_id(error: BaseException) -> str:
    """Return the class and the place of an exception as eight hex digits: the same fault has the same id everywhere."""
    frames = [(Path(frame.filename).name, frame.lineno) for frame in traceback.extract_tb(error.__traceback__)]
    return sha256(repr((type(error).__qualname__, frames)).encode()).hexdigest()[:8]


def traceback_without_values(error: BaseException) -> str:
    """Return the lines of code of an exception and of its causes, without messages: they may hold values."""
    return "".join(line for line in traceback.format_exception(error) if line.startswith('  File "'))


@contextmanager
def raised_as(error: type[SsinferError], place: str = "", of: Any = SsinferError) -> Iterator[None]:
    """Raise errors `of` a class in the block as `error`, with the place that they concern in front."""
    try:
        yield
    except of as found:
        raise error(f"{place} {found}".lstrip()) from found


def refuse_unknown(names: Iterable[Any], known: Collection[Any], complaint: str, error: type[Exception]) -> None:
    """Refuse the first name that is not known: "`complaint` 'name'. Did you mean ...?"."""
    for name in names:
        if name not in known:
            raise error(f"{complaint} {name!r}. {did_you_mean(name, known)}")


def did_you_mean(name: object, allowed: Iterable[object]) -> str:
    """Return a sentence naming the allowed labels nearest to `name`, or the first few of them.

    >>> did_you_mean("VLISINGEN", ["VLISSINGEN", "VEERE", "MIDDELBURG"])
    "Did you mean 'VLISSINGEN'?"
    """
    labels = [str(label) for label in allowed]
    by_fold = {label.casefold(): label for label in labels}
    close = difflib.get_close_matches(str(name).casefold(), list(by_fold))
    if close:
        return "Did you mean " + " or ".join(repr(by_fold[fold]) for fold in close) + "?"
    shown = ", ".join(repr(label) for label in labels[:8])
    more = f" and {len(labels) - 8} more" if len(labels) > 8 else ""
    return f"Allowed: {shown}{more}." if labels else "None is available."
