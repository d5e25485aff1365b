"""Arena: a project with a run, a registered model and a version of data, and canaries around every root of it."""

from __future__ import annotations

import os
import re
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from cmcore.cli.main import run
from cmcore.errors import CmError
from tests.integration.security.watch import Seen, outside, watching

REFUSALS = (64, 65, 66, 74, 77)
LONG_AGO = (1_000_000_000, 1_000_000_001)  # read before it was last written: relatime notes the next reading
OURS = re.compile(r"^/dev/null$|/__pycache__(/|$)")  # written by the interpreter


@dataclass(frozen=True, kw_only=True)
class Canary:
    """A file that nobody may touch; its content is a token that must come out nowhere."""

    path: Path
    token: str

    @classmethod
    def laid(cls, folder: Path, name: str) -> Canary:
        canary = cls(path=folder / name, token=f"CANARY_{uuid.uuid4().hex}")
        folder.mkdir(parents=True, exist_ok=True)
        canary.path.write_text(canary.token + "\n")
        os.utime(canary.path, LONG_AGO)
        return canary

    def rearm(self) -> None:
        """Forget that it was touched, so that one harm is told once."""
        if not self.untouched:
            self.path.write_text(self.token + "\n")
            os.utime(self.path, LONG_AGO)

    @property
    def untouched(self) -> bool:
        """Whether nobody has read or written it since."""
        state = self.path.lstat()
        read = state.st_atime != LONG_AGO[0]
        return not read and state.st_mtime == LONG_AGO[1] and state.st_size == len(self.token) + 1


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What came of an attack: an exit code, everything that was said, and what was done."""

    code: int
    said: str
    seen: Seen


@dataclass(frozen=True, kw_only=True)
class Arena:
    """Everything lies below `root`; attacks may touch only `project` and `scratch`."""

    root: Path
    project: Path
    run: str = ""
    uri: str = ""
    digest: str = ""
    canaries: list[Canary] = field(default_factory=list)

    @property
    def artifacts(self) -> Path:
        """The root of payloads."""
        return self.project / ".cm" / "artifacts"

    def at_cli(self, arguments: Sequence[str], capfd: pytest.CaptureFixture[str]) -> Outcome:
        """A command line, in this process."""
        capfd.readouterr()
        with watching() as seen:
            code = run(["--project", str(self.project), *arguments])
        said = capfd.readouterr()
        return Outcome(code=code, said=said.out + said.err, seen=seen)

    def at_python(self, call: Callable[[], object]) -> Outcome:
        """A call; an error of ours is the exit code that it would be, any other is a defect (70)."""
        with watching() as seen:
            try:
                answer, code = call(), 0
            except CmError as error:
                answer, code = error, error.exit_code
            except Exception as error:  # whatever it is, it is not a refusal
                answer, code = repr(error), 70
        return Outcome(code=code, said=str(answer), seen=seen)

    def assert_refused(self, outcome: Outcome, codes: Sequence[int] = REFUSALS) -> None:
        """It was refused in good order, and nothing else happened."""
        assert outcome.code in codes, f"exit {outcome.code}: {outcome.said[:600]}"
        assert "Traceback" not in outcome.said
        self.assert_unharmed(outcome)

    def assert_unharmed(self, outcome: Outcome) -> None:
        """Nothing outside was read, written, run or told."""
        harm = {
            "told": [canary.path for canary in self.canaries if canary.token in outcome.said],
            "touched": [canary.path for canary in self.canaries if not canary.untouched],
            "written": [path for path in outside(outcome.seen.written, self.project) if not OURS.search(path)],
            "executed": outcome.seen.executed,
            "connected": outcome.seen.connected,
        }
        for canary in self.canaries:
            canary.rearm()
        found = {what: list(map(str, places)) for what, places in harm.items() if places}
        assert not found, str(found)
