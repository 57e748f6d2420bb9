"""The fork server: a process without data. Each method of another package gets a copy of it, which fits."""

import os
import pickle
import signal
import socket
import sys
from contextlib import suppress
from multiprocessing.connection import Connection

import sklearn.base  # noqa: F401  (most methods need these three: imported once, not in each process)

import ssinfer.cohort.cohort
import ssinfer.counterfactual  # noqa: F401
from ssinfer.errors import SsinferError
from ssinfer.guard.isolation import failure, fit_apart


def main() -> None:
    """Start a copy for each connection that arrives; when the parent ends, kill the copies and their processes."""
    control = socket.socket(fileno=os.dup(0))
    started = []
    while (arrived := socket.recv_fds(control, 1, 1))[0]:
        pid = os.fork()
        if not pid:
            control.close()
            with suppress(EOFError, OSError):
                serve(Connection(arrived[1][0]))
            os._exit(0)
        os.close(arrived[1][0])
        started.append(pid)
        control.sendall(pid.to_bytes(8))
    for pid in started:  # no other process can have these numbers, because this one never waited for its copies
        with suppress(OSError):
            os.killpg(pid, signal.SIGKILL)


def serve(channel: Connection) -> None:
    """Answer each request by the result of a fit, in a session of its own and without standard input and output."""
    os.setsid()
    nowhere = os.open(os.devnull, os.O_RDWR)
    for number in range(3):
        os.dup2(nowhere, number)
    copies: list[str] = []
    os.register_at_fork(after_in_parent=lambda: copies.append("the number of its processes"))
    own = os.getpid()
    sys.path[:], name = channel.recv()
    while True:
        message = channel.recv_bytes()
        copies.clear()
        try:
            cf, changed = fit_apart(*pickle.loads(message))  # noqa: S301  (our own bytes)
            answer = pickle.dumps((cf, [*changed, *copies[:1]]))
        except BaseException as error:  # noqa: BLE001  (the parent is told, whatever it is)
            answer = pickle.dumps(error if isinstance(error, SsinferError) else failure(name, error))
        if os.getpid() != own:  # a copy that the fit made of itself comes back from the fit as well
            os._exit(0)
        channel.send_bytes(answer)
