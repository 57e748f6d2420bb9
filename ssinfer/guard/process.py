"""Processes of methods of other packages, in the parent: one lasting process per method, which a time-out ends."""

from __future__ import annotations

import atexit
import os
import pickle
import signal
import socket
import subprocess
import sys
from contextlib import suppress
from multiprocessing.connection import Connection
from typing import Any

import numpy as np

from ssinfer.errors import NotSupportedError, PluginError, RefusalError, SsinferError

START = "import sys; sys.path[:] = sys.argv[1:]; from ssinfer.guard.nursery import main; main()"
REPEATED = (2, 16, 128, 1024)  # numbers of the fits of a method that a new process repeats

_processes: dict[tuple[int, bytes], MethodProcess] = {}  # by number of this process and pickled method
_nurseries: dict[int, Nursery] = {}  # by number of this process: a forked copy of it shares no connection


def fit_in_process(request: tuple[Any, ...], time_limit: float) -> tuple[Any, list[str]]:
    """Return what `isolation.fit_apart` returns for the arguments `request`, from the method's own process.

    Some fits are repeated in a new process, which takes over. The draws must be the same, whatever was fitted before.
    """
    name = type(request[0]).__name__
    try:
        key, message = (os.getpid(), pickle.dumps(request[0])), pickle.dumps(request)
    except Exception as error:
        raise PluginError(f"{name} cannot be sent to a process: {type(error).__name__}: {error}") from error
    process = _processes.setdefault(key, MethodProcess(name))
    cf, changed = process.fit(message, time_limit)
    if process.n_fits in REPEATED:
        process.end()
        again, _ = process.fit(message, time_limit)
        process.n_fits -= 1
        if not _same_draws(cf, again):
            process.broken = (
                f"{name} gave other draws in a new process, with the same data and seed. It remembers earlier fits, or "
                "takes randomness elsewhere than from `seed`. `check_benchmark` helps its author to find out."
            )
            raise RefusalError(process.broken)
    return cf, changed


class MethodProcess:
    """The process of one method: it is started by the first fit, and again by the first fit after its end."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.n_fits = 0
        self.broken = ""  # why every further fit is refused
        self.pid = 0
        self.channel: Connection | None = None

    def fit(self, message: bytes, time_limit: float) -> tuple[Any, list[str]]:
        """Return the answer of the process; RefusalError after `time_limit` seconds, PluginError if it ended."""
        if self.broken:
            raise RefusalError(self.broken)
        if self.channel is None:
            self.pid, self.channel = _nursery().start(self.name)
        answer: SsinferError | tuple[Any, list[str]] | None = None
        try:
            self.channel.send_bytes(message)
            if self.channel.poll(time_limit):
                answer = pickle.loads(self.channel.recv_bytes())  # noqa: S301  (of a package that the user installed)
        except Exception as error:
            raise PluginError(
                f"{self.name} ended its process during the fit (exit, crash or lack of memory): {type(error).__name__}."
            ) from error
        finally:
            if answer is None:  # after Ctrl-C as well: a late answer must not reach the next fit
                self.end()
        if answer is None:
            raise RefusalError(
                f"{self.name} did not end its fit within {time_limit:g} seconds; its process was ended. Raise "
                "time_limit in its [[method]] of the study, or give it less to compute."
            )
        self.n_fits += 1
        if isinstance(answer, SsinferError):
            raise answer
        return answer

    def end(self) -> None:
        """End the process and the processes that it started."""
        if self.channel is not None:
            self.channel.close()
            self.channel = None
            with suppress(OSError):
                os.killpg(self.pid, signal.SIGKILL)


class Nursery:
    """A process that has never seen data: it is copied for each method, which takes milliseconds."""

    def __init__(self) -> None:
        self.control, theirs = socket.socketpair()
        kept = {"OMP_NUM_THREADS": "1", "PYTHONHASHSEED": "0"}
        self.process = subprocess.Popen(  # noqa: S603  (our own code)
            [sys.executable, "-c", START, *sys.path],
            stdin=theirs.fileno(),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env={**kept, **os.environ},
            start_new_session=True,
        )
        theirs.close()
        atexit.register(self.close)

    def start(self, name: str) -> tuple[int, Connection]:
        """Start the process of a method; return its number and the connection to it."""
        ours, theirs = socket.socketpair()
        with theirs, suppress(OSError):
            socket.send_fds(self.control, [b"+"], [theirs.fileno()])
            if pid := int.from_bytes(self.control.recv(8)):
                channel = Connection(ours.detach())
                channel.send((sys.path, name))
                return pid, channel
        ours.close()
        self.close()
        raise PluginError("No process could be started for a method of another package. Free memory, and run again.")

    def close(self) -> None:
        """End the nursery, which ends all processes that it started."""
        self.control.close()
        self.process.wait()


def _nursery() -> Nursery:
    if not hasattr(os, "fork"):
        raise NotSupportedError("A method of another package", "studies on Windows", "Use ss.backtest from Python.")
    nursery = _nurseries.get(os.getpid())
    if nursery is None or nursery.process.poll() is not None:
        nursery = _nurseries[os.getpid()] = Nursery()
    return nursery


def _same_draws(first: Any, second: Any) -> bool:
    """Return whether two results have the same draws, up to rounding; what is no result is refused elsewhere."""
    a, b = (np.asarray(getattr(getattr(cf, "benchmark", 0.0), "values", 0.0)) for cf in (first, second))
    return a.shape == b.shape and np.allclose(a, b, rtol=1e-6, atol=0.0, equal_nan=True)
