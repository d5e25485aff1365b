"""The values that cross from the driver to an executor's process and back. JSON both ways; no work here."""

from __future__ import annotations

from enum import StrEnum

from pydantic import BaseModel, ConfigDict, JsonValue

from cmcore.components.intent import Intent
from cmcore.components.spec import ComponentSpec


class Wire(BaseModel):
    """A value on the wire: immutable, unknown keys refused, NaN and infinities kept."""

    model_config = ConfigDict(frozen=True, extra="forbid", ser_json_inf_nan="constants")


class FailureCode(StrEnum):
    """Why an attempt failed; the vocabulary of records, exit messages and retry conditions."""

    RAISED = "RAISED"
    EXITED = "EXITED"
    CRASHED = "CRASHED"
    OUT_OF_MEMORY = "OUT_OF_MEMORY"
    TIMED_OUT = "TIMED_OUT"
    CANCELED = "CANCELED"
    LOST = "LOST"
    NO_RESULT = "NO_RESULT"
    BAD_INPUT = "BAD_INPUT"
    BAD_RESULT = "BAD_RESULT"
    OUTPUT_MISSING = "OUTPUT_MISSING"
    OUTPUT_UNDECLARED = "OUTPUT_UNDECLARED"
    OUTPUT_NAN = "OUTPUT_NAN"
    SECRET_IN_OUTPUT = "SECRET_IN_OUTPUT"  # noqa: S105 # a code, not a secret
    DIGEST_MISMATCH = "DIGEST_MISMATCH"
    EFFECT_REFUSED = "EFFECT_REFUSED"
    STORAGE = "STORAGE"
    STORAGE_FULL = "STORAGE_FULL"


ADVICE: dict[FailureCode, str] = {
    FailureCode.RAISED: "debug it with: cm run {source} --only {node} --in-process --pdb",
    FailureCode.EXITED: "the component called sys.exit or os._exit; return instead, or raise an exception",
    FailureCode.CRASHED: "a library crashed the process; the log has its native stack: cm logs {address}",
    FailureCode.OUT_OF_MEMORY: "raise resources.memory_mib of the node, or read less at once",
    FailureCode.TIMED_OUT: "raise timeout_s of the node, or look where it hangs: cm logs {address}",
    FailureCode.CANCELED: "go on with: cm resume {run}",
    FailureCode.LOST: "its driver died; go on with: cm resume {run}",
    FailureCode.NO_RESULT: "the process ended without an answer; look at: cm logs {address}",
    FailureCode.BAD_INPUT: "mend what the node is given, then: cm resume {run}",
    FailureCode.BAD_RESULT: "return what the component declares",
    FailureCode.OUTPUT_MISSING: "write every declared output: a file under its .path, or a property",
    FailureCode.OUTPUT_UNDECLARED: "declare the output in the component's signature, or do not return it",
    FailureCode.OUTPUT_NAN: "mend the computation, or declare the output allow_nan (AllowNaN[float])",
    FailureCode.SECRET_IN_OUTPUT: "do not write the secret's value; pass its reference on",
    FailureCode.DIGEST_MISMATCH: "an input was changed after it was published; run its node again with --refresh",
    FailureCode.EFFECT_REFUSED: "mend what the message names, then: cm resume {run}",
    FailureCode.STORAGE: "look at the artifact store, then: cm resume {run}",
    FailureCode.STORAGE_FULL: "free space (cm gc --dry-run), then: cm resume {run}",
}


class Failure(Wire):
    """Why an attempt failed: the code, the exception, the first frame of the user's own code, the whole traceback."""

    code: FailureCode
    message: str
    exception: str = ""
    frame: str = ""
    traceback: str = ""


class Given(Wire):
    """An artifact as an executor's process needs it."""

    type: str
    name: str = ""
    uri: str
    digest: str
    properties: dict[str, JsonValue] = {}
    custom: dict[str, JsonValue] = {}
    imported: bool = False


class Storage(Wire):
    """Where payloads lie, in words that another process understands."""

    root: str
    cache: str = ""
    options: dict[str, JsonValue] = {}
    verify: str = "auto"


class Job(Wire):
    """One attempt, complete: what an executor's process needs to carry it out.

    Every `system_metrics_s` seconds CPU, memory and GPU are read; 0 means never.
    `imported` is the URI of data that is fingerprinted where it lies instead of being made.
    """

    address: str
    executor: str
    spec: ComponentSpec
    inputs: dict[str, list[Given]] = {}
    parameters: dict[str, JsonValue] = {}
    storage: Storage
    roots: list[str] = []
    work_dir: str = ""
    memory_mib: int = 0
    system_metrics_s: float = 0.0
    imported: str = ""


class Output(Wire):
    """One sealed output; `type` is how documents write its type, `value` what a value output holds (bytes are
    not repeated here)."""

    type: str
    type_name: str
    system_type: str = ""
    derives_from: list[str] = []
    uri: str
    digest: str
    size: int
    imported: bool = False
    properties: dict[str, JsonValue] = {}
    custom: dict[str, JsonValue] = {}
    has_value: bool = False
    value: JsonValue = None


class Outcome(Wire):
    """How an attempt ended: outputs by key and what the driver is asked to do, or a failure."""

    address: str
    outputs: dict[str, Output] = {}
    metrics: dict[str, float] = {}
    intents: list[Intent] = []
    failure: Failure | None = None
    duration_s: float = 0.0
