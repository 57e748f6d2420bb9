"""Processes of methods of other packages: one lasting process per method, which a time-out ends."""

import atexit
import os
import pickle
import signal
import socket
import subprocess
import sys
from contextlib import suppress
from functools import cache
from multiprocessing.connection import Connection
from typing import Any

import numpy as np

from ssinfer.errors import NotSupportedError, PluginError, RefusalError, SsinferError
from ssinfer.guard.isolation import failure

START = "import sys; sys.path[:] = sys.argv[1:]; from ssinfer.guard.fork_server import main; main()"
REPEATED = (2, 16, 128, 1024)  # numbers of the fits of a method that a new process repeats

# by number of this process, because a forked copy of it shares no connection, and by pickled method
_processes: dict[tuple[int, bytes], "MethodProcess"] = {}


def fit_in_process(request: tuple[Any, ...], time_limit: float | None) -> tuple[Any, list[str]]:
    """Return `fit_apart(*request)` from the method's own process; a new one repeats some fits, with the same draws."""
    name = type(request[0]).__name__
    try:
        key, message = (os.getpid(), pickle.dumps(request[0])), pickle.dumps(request)
    except Exception as error:
        raise failure(name, error) from error
    process = _processes.setdefault(key, MethodProcess(name))
    answer = process.fit(message, time_limit)
    if process.n_fits in REPEATED:
        process.end()
        first, again = (
            getattr(getattr(cf, "benchmark", None), "values", np.nan)  # what is no result is refused elsewhere
            for cf, _ in (answer, process.fit(message, time_limit))
        )
        process.n_fits -= 1
        if not np.allclose(first, again, rtol=1e-6, atol=0.0, equal_nan=True):
            process.broken = (
                f"{name} gave other draws in a new process, with the same data and seed. It remembers earlier "
                "fits, or takes randomness elsewhere than from `seed`. Tell its author to run `check_benchmark`."
            )
            raise RefusalError(process.broken)
    return answer


class MethodProcess:
    """The process of one method: it is started by the first fit, and again by the first fit after its end."""

    channel: Connection | None = None
    pid = 0
    n_fits = 0
    broken = ""  # why every further fit is refused

    def __init__(self, name: str) -> None:
        self.name = name

    def fit(self, message: bytes, time_limit: float | None) -> tuple[Any, list[str]]:
        """Return the answer of the process; RefusalError after `time_limit` seconds, PluginError if it ended."""
        if self.broken:
            raise RefusalError(self.broken)
        if self.channel is None:
            self.pid, self.channel = _start_copy(self.name)
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
                f"{self.name} did not end its fit within {time_limit:g} seconds; its process was ended. Give "
                "time_limit in its [[method]] of the study (`ssinfer benchmark`: --time-limit), or less to compute."
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


def _start_copy(name: str) -> tuple[int, Connection]:
    """Return the number of a new process for a method, a copy of the fork server, and the connection to it."""
    for _ in range(2):  # in a second fork server if the first one has ended
        control, _server = _fork_server(os.getpid())
        ours, theirs = socket.socketpair()
        with ours, theirs, suppress(OSError):
            socket.send_fds(control, [b"+"], [theirs.fileno()])
            if pid := int.from_bytes(control.recv(8)):
                channel = Connection(ours.detach())
                channel.send((sys.path, name))
                return pid, channel
        _fork_server.cache_clear()
    raise PluginError(f"No process could be started for {name}. Free memory, and run again.")


@cache
def _fork_server(_parent: int) -> tuple[socket.socket, subprocess.Popen[bytes]]:
    """Start a process that has never seen data: a copy of it takes milliseconds. It ends with its parent."""
    if not hasattr(os, "fork"):
        raise NotSupportedError("A method of another package", "studies on Windows", "Use ss.backtest from Python.")
    control, theirs = socket.socketpair()
    environment = {"OMP_NUM_THREADS": "1", "PYTHONHASHSEED": "0", **os.environ}
    command, null = [sys.executable, "-c", START, *sys.path], subprocess.DEVNULL
    with theirs:
        server = subprocess.Popen(  # noqa: S603  (our own code)
            command, stdin=theirs.fileno(), stdout=null, stderr=null, env=environment, start_new_session=True
        )
    atexit.register(server.wait)
    atexit.register(control.close)  # before it, because the last one registered is the first one called
    return control, server
