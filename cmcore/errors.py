"""Every error that cmcore raises on purpose.

    CmError                     exit code 1
    +-- DocumentError           65  a document is wrong; carries every problem with its position
    +-- UsageError              64  a call or a command line that cannot mean anything
    +-- ConfigError             78  project, stack or environment cannot be used
    +-- PluginError             78  a plugin is missing, broken or refused
    +-- LineageError            74  the record of what happened cannot be read or written
    |   +-- ConflictError       74  a second, different outcome for an execution that has one
    +-- StorageError            74  a payload cannot be written, read or trusted
    +-- StateError              74  the state database cannot be used
    |   +-- LeaseHeldError      75  somebody else runs this; names the holder
    |   +-- LeaseLostError      75  we ran it, and somebody took over
    |   +-- OutdatedError       75  a compare-and-set lost: somebody changed it meanwhile; names who and to what
    +-- RefusedError            77  policy, approvals, gates or a scan say no; names every reason
    +-- TrackerError            69  a tracker cannot be reached now; what it should get stays in the log
    +-- ServingError            69  a serving backend cannot be reached or used now; no model is to blame
    |   +-- ModelRefusedError   70  a server has looked at a model and will not serve it; says why
    +-- InferenceError          65  a request for a prediction was refused or failed; `status` says how
    +-- NotFoundError           66  the run, node, artifact, model or version asked for does not exist
    +-- RunFailedError           1  a run ended with failed nodes

Exit codes follow sysexits.h where it has a fitting one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum


class CmError(Exception):
    """Root of all errors that cmcore raises on purpose."""

    exit_code = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One thing wrong in one place of a document; line and column count from 1, 0 means unknown."""

    message: str
    path: str = "$"
    file: str = ""
    line: int = 0
    column: int = 0
    hint: str = ""

    def __str__(self) -> str:
        where = ":".join(str(part) for part in (self.file, self.line, self.column) if part)
        hint = f" ({self.hint})" if self.hint else ""
        return f"{where}{': ' if where else ''}{self.message}{hint} @ {self.path}"


class DocumentError(CmError):
    """A document is wrong; `problems` has all of them, in the order of the text."""

    exit_code = 65

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(str(problem) for problem in self.problems))


class UsageError(CmError):
    """A call or a command line that cannot mean anything."""

    exit_code = 64


class ConfigError(CmError):
    """The project, the stack or the environment cannot be used as it is."""

    exit_code = 78


class PluginError(CmError):
    """A plugin is missing, broken or refused."""

    exit_code = 78


class LineageError(CmError):
    """The record of what happened cannot be read or written."""

    exit_code = 74


class ConflictError(LineageError):
    """An execution already has an outcome, and it is not the one that was offered."""


class StorageError(CmError):
    """A payload cannot be written, read or trusted."""

    exit_code = 74


class StateError(CmError):
    """The state database cannot be used."""

    exit_code = 74


class LeaseHeldError(StateError):
    """Somebody else holds the lease; the message names the holder."""

    exit_code = 75


class LeaseLostError(StateError):
    """The lease was ours, and somebody else has taken it: nothing more may be written."""

    exit_code = 75


class OutdatedError(StateError):
    """A compare-and-set lost: what was to be replaced is no longer there; the message says who changed it, to what."""

    exit_code = 75


class RefusedError(CmError):
    """Policy, approvals, gates or a scan say no; `reasons` has all of them."""

    exit_code = 77

    def __init__(self, message: str, reasons: Sequence[str] = ()) -> None:
        self.reasons = tuple(reasons)
        super().__init__("\n  ".join([message, *self.reasons]))


class TrackerError(CmError):
    """A tracker cannot be reached now; to be tried again, nothing is lost."""

    exit_code = 69


class ServingError(CmError):
    """A serving backend cannot be reached or used now; to be tried again, and no model is to blame."""

    exit_code = 69


class ModelRefusedError(ServingError):
    """A server has looked at a model and will not serve it; trying again without a change is of no use."""

    exit_code = 70


class InferenceStatus(StrEnum):
    """What became of a request that was not answered, whatever the protocol: HTTP's and gRPC's codes come to these."""

    INVALID = "invalid"
    NOT_FOUND = "not found"
    UNAVAILABLE = "unavailable"
    TIMEOUT = "timeout"
    FAILED = "failed"


INFERENCE_EXIT_CODES = {
    InferenceStatus.UNAVAILABLE: 69, InferenceStatus.TIMEOUT: 69, InferenceStatus.FAILED: 70,
}  # fmt: skip


class InferenceError(CmError):
    """A request for a prediction was refused or failed; `status` says how, the message is the server's own."""

    def __init__(self, message: str, status: InferenceStatus) -> None:
        self.status = status
        self.exit_code = INFERENCE_EXIT_CODES.get(status, 65)
        super().__init__(message)


class NotFoundError(CmError):
    """The run, node, artifact, model or version asked for does not exist."""

    exit_code = 66


class RunFailedError(CmError):
    """A run ended with failed nodes; the message names them, the cause and the next step."""
