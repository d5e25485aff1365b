"""What a scan says, as values: per file what it is and whether it may be loaded; for all of them together, one word.

Nothing is read here.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum

from pydantic import JsonValue

from cmcore.errors import RefusedError

PERILS_TOLD = 5


class Verdict(StrEnum):
    """SAFE: known, and loading it runs nothing. UNKNOWN: not known, nothing found in it. REFUSED: see the reason."""

    SAFE = "safe"
    UNKNOWN = "unknown"
    REFUSED = "refused"


class Danger(StrEnum):
    """What is wrong with a file. An artifact type may allow all but HOSTILE, which no honest writer makes."""

    PICKLE = "pickle"
    CODE = "code"
    OPAQUE = "opaque"
    HOSTILE = "hostile"


ADVICE: dict[Danger, str] = {
    Danger.PICKLE: "store the model as ONNX, safetensors or skops",
    Danger.CODE: "leave code out of the model and install it as a package",
    Danger.OPAQUE: "store the files uncompressed, or as zip or gzip",
    Danger.HOSTILE: "do not load it; ask who made it",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Peril:
    """One thing found in a file; `where` is a path inside it (`a.zip!b.pkl`) or empty for the file itself."""

    danger: Danger
    what: str
    where: str = ""

    def __str__(self) -> str:
        return f"{self.where}: {self.what}" if self.where else self.what


@dataclass(frozen=True, slots=True, kw_only=True)
class FileFinding:
    """One file of the folder: its format by its bytes, the verdict, and why."""

    path: str
    format: str
    verdict: Verdict
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ScanReport:
    """Every file of a folder in the order of its path. `allowed` are the dangers that were allowed beforehand."""

    files: tuple[FileFinding, ...]
    allowed: tuple[str, ...] = ()
    advice: tuple[str, ...] = ()

    @property
    def safe(self) -> bool:
        """Whether nothing was refused."""
        return not self.refused

    @property
    def refused(self) -> tuple[FileFinding, ...]:
        """The files that must not be loaded."""
        return tuple(file for file in self.files if file.verdict is Verdict.REFUSED)

    @property
    def reasons(self) -> tuple[str, ...]:
        """Why: a sentence for each refused file."""
        return tuple(f"{file.path}: {file.reason}" for file in self.refused)

    def check(self, what: str) -> None:
        """Raise RefusedError that names every file, what it is and what to do; `what` names the whole."""
        if not self.safe:
            raise RefusedError(self.refusal(what), self.reasons)

    def refusal(self, what: str) -> str:
        """That there is something to refuse, and what to do about it."""
        count = len(self.refused)
        held = "a file" if count == 1 else f"{count} files"
        return f"{what} holds {held} that must not be loaded; {'; '.join(self.advice)}"

    def document(self) -> dict[str, JsonValue]:
        """The report as JSON."""
        return {
            "safe": self.safe,
            "allowed": list(self.allowed),
            "files": [
                {"path": file.path, "format": file.format, "verdict": file.verdict.value, "reason": file.reason}
                for file in self.files
            ],
        }


def judged(
    path: str, form: str, perils: Collection[Peril], notes: Collection[str], *, allowed: Collection[str]
) -> FileFinding:
    """The verdict on one file, from what was found in it and what is allowed."""
    refused = [peril for peril in perils if peril.danger not in allowed]
    if refused:
        return FileFinding(
            path=path, format=form, verdict=Verdict.REFUSED, reason=told([str(each) for each in refused])
        )
    reason = told([*(f"{peril} (allowed: {peril.danger})" for peril in perils), *notes])
    known = form != "unknown" or bool(perils)
    return FileFinding(path=path, format=form, verdict=Verdict.SAFE if known else Verdict.UNKNOWN, reason=reason)


def told(sentences: list[str]) -> str:
    """The first few of them; how many more there are."""
    listed = list(dict.fromkeys(sentences))
    rest = len(listed) - PERILS_TOLD
    return "; ".join(listed[:PERILS_TOLD]) + (f"; and {rest} more" if rest > 0 else "")


def advised(perils: Collection[Peril], *, allowed: Collection[str]) -> tuple[str, ...]:
    """What to do about what was refused, each advice once."""
    dangers = {peril.danger for peril in perils if peril.danger not in allowed}
    advice = [ADVICE[danger] for danger in Danger if danger in dangers]
    allowable = [danger.value for danger in Danger if danger in dangers and danger is not Danger.HOSTILE]
    if allowable and Danger.HOSTILE not in dangers:
        advice.append(f"or publish it as an artifact type that allows {' and '.join(allowable)}")
    return tuple(advice)
