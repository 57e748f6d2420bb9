"""Processes of methods of other packages: one lasting process per method, which a time-out ends."""

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
from ssinfer.guard.isolation import failure

START = "import sys; sys.path[:] = sys.argv[1:]; from ssinfer.guard.fork_server import main; main()"
REPEATED = (2, 16, 128, 1024)  # numbers of the fits of a method that a new process repeats

# by number of this process, because a forked copy of it shares no connection
_processes: dict[tuple[int, bytes], MethodProcess] = {}  # and by pickled method
_servers: dict[int, ForkServer] = {}


def fit_in_process(request: tuple[Any, ...], time_limit: float | None) -> tuple[Any, list[str]]:
    """Return what `isolation.fit_apart` returns for the arguments `request`, from the method's own process.

    Some fits are repeated in a new process, which takes over. The draws must be the same, whatever was fitted before.
    """
    try:
        key, message = (os.getpid(), pickle.dumps(request[0])), pickle.dumps(request)
    except Exception as error:
        raise failure(request[0], error) from error
    process = _processes.setdefault(key, MethodProcess(type(request[0]).__name__))
    answer = process.fit(message, time_limit)
    if process.n_fits in REPEATED:
        process.end()
        again = process.fit(message, time_limit)
        process.n_fits -= 1
        if not np.allclose(_draws(answer), _draws(again), rtol=1e-6, atol=0.0, equal_nan=True):
            process.broken = (
                f"{process.name} gave other draws in a new process, with the same data and seed. It remembers earlier "
                "fits, or takes randomness elsewhere than from `seed`. Tell its author to run `check_benchmark`."
            )
            raise RefusalError(process.broken)
    return answer


class MethodProcess:
    """The process of one method: it is started by the first fit, and again by the first fit after its end."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.n_fits = 0
        self.broken = ""  # why every further fit is refused
        self.pid = 0
        self.channel: Connection | None = None

    def fit(self, message: bytes, time_limit: float | None) -> tuple[Any, list[str]]:
        """Return the answer of the process; RefusalError after `time_limit` seconds, PluginError if it ended."""
        if self.broken:
            raise RefusalError(self.broken)
        if self.channel is None:
            self.pid, self.channel = fork_server().start(self.name)
        answer: SsinferError | tuple[Any, list[str]] | None = None
        try:
            self.channel.send_bytes(message)
            if self.channel.poll(time_limit):
                answer = pickle.loads(self.channel.recv_bytes())  # noqa: S301  (of a package that the user installed)
        except Exception as error:
            raise PluginError(f"{self.name} ended its process (exit, crash or lack of memory).") from error
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


class ForkServer:
    """A process that has never seen data: it is copied for each method, which takes milliseconds."""

    def __init__(self) -> None:
        self.control, theirs = socket.socketpair()
        environment = {"OMP_NUM_THREADS": "1", "PYTHONHASHSEED": "0", **os.environ}
        command, null = [sys.executable, "-c", START, *sys.path], subprocess.DEVNULL
        with theirs:
            self.process = subprocess.Popen(  # noqa: S603  (our own code)
                command, stdin=theirs.fileno(), stdout=null, stderr=null, env=environment, start_new_session=True
            )
        atexit.register(self.close)

    def start(self, name: str) -> tuple[int, Connection]:
        """Start the process of a method; return its number and the connection to it."""
        ours, theirs = socket.socketpair()
        with ours, theirs, suppress(OSError):
            socket.send_fds(self.control, [b"+"], [theirs.fileno()])
            if pid := int.from_bytes(self.control.recv(8)):
                channel = Connection(ours.detach())
                channel.send((sys.path, name))
                return pid, channel
        self.close()
        raise PluginError(f"No process could be started for {name}. Free memory, and run again.")

    def close(self) -> None:
        """End the fork server, which ends all processes that it started."""
        self.control.close()
        self.process.wait()


def fork_server() -> ForkServer:
    """Return the fork server of this process; it is started when it is first needed, and again after its end."""
    if not hasattr(os, "fork"):
        raise NotSupportedError("A method of another package", "studies on Windows", "Use ss.backtest from Python.")
    known = _servers.get(os.getpid())
    if known is None or known.process.poll() is not None:
        known = _servers[os.getpid()] = ForkServer()
    return known


def _draws(answer: tuple[Any, list[str]]) -> Any:
    """Return the draws of an answer; one NaN if it is no result, which is refused elsewhere."""
    return getattr(getattr(answer[0], "benchmark", None), "values", np.nan)
