"""From an exception to a Failure: which frame is the user's own, and what is worth saying. Pure."""

from __future__ import annotations

import sysconfig
import traceback
from collections.abc import Sequence
from pathlib import Path

from cmcore.components.secret import spellings
from cmcore.runtime.job import Failure, FailureCode

OURS = str(Path(__file__).parents[1])
LIBRARIES = tuple(sysconfig.get_paths()[name] for name in ("stdlib", "platstdlib", "purelib", "platlib"))
LONGEST = 20_000
BLOT = "[secret]"


def failure_of(error: BaseException, code: FailureCode, secrets: Sequence[str] = ()) -> Failure:
    """The failure that an exception means, with every secret blotted out before anything is cut."""
    text = blotted("".join(traceback.format_exception(error)), secrets)
    return Failure(
        code=code,
        message=blotted(said(error) or type(error).__name__, secrets)[:LONGEST],
        exception=blotted(type(error).__name__, secrets),
        frame=blotted(user_frame(traceback.extract_tb(error.__traceback__)), secrets),
        traceback=text if len(text) <= LONGEST else f"{text[: LONGEST // 2]}\n[...]\n{text[-LONGEST // 2 :]}",
    )


def said(error: BaseException) -> str:
    """What an exception says; its own `__str__` may be broken."""
    try:
        return str(error)
    except Exception as second:  # noqa: BLE001 # the border: any author's code may stand there
        return f"(its text cannot be had: {type(second).__name__})"


def blotted(text: str, secrets: Sequence[str]) -> str:
    """Text that any store takes, with every spelling of every secret replaced."""
    for secret in secrets:
        for spelling in spellings(secret):
            text = text.replace(spelling, BLOT)
    return text.encode(errors="backslashreplace").decode()


def user_frame(frames: traceback.StackSummary) -> str:
    """The innermost frame that is neither cmcore's nor a library's, as `file:line in function`; else the innermost."""
    own = [frame for frame in frames if not frame.filename.startswith((OURS, *LIBRARIES, "<frozen"))]
    chosen = own[-1] if own else frames[-1] if frames else None
    return f"{chosen.filename}:{chosen.lineno} in {chosen.name}" if chosen else ""
