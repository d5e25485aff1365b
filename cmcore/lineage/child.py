"""ChildLineage: a lineage store whose database client lives in a child process that may crash and is restarted.

For servers that can vanish: ML-Metadata's MySQL client crashes its process after a lost connection, and holds the
interpreter during calls. The calls themselves are `database.py`'s, made in the child.
"""

from __future__ import annotations

import ctypes
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection
from multiprocessing.reduction import ForkingPickler
from operator import methodcaller
from pathlib import Path
from types import MappingProxyType
from typing import TypeVar, cast

from cmcore.errors import CmError, LineageError
from cmcore.lineage.record import ArtifactRecord, ExecutionRecord, RunRecord
from cmcore.lineage.retry import PATIENT, REAL_CLOCK, Clock, RetryPolicy
from cmcore.lineage.url import StoreUrl

T = TypeVar("T")
PR_SET_PDEATHSIG = 1
CHILD_POLICY = RetryPolicy(deadline_s=60.0)
# The path goes first, so that the child runs this very cmcore; -P keeps the current folder out of its imports.
START = "import sys; sys.path.insert(0, sys.argv[1]); from cmcore.lineage.child import serve; serve(int(sys.argv[2]))"

# Records hold any mapping; the read-only view is one that pickle does not know.
ForkingPickler.register(MappingProxyType, lambda view: (dict, (dict(view),)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Opening:
    """What the child is told first: not on its command line, where everybody could read the password."""

    url: str
    blobs: Path
    retry: RetryPolicy
    parent: int


class ChildLineage:
    """A LineageStore in a child process: calls that find the child dead start another and are made again there."""

    def __init__(
        self,
        url: str,
        blobs: Path,
        *,
        retry: RetryPolicy = PATIENT,
        policy: RetryPolicy = CHILD_POLICY,
        clock: Clock = REAL_CLOCK,
    ) -> None:
        self._name = f"lineage store {StoreUrl.parse(url)}"
        self._opening = Opening(url=url, blobs=blobs, retry=retry, parent=os.getpid())
        self._policy, self._clock = policy, clock
        self._lock = threading.RLock()
        self._child: _Child | None = None
        self.restarts = 0

    @property
    def pid(self) -> int:
        """The child's process id; 0 before the first call and after `close`."""
        return self._child.process.pid if self._child else 0

    def open_run(self, run: RunRecord) -> None:
        self._ask(methodcaller("open_run", run), returns=type(None))

    def begin(self, execution: ExecutionRecord) -> None:
        self._ask(methodcaller("begin", execution), returns=type(None))

    def commit(self, execution: ExecutionRecord) -> ExecutionRecord:
        return self._ask(methodcaller("commit", execution), returns=ExecutionRecord)

    def bury(self, names: Sequence[str], *, at: float, reason: str) -> None:
        self._ask(methodcaller("bury", list(names), at=at, reason=reason), returns=type(None))

    def execution(self, name: str) -> ExecutionRecord | None:
        return cast("ExecutionRecord | None", self._ask(methodcaller("execution", name), returns=object))

    def executions(self, run: str, *, limit: int = 100_000) -> list[ExecutionRecord]:
        return self._ask(methodcaller("executions", run, limit=limit), returns=list)

    def cached(self, cache_key: str, *, limit: int = 10) -> list[ExecutionRecord]:
        return self._ask(methodcaller("cached", cache_key, limit=limit), returns=list)

    def node_executions(self, pipeline: str, node: str, *, limit: int = 10) -> list[ExecutionRecord]:
        return self._ask(methodcaller("node_executions", pipeline, node, limit=limit), returns=list)

    def runs(self, *, pipeline: str = "", limit: int = 50) -> list[RunRecord]:
        return self._ask(methodcaller("runs", pipeline=pipeline, limit=limit), returns=list)

    def run(self, run: str) -> RunRecord | None:
        return cast("RunRecord | None", self._ask(methodcaller("run", run), returns=object))

    def artifact(self, name: str) -> ArtifactRecord | None:
        return cast("ArtifactRecord | None", self._ask(methodcaller("artifact", name), returns=object))

    def artifacts_by_uri(self, uri: str) -> list[ArtifactRecord]:
        return self._ask(methodcaller("artifacts_by_uri", uri), returns=list)

    def latest(self, type_name: str, *, pipeline: str = "", limit: int = 100) -> list[ArtifactRecord]:
        return self._ask(methodcaller("latest", type_name, pipeline=pipeline, limit=limit), returns=list)

    def producers(self, artifact: ArtifactRecord) -> list[ExecutionRecord]:
        return self._ask(methodcaller("producers", artifact), returns=list)

    def consumers(self, artifact: ArtifactRecord, *, limit: int = 1000) -> list[ExecutionRecord]:
        return self._ask(methodcaller("consumers", artifact, limit=limit), returns=list)

    def close(self) -> None:
        with self._lock:
            if self._child:
                self._child.end()
            self._child = None

    def _ask(self, call: Callable[[object], object], *, returns: type[T]) -> T:
        """The call's answer from a child that lives; raises what it raised there, or LineageError at the deadline."""
        give_up_at = self._clock.now() + self._policy.deadline_s
        attempt = 0
        while True:
            try:
                with self._lock:
                    answer = self._living().ask(call, timeout_s=max(0.0, give_up_at - self._clock.now()))
                break
            except (EOFError, OSError) as error:
                said = self._buried(error)
                pause_s = self._policy.pause_s(attempt, self._clock.uniform())
                if self._clock.now() + pause_s >= give_up_at:
                    raise LineageError(
                        f"{self._name} did not answer within {self._policy.deadline_s:g} s; its process {said}. "
                        f"The call may have taken effect and can be made again"
                    ) from error
            self._clock.sleep(pause_s)
            attempt += 1
        if isinstance(answer, CmError):
            raise answer
        assert isinstance(answer, returns), f"the store's process answered with {type(answer).__name__}"
        return answer

    def _living(self) -> _Child:
        if self._child is None:
            self._child = _Child(self._opening)
        return self._child

    def _buried(self, error: Exception) -> str:
        """Make sure that the child is gone, count it, and say how it ended."""
        with self._lock:
            if self._child is None:
                return f"could not be started: {error}"
            self.restarts += 1
            status = self._child.end(wait_s=0.0 if isinstance(error, TimeoutError) else 1.0)
            self._child = None
            return f"ended with status {status} ({type(error).__name__})"


class _Child:
    """One child process and the line to it."""

    def __init__(self, opening: Opening) -> None:
        ours, theirs = socket.socketpair()
        root = str(Path(__file__).parents[2])
        with theirs:
            self.process = subprocess.Popen(  # noqa: S603 # our own interpreter and script
                [sys.executable, "-P", "-c", START, root, str(theirs.fileno())],
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                start_new_session=True,  # Ctrl-C is for the driver, who still has to record what it canceled
            )
        self._line = Connection(ours.detach())
        self._line.send(opening)

    def ask(self, call: Callable[[object], object], *, timeout_s: float) -> object:
        """Raises EOFError or OSError (TimeoutError among them) where the child does not answer."""
        self._line.send(call)
        if not self._line.poll(timeout_s):
            raise TimeoutError(f"no answer within {timeout_s:.1f} s")
        return self._line.recv()

    def end(self, *, wait_s: float = 5.0) -> int:
        """The exit status: negative where a signal ended it. A child whose line is closed ends by itself."""
        self._line.close()
        try:
            return self.process.wait(wait_s)
        except subprocess.TimeoutExpired:
            self.process.kill()
            return self.process.wait()


def serve(descriptor: int) -> None:
    """The child's main: answer calls until the parent closes the line or dies."""
    os.environ["GLOG_minloglevel"] = "3"  # noqa: SIM112 # glog's own spelling; each connection and each error, raised here as well, is on stderr otherwise
    from cmcore.lineage.blobs import FolderBlobs
    from cmcore.lineage.database import MlmdLineage

    line = Connection(descriptor)
    opening = cast(Opening, line.recv())
    _die_with(opening.parent)
    store = MlmdLineage(opening.url, FolderBlobs(opening.blobs), retry=opening.retry)
    while True:
        try:
            line.send(_answer(store, line.recv()))
        except (EOFError, ConnectionError):
            return


def _answer(store: object, call: Callable[[object], object]) -> object:
    try:
        return call(store)
    except CmError as error:
        return error
    except Exception as error:  # noqa: BLE001 # the process border: the parent gets an error it can name
        return LineageError(f"the store's process raised {type(error).__name__}: {error}")


def _die_with(parent: int) -> None:
    """Linux kills this process with the thread that started it; a parent that died before that is noticed here."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        raise SystemExit("the parent is gone")
