"""Components that are given a secret and let it slip, one way each. No tests here."""

from __future__ import annotations

import ctypes
import json
import os
import subprocess
import sys
import time
from pathlib import Path

from cmcore import Component, Context, OutputArtifact, OutputDict, Parameter, Pipeline, Secret, component
from cmcore.artifacts import Files
from cmcore.pipelines.build import building

Token = Parameter[Secret[str]]


@component
def prints(token: Token) -> None:
    print("the token is", token.reveal())
    print(token.reveal(), file=sys.stderr)


@component
def prints_letter_by_letter(token: Token) -> None:
    for letter in token.reveal():
        os.write(1, letter.encode())
        time.sleep(0.001)


@component
def prints_much_around_it(token: Token) -> None:
    for _ in range(40):
        os.write(1, b"x" * 65_531 + token.reveal().encode())


@component
def raises(token: Token) -> None:
    raise ValueError(f"cannot log in with {token.reveal()}")


@component
def raises_it_at_the_cut(token: Token) -> None:
    raise ValueError("x" * 19_990 + token.reveal())


@component
def raises_it_in_a_note(token: Token) -> None:
    error = KeyError("login")
    error.add_note(token.reveal())
    raise error


@component
def raises_its_repr(token: Token) -> None:
    raise KeyError(token.reveal())


@component
def raises_a_class_of_that_name(token: Token) -> None:
    raise type(token.reveal(), (Exception,), {})


@component
def logs(token: Token, context: Context) -> None:
    context.log(f"using {token.reveal()}")


@component
def reports_progress(token: Token, context: Context) -> None:
    context.progress(1, 2, f"with {token.reveal()}")


@component
def measures(token: Token, context: Context) -> None:
    context.metric(token.reveal(), 1.0)


@component
def starts_a_process_that_prints(token: Token) -> None:
    subprocess.run([sys.executable, "-c", "import sys; print(sys.argv[1])", token.reveal()], check=True)


@component
def leaves_a_process_that_prints_later(token: Token) -> None:
    script = "import sys, time; time.sleep(0.3); print(sys.argv[1], flush=True); time.sleep(100)"
    subprocess.Popen([sys.executable, "-c", script, token.reveal()])


@component
def prints_and_crashes(token: Token) -> None:
    print("last words", token.reveal(), flush=True)
    ctypes.string_at(0)


@component
def prints_and_exits(token: Token) -> None:
    os.write(1, b"last words " + token.reveal().encode())
    os._exit(0)


@component
def prints_and_hangs(token: Token) -> None:
    print(token.reveal(), flush=True)
    time.sleep(600)


@component
def returns_it(token: Token) -> OutputDict(text=str):
    return {"text": token.reveal()}


@component
def returns_it_inside(token: Token) -> OutputDict(found=dict[str, list[str]]):
    return {"found": {"headers": [f"Bearer {token.reveal()}"]}}


@component
def returns_it_as_the_wrong_type(token: Token) -> OutputDict(score=float):
    return {"score": token.reveal()}


@component
def returns_it_as_bytes(token: Token) -> OutputDict(raw=bytes):
    return {"raw": token.reveal().encode()}


@component
def writes_it(token: Token, files: OutputArtifact[Files]) -> None:
    (files.path / "config.json").write_text(json.dumps({"token": token.reveal()}))


@component
def writes_it_as_a_name(token: Token, files: OutputArtifact[Files]) -> None:
    (files.path / token.reveal()).write_text("x")


@component
def writes_it_and_raises(token: Token, files: OutputArtifact[Files]) -> None:
    (files.path / "config").write_text(token.reveal())
    raise ValueError("after the write")


@component
def writes_it_and_crashes(token: Token, files: OutputArtifact[Files]) -> None:
    (files.path / "config").write_text(token.reveal())
    ctypes.string_at(0)


@component
def remarks_it(token: Token, files: OutputArtifact[Files]) -> None:
    (files.path / "a").touch()
    files.custom_properties["source"] = f"https://{token.reveal()}@example.org"


@component
def scratches_and_crashes(token: Token, context: Context) -> None:
    Path(context.work_dir, "netrc").write_text(token.reveal())
    ctypes.string_at(0)


@component
def scratches(token: Token, context: Context) -> None:
    Path(context.work_dir, "netrc").write_text(token.reveal())


def alone(slip: Component) -> Pipeline:
    """The one component with the secret `canary`."""
    with building("secretive") as builder:
        slip(token=Secret("canary")).named("slip").options(timeout_s=1.0)
    return builder.built("", {})


SLIPS = {name: value for name, value in vars().items() if isinstance(value, Component)}
