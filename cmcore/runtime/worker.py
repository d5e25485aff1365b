"""A worker: a process that carries out one attempt after the other until its socket closes."""

from __future__ import annotations

import faulthandler
import os
import select
import shutil
import socket
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from pydantic import JsonValue, ValidationError

from cmcore.components.component import Work
from cmcore.components.secret import Secret, spellings
from cmcore.errors import ConfigError
from cmcore.runtime.attempt import carry_out
from cmcore.runtime.blame import BLOT, blotted
from cmcore.runtime.job import Failure, FailureCode, Job, Outcome
from cmcore.runtime.wire import Message, receive, send


class WorkerChannel:
    """What the executor says goes to the driver; whether it should stop is read from the same socket."""

    def __init__(self, sock: socket.socket, address: str, secrets: Sequence[str] = ()) -> None:
        self._socket, self._address, self._secrets, self._cancelled = sock, address, secrets, False

    def report(self, kind: str, data: Mapping[str, JsonValue]) -> None:
        """Send a report; lines for the log are printed too. A driver that is gone ends this process anyway."""
        clean: Message = {
            blotted(key, self._secrets): blotted(value, self._secrets) if isinstance(value, str) else value
            for key, value in data.items()
        }
        with suppress(OSError, ValueError):
            if kind == "log":
                print(clean["message"], flush=True)  # noqa: T201 # the log is what this process prints
            send(self._socket, {"kind": kind, "address": self._address, "data": clean})

    @property
    def cancelled(self) -> bool:
        """Whether the driver has asked this attempt to stop."""
        if not self._cancelled and select.select([self._socket], [], [], 0)[0]:
            message = receive(self._socket)
            self._cancelled = message is None or message.get("kind") == "cancel"
        return self._cancelled


def serve(sock: socket.socket) -> None:
    """Carry out jobs until the driver closes the socket."""
    with suppress(OSError):
        while (message := receive(sock)) is not None:
            if message.get("kind") == "job":
                send(sock, done(message, sock))


def done(message: Message, sock: socket.socket) -> Message:
    """The answer to a job."""
    try:
        job = Job.model_validate(message["job"])
    except ValidationError as error:
        failure = Failure(code=FailureCode.BAD_INPUT, message=f"the job is not understood: {error}")
        return {"kind": "outcome", "outcome": Outcome(address="", failure=failure).model_dump_json()}
    outcome = guarded(job, WorkerChannel(sock, job.address, secret_values(job)))
    return {"kind": "outcome", "address": job.address, "outcome": outcome.model_dump_json()}


def guarded(job: Job, channel: WorkerChannel, work: Work | None = None) -> Outcome:
    """Carry a job out with its secrets filtered out of what it prints."""
    with filtered_output(forbidden(secret_values(job))):
        outcome = carry_out(job, channel, work)
        flush()
    shutil.rmtree(job.work_dir, ignore_errors=True)
    return outcome


def forbidden(secrets: Sequence[str]) -> list[bytes]:
    """The byte strings that nobody may read: every spelling of every secret, longest first."""
    found = {spelling.encode() for secret in secrets for spelling in spellings(secret)}
    return sorted(found, key=len, reverse=True)


def secret_values(job: Job) -> list[str]:
    """The secrets that a job will see, longest first; one that cannot be found is the attempt's failure."""
    values: list[str] = []
    for name in job.spec.secrets_in(dict(job.parameters)):
        with suppress(ConfigError):
            values.append(Secret[str](name).reveal())
    return sorted(filter(None, values), key=len, reverse=True)


@contextmanager
def filtered_output(secrets: list[bytes]) -> Iterator[None]:
    """While secrets are about, what this process and its children print passes through a process that blots them out.

    A process of its own, because a crash of this one must not lose the last words, nor let them out unread. It goes
    on for as long as a process that the executor left behind can print; a mark tells where the attempt itself ended.
    """
    if not secrets:
        yield
        return
    flush()
    mark = os.urandom(16).hex().encode()
    reading, writing = os.pipe()
    reached, reaching = os.pipe()
    if (between := os.fork()) == 0:
        if os.fork() == 0:
            os.setsid()  # whoever kills this process's group must not kill its last words
            os.close(writing)
            os.close(reached)
            blot_out(reading, secrets, mark, reaching)
        os._exit(0)  # so that the filter is nobody's child here, and leaves no zombie
    os.waitpid(between, 0)
    os.close(reading)
    os.close(reaching)
    kept = [os.dup(1), os.dup(2)]
    os.dup2(writing, 1)
    os.dup2(writing, 2)
    try:
        yield
    finally:
        flush()
        os.write(writing, mark)
        os.close(writing)
        for fd, original in zip((1, 2), kept, strict=True):
            os.dup2(original, fd)
            os.close(original)
        os.read(reached, 1)
        os.close(reached)


def blot_out(reading: int, secrets: list[bytes], mark: bytes, reaching: int) -> None:
    """Copy a pipe to standard output until it closes, with every secret replaced, across chunk borders too."""
    multiline = any(b"\n" in secret for secret in secrets)
    longest, kept = max(map(len, [*secrets, mark])), b""
    while chunk := os.read(reading, 65_536):
        kept += chunk
        before, found, after = kept.partition(mark)
        if found:
            _write_all(blotted_bytes(before, secrets))
            kept = after
            os.write(reaching, b".")
        kept = blotted_bytes(kept, secrets)
        ready = max(0 if multiline else kept.rfind(b"\n") + 1, len(kept) - longest + 1)
        _write_all(kept[:ready])
        kept = kept[ready:]
    _write_all(kept)


def blotted_bytes(content: bytes, secrets: list[bytes]) -> bytes:
    """Bytes with every secret replaced."""
    for secret in secrets:
        content = content.replace(secret, BLOT.encode())
    return content


def _write_all(content: bytes) -> None:
    while content:
        content = content[os.write(1, content) :]


def flush() -> None:
    """Empty Python's buffers, so that lines stand in the log of the attempt that printed them."""
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError, AttributeError):
            stream.flush()


def main(sock: socket.socket, output: int) -> None:
    """A worker's whole life, right after its fork."""
    os.dup2(output, 1)
    os.dup2(output, 2)
    with Path(os.devnull).open("rb") as nothing:
        os.dup2(nothing.fileno(), 0)
    sys.stdout = os.fdopen(1, "w", buffering=1, encoding="utf-8", errors="backslashreplace", closefd=False)
    sys.stderr = os.fdopen(2, "w", buffering=1, encoding="utf-8", errors="backslashreplace", closefd=False)
    faulthandler.enable(file=sys.stderr)
    os.environ["CM_WORKER"] = "1"
    serve(sock)
