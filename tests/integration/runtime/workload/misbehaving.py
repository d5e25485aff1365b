"""Components that do what components must not do, one way each, and the pipelines that run them. No tests here."""

from __future__ import annotations

import ctypes
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

from cmcore import AllowNaN, Component, InputArtifact, OutputArtifact, OutputDict, Parameter, Pipeline, component
from cmcore.artifacts import Files
from cmcore.pipelines.build import building

MIB = 1024 * 1024


@component
def raises() -> None:
    raise ValueError("as asked")


@component
def raises_deep_in_a_library() -> None:
    int("not a number".zfill(20))


@component
def hangs() -> None:
    time.sleep(600)


@component
def hangs_and_ignores_everything() -> None:
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    time.sleep(600)


@component
def stops_itself() -> None:
    os.kill(os.getpid(), signal.SIGSTOP)


@component
def exits_at_once() -> None:
    os._exit(0)


@component
def exits() -> None:
    sys.exit(0)


@component
def segfaults() -> None:
    ctypes.string_at(0)


@component
def aborts() -> None:
    os.abort()


@component
def is_terminated() -> None:
    os.kill(os.getpid(), signal.SIGTERM)


@component
def recurses() -> None:
    recurses.executor()


@component
def exhausts_memory() -> None:
    held = []
    for _ in range(3000):
        held.append(bytearray(os.urandom(4096) * 256))
        time.sleep(0.001)


@component
def prints_a_gigabyte() -> None:
    chunk = b"x" * (MIB - 1) + b"\n"
    for _ in range(1024):
        os.write(1, chunk)


@component
def prints_bytes_that_are_no_text() -> None:
    os.write(1, b"caf\xe9 \xff\xfe\x00\n")
    print("\udcff lone surrogate")


@component
def writes_no_output(model: OutputArtifact[Files]) -> None:
    del model


@component
def returns_no_value() -> OutputDict(score=float):
    return None


@component
def returns_an_undeclared_value() -> OutputDict(score=float):
    return {"score": 1.0, "bonus": 2.0}


@component
def returns_the_wrong_type() -> OutputDict(score=float):
    return {"score": "high"}


@component
def returns_no_names() -> OutputDict(score=float):
    return 0.5


@component
def returns_nan() -> OutputDict(score=float):
    return {"score": float("nan")}


@component
def returns_an_allowed_nan() -> OutputDict(score=AllowNaN[float]):
    return {"score": float("nan")}


@component
def returns_half_a_character() -> OutputDict(text=str):
    return {"text": "\ud800"}


@component
def returns_100_megabytes() -> OutputDict(text=str):
    return {"text": "x" * (100 * MIB)}


@component
def sets_a_property_that_cannot_be_recorded(model: OutputArtifact[Files]) -> None:
    model.custom_properties["tfx_version"] = "mine"
    (model.path / "a").touch()


@component
def deletes_its_output_folder(model: OutputArtifact[Files]) -> None:
    shutil.rmtree(model.path)


@component
def leaves_an_output_open(model: OutputArtifact[Files]) -> None:
    leaves_an_output_open.executor.held = model.open("a", "wb")


@component
def writes_garbage_to_its_sockets() -> None:
    for fd in sockets():
        os.write(fd, b"GET / HTTP/1.1\r\n\r\n")


@component
def announces_a_message_that_never_comes() -> None:
    for fd in sockets():
        os.write(fd, (10_000_000).to_bytes(4, "big"))


@component
def answers_in_its_own_words() -> None:
    from cmcore.runtime.wire import send

    for fd in sockets():
        send(socket.socket(fileno=os.dup(fd)), {"kind": "outcome"})
    time.sleep(600)


@component
def closes_everything() -> None:
    os.closerange(0, 256)


@component
def raises_what_cannot_be_pickled() -> None:
    class OddError(Exception):
        def __reduce__(self) -> object:
            raise TypeError("not even this")

    raise OddError(threading.Lock())


@component
def raises_what_cannot_be_printed() -> None:
    class MuteError(Exception):
        def __str__(self) -> str:
            raise RuntimeError("no text")

    raise MuteError


@component
def raises_half_a_character() -> None:
    raise ValueError("\udcff")


@component
def raises_10_megabytes() -> None:
    raise ValueError("x" * (10 * MIB))


@component
def forks_and_lets_the_child_return() -> OutputDict(pid=int):
    os.fork()
    return {"pid": os.getpid()}


@component
def leaves_a_daemon(log: Parameter[str]) -> None:
    started = subprocess.Popen(["sleep", "1000"], start_new_session=True)
    Path(log).write_text(str(started.pid))


@component
def leaves_a_child_that_prints_for_ever(log: Parameter[str]) -> None:
    started = subprocess.Popen(["yes"])
    Path(log).write_text(str(started.pid))


@component
def innocent() -> OutputDict(done=bool):
    return {"done": True}


@component
def reads(model: InputArtifact[Files]) -> None:
    list(model.path.iterdir())


def sockets() -> list[int]:
    """The descriptors of this process that are sockets."""
    found = [int(entry.name) for entry in Path("/proc/self/fd").iterdir()]
    return [fd for fd in found if fd > 2 and is_socket(fd)]


def is_socket(fd: int) -> bool:
    try:
        return str(Path(f"/proc/self/fd/{fd}").readlink()).startswith("socket:")
    except OSError:
        return False


def with_a_neighbour(bad: Component, arguments: dict[str, object], options: dict[str, object]) -> Pipeline:
    """The bad component, then on the same single worker an innocent one that does not need it."""
    with building("misbehaving") as builder:
        builder.add(bad, arguments).named("bad").options(on_failure="continue", cache="off", **options)
        innocent().named("innocent").options(cache="off")
    return builder.built("", {})
