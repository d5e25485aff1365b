"""Carrying out one attempt in the process it runs in: load, bind, call, check, seal. Records nothing."""

from __future__ import annotations

import errno
import os
import shutil
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from pydantic import ValidationError

from cmcore.address import Address
from cmcore.artifacts import Artifact, TrackedFiles, ValueArtifact, has_nan
from cmcore.components.component import Bound, Component, Work, call, component_or_work
from cmcore.components.context import Channel, Context
from cmcore.components.secret import Secret, spellings
from cmcore.components.signature import as_dict
from cmcore.components.spec import ComponentSpec, OutputSpec, adapter_of, checked_parameters, first_error
from cmcore.components.types import artifact_reference, artifact_type
from cmcore.errors import CmError, ConfigError, StorageError, UsageError
from cmcore.failpoint import failpoint
from cmcore.runtime.blame import failure_of
from cmcore.runtime.job import FailureCode, Given, Job, Outcome, Output
from cmcore.runtime.remarks import Fault, fault_in, fault_in_intents, properties
from cmcore.storage.errors import DigestMismatchError, SecretFoundError, StorageFullError
from cmcore.storage.location import DECLARED, is_local, local_path
from cmcore.storage.manifest import Manifest
from cmcore.storage.payload import OutputPayload
from cmcore.storage.store import PayloadStore
from cmcore.storage.verify import VerifyMode
from cmcore.tracked import TRACKED_FILES


class AttemptError(CmError):
    """An attempt that cannot succeed, with the code it is recorded under."""

    def __init__(self, code: FailureCode, message: str) -> None:
        self.code = code
        super().__init__(message)


def carry_out(
    job: Job, channel: Channel, work: Work | None = None, on_error: Callable[[BaseException], None] | None = None
) -> Outcome:
    """The outcome of one attempt; never raises. `work` is given where the executor cannot be imported.

    `on_error` sees an exception while its frames are still there.
    """
    started = time.monotonic()
    secrets: list[str] = []
    try:
        store = store_of(job)
        if job.imported:
            outcome = Outcome(address=job.address, outputs=fingerprinted(job, store))
        else:
            outcome = worked(job, store, channel, work, secrets)
        return outcome.model_copy(update={"duration_s": time.monotonic() - started})
    except BaseException as error:  # noqa: BLE001 # the border: whatever an executor does is recorded, SystemExit too
        if on_error is not None:
            on_error(error)
        failure = failure_of(error, code_of(error), secrets)
        print(failure.traceback, file=sys.stderr, flush=True)  # noqa: T201 # the last lines of the attempt's log
        return Outcome(address=job.address, failure=failure, duration_s=time.monotonic() - started)


def store_of(job: Job) -> PayloadStore:
    """Where a job's payloads lie."""
    cache = Path(job.storage.cache) if job.storage.cache else None
    return PayloadStore(job.storage.root, cache=cache, options=job.storage.options)


def clear_away(job: Job) -> None:
    """Delete what an attempt left whose process died before it could: scratch files, outputs that nobody recorded."""
    shutil.rmtree(job.work_dir, ignore_errors=True)
    store, address = store_of(job), Address.parse(job.address)
    for key in (*job.spec.outputs, TRACKED_FILES):
        with suppress(StorageError):
            store.remove(store.uri_of(address, key))


def worked(job: Job, store: PayloadStore, channel: Channel, work: Work | None, secrets: list[str]) -> Outcome:
    """Call the executor and seal what it wrote; fills `secrets` with the values that must appear nowhere."""
    import_roots(job.roots)
    try:
        found = work or component_or_work(job.executor)
        executor = found.work if isinstance(found, Component) else found
        spec = found.spec if isinstance(found, Component) and same_keys(found.spec, job.spec) else job.spec
        parameters = checked_parameters(spec, job.parameters)
        secrets += [value.reveal() for value in parameters.values() if isinstance(value, Secret)]
        inputs = bound_inputs(job, store)
    except (UsageError, ConfigError) as error:
        raise AttemptError(FailureCode.BAD_INPUT, str(error)) from error
    address = Address.parse(job.address)
    payloads = {key: store.output(address, key) for key in job.spec.outputs}
    outputs = bound_outputs(spec, payloads, address)
    kept = KeptFiles(store, address)
    context = Context(channel=channel, work_dir=Path(job.work_dir), name=address.slot, keep=kept.keep)
    try:
        written = {key: output for key, output in outputs.items() if not spec.outputs[key].is_value}
        with only_in_this_process():
            returned = call(executor, inputs=inputs, outputs=written, parameters=parameters, context=context)
        values = checked_values(spec, returned)
        refuse(fault_in(spec, outputs, values, context.metrics, secrets))
        refuse(fault_in_intents(context.intents, secrets))
        for key, value in values.items():
            output = outputs[key]
            assert isinstance(output, ValueArtifact)
            output.write(value)  # type: ignore[arg-type] # checked to have a JSON form or to be bytes
        failpoint("payload-written")
        forbidden = [spelling.encode() for secret in secrets for spelling in spellings(secret)]
        manifests = {key: payload.seal(forbidden) for key, payload in payloads.items()}
        sealed = {key: sealed_output(key, outputs[key], manifest, values) for key, manifest in manifests.items()}
        sealed |= kept.sealed(forbidden)
    except BaseException:
        for payload in payloads.values():
            payload.discard()
        kept.discard()
        raise
    failpoint("manifest-written")
    return Outcome(address=job.address, outputs=sealed, metrics=context.metrics, intents=context.intents)


class KeptFiles:
    """The files that an attempt tracks: a payload of their own, begun with the first of them."""

    def __init__(self, store: PayloadStore, address: Address) -> None:
        self._store, self._address = store, address
        self._payload: OutputPayload | None = None

    def keep(self, path: str, content: bytes) -> None:
        """Write one file."""
        if self._payload is None:
            self._payload = self._store.output(self._address, TRACKED_FILES)
        target = self._payload.path / path
        target.parent.mkdir(exist_ok=True)
        target.write_bytes(content)

    def sealed(self, forbidden: Sequence[bytes]) -> dict[str, Output]:
        """The output that they make, if there are any."""
        if self._payload is None:
            return {}
        artifact = TrackedFiles().bound(self._payload)
        return {TRACKED_FILES: sealed_output(TRACKED_FILES, artifact, self._payload.seal(forbidden), {})}

    def discard(self) -> None:
        """Delete them: the attempt failed."""
        if self._payload is not None:
            self._payload.discard()


@contextmanager
def only_in_this_process() -> Iterator[None]:
    """A child that the executor forked and let return ends here: only the process that was asked may answer."""
    pid = os.getpid()
    try:
        yield
    finally:
        if os.getpid() != pid:
            os._exit(0)


def refuse(fault: Fault | None) -> None:
    """Raise AttemptError for what cannot be recorded."""
    if fault is not None:
        raise AttemptError(*fault)


def import_roots(roots: list[str]) -> None:
    """Put the project's folders where imports look first."""
    for root in reversed(roots):
        if root not in sys.path:
            sys.path.insert(0, root)


def bound_inputs(job: Job, store: PayloadStore) -> dict[str, Bound]:
    """The input artifacts as the executor gets them: one, None or a list."""
    bound: dict[str, Bound] = {}
    mode = VerifyMode(job.storage.verify)
    for key, declared in job.spec.inputs.items():
        artifacts = [input_artifact(given, store, mode) for given in job.inputs.get(key, [])]
        bound[key] = artifacts if declared.list else artifacts[0] if artifacts else None
    return bound


def input_artifact(given: Given, store: PayloadStore, mode: VerifyMode) -> Artifact:
    """One input with its recorded properties and its bytes, if they still are what was recorded."""
    try:
        artifact = artifact_type(given.type).model_validate(given.properties)
    except ValidationError as error:
        raise AttemptError(FailureCode.BAD_INPUT, f"properties of {given.name}: {first_error(error)}") from error
    artifact.custom_properties.update(given.custom)
    known = None if given.digest.startswith(DECLARED) else given.digest
    if known and not given.imported:
        verdict = store.verify(given.uri, known, mode)
        if not verdict.ok:
            raise DigestMismatchError(verdict.reason)
    payload = store.input(given.uri, known, imported=given.imported)
    return artifact.bound(payload, digest=given.digest, name=given.name)


def bound_outputs(spec: ComponentSpec, payloads: Mapping[str, OutputPayload], address: Address) -> dict[str, Artifact]:
    """The output artifacts over empty folders at the attempt's own final URIs."""
    return {
        key: spec.outputs[key].artifact_type().bound(payload, name=f"{address}/{key}/0")
        for key, payload in payloads.items()
    }


def same_keys(one: ComponentSpec, other: ComponentSpec) -> bool:
    """Whether a component's own spec can stand in for the one that it was planned with, which is only its text."""
    return (one.arguments, list(one.outputs)) == (other.arguments, list(other.outputs))


def checked_values(spec: ComponentSpec, returned: object) -> dict[str, object]:
    """The declared values among what was returned, validated; raises AttemptError with the code of what is wrong."""
    try:
        given = as_dict(returned)
    except UsageError as error:
        raise AttemptError(FailureCode.BAD_RESULT, f"{spec.name} {error}") from error
    declared = {key: output for key, output in spec.outputs.items() if output.is_value}
    if extra := [key for key in given if key not in declared]:
        raise AttemptError(
            FailureCode.OUTPUT_UNDECLARED,
            f"{spec.name} returned {', '.join(map(repr, extra))}; it declares {', '.join(declared) or 'no values'}",
        )
    if missing := [key for key in declared if key not in given]:
        raise AttemptError(
            FailureCode.OUTPUT_MISSING,
            f"{spec.name} did not return {', '.join(map(repr, missing))}, which it declares",
        )
    return {key: checked_value(spec.name, key, output, given[key]) for key, output in declared.items()}


def checked_value(name: str, key: str, spec: OutputSpec, value: object) -> object:
    """One returned value in its declared type and in JSON form; bytes stay bytes."""
    adapter = adapter_of(spec.annotation)
    try:
        checked = adapter.validate_python(value, strict=True)
        dumped = checked if isinstance(checked, bytes) else adapter.dump_python(checked, mode="json")
    except ValidationError as error:
        raise AttemptError(
            FailureCode.BAD_RESULT, f"{name} returned {key!r} as {type(value).__name__}, declared {spec.type}: "
            f"{first_error(error)}"
        ) from error  # fmt: skip
    if has_nan(dumped) and not spec.allow_nan:
        raise AttemptError(
            FailureCode.OUTPUT_NAN, f"{name} returned {key!r} = {value!r}, which is not allowed to be NaN"
        )
    return dumped


def sealed_output(key: str, artifact: Artifact, manifest: Manifest, values: Mapping[str, object]) -> Output:
    """One output after its seal; an artifact without a file and without a property was not written."""
    if not manifest.files and not artifact.model_fields_set:
        raise AttemptError(FailureCode.OUTPUT_MISSING, f"output {key!r} was not written: no file, no property")
    value = values.get(key)
    return Output(
        type=artifact_reference(type(artifact)),
        type_name=artifact.type_name,
        system_type=artifact.system_type,
        derives_from=artifact.parents(),
        uri=artifact.uri,
        digest=manifest.digest,
        size=manifest.total_size,
        properties=properties(artifact),
        custom=artifact.custom_properties,
        has_value=key in values and not isinstance(value, bytes),
        value=None if isinstance(value, bytes) else value,
    )


def fingerprinted(job: Job, store: PayloadStore) -> dict[str, Output]:
    """Data that others own as an output: its digest is declared, or computed where it lies."""
    artifact = job.spec.outputs["artifact"].artifact_type
    declared = str(job.parameters.get("fingerprint") or "")
    if is_local(job.imported) and not Path(local_path(job.imported)).exists():
        asked, found = job.parameters["uri"], local_path(job.imported)
        raise AttemptError(FailureCode.BAD_INPUT, f"the importer reads {asked!r}, but {found} does not exist")
    manifest = None if declared else store.fingerprint(job.imported)
    try:
        imported = artifact.model_validate(job.parameters.get("properties") or {})
    except ValidationError as error:
        raise AttemptError(FailureCode.BAD_INPUT, f"properties of {job.imported}: {first_error(error)}") from error
    return {
        "artifact": Output(
            type=artifact_reference(artifact),
            type_name=artifact.type_name,
            system_type=artifact.system_type,
            uri=job.imported,
            digest=manifest.digest if manifest else f"{DECLARED}{declared}",
            size=manifest.total_size if manifest else 0,
            imported=True,
            properties=properties(imported),
        )
    }


def code_of(error: BaseException) -> FailureCode:
    """The failure code of an exception."""
    match error:
        case AttemptError():
            return error.code
        case MemoryError():
            return FailureCode.OUT_OF_MEMORY
        case SystemExit():
            return FailureCode.EXITED
        case KeyboardInterrupt():
            return FailureCode.CANCELED
        case OSError() if error.errno in (errno.ENOSPC, errno.EDQUOT):
            return FailureCode.STORAGE_FULL
        case StorageFullError() | SecretFoundError() | DigestMismatchError():
            return FailureCode(error.code)
        case StorageError():
            return FailureCode.STORAGE
        case _:
            return FailureCode.RAISED
