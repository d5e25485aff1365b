"""Must-show 11: however a component lets a secret slip, its value is in no file, no record, no event and no output."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

import pytest

from cmcore import Project
from cmcore.components.secret import spellings
from cmcore.events import Event
from cmcore.runtime.run import RunResult
from cmcore.runtime.states import NodeState
from cmcore.stack import RunOptions
from cmcore.state.journal import Journal

pytestmark = pytest.mark.integration

CANARY = "c4nary-7b1e0d5f9a"
QUOTED = 'it\'s "quoted" \\ tab\tc4nary'
SLIPS = [
    "prints", "prints_letter_by_letter", "prints_much_around_it", "raises", "raises_it_at_the_cut",
    "raises_it_in_a_note", "raises_its_repr", "raises_a_class_of_that_name", "logs", "reports_progress", "measures",
    "starts_a_process_that_prints", "leaves_a_process_that_prints_later", "prints_and_crashes", "prints_and_exits",
    "prints_and_hangs", "returns_it", "returns_it_inside", "returns_it_as_the_wrong_type", "returns_it_as_bytes",
    "writes_it", "writes_it_as_a_name", "writes_it_and_raises", "writes_it_and_crashes", "remarks_it",
    "scratches_and_crashes", "scratches",
]  # fmt: skip
REFUSED = ["returns_it", "returns_it_inside", "returns_it_as_bytes", "writes_it", "writes_it_as_a_name", "remarks_it"]


@dataclass(frozen=True, kw_only=True)
class Traces:
    """Everything that a run left behind: bytes of files by path, events, records, what the driver printed."""

    files: dict[str, bytes]
    events: list[Event]
    records: str
    printed: str
    result: RunResult


Left = Callable[[str], Traces]


@pytest.fixture
def secret(monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("CM_SECRET_CANARY", CANARY)
    return CANARY


@pytest.fixture
def quoted_secret(monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("CM_SECRET_CANARY", QUOTED)
    return QUOTED


@pytest.fixture
def left(workload: Callable[[str], ModuleType], tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> Left:
    """What a run of one component leaves."""
    module = workload("secretive")

    def run(name: str) -> Traces:
        heard: list[Event] = []
        with Project(tmp_path, environment={}) as project:
            pipeline, options = module.alone(module.SLIPS[name]), RunOptions(listen=heard.append)
            result = project.run(pipeline, source=Path(module.__file__), options=options)
            records = repr(project.lineage.executions(result.run)) + repr(project.lineage.runs())
            heard += Journal(project.database).read()
        printed = "".join(capfd.readouterr())
        files = {str(path): path.read_bytes() for path in (tmp_path / ".cm").rglob("*") if path.is_file()}
        return Traces(files=files, events=heard, records=records, printed=printed, result=result)

    return run


def slips_in(files: dict[str, bytes], secret: str) -> list[str]:
    """The files that hold the secret, in their bytes or in their name."""
    return [path for path, content in files.items() if secret.encode() in content or secret in path]


def test_every_slip_is_looked_at(workload: Callable[[str], ModuleType]) -> None:
    assert sorted(workload("secretive").SLIPS) == sorted(SLIPS)


@pytest.mark.parametrize("name", SLIPS)
def test_a_secret_leaves_no_trace(left: Left, secret: str, name: str) -> None:
    traces = left(name)
    said = repr(traces.events) + traces.records + traces.printed + repr(traces.result)
    assert (slips_in(traces.files, secret), secret in said) == ([], False)


@pytest.mark.parametrize("name", ["prints", "raises_its_repr", "logs", "returns_it_inside", "writes_it"])
def test_a_secret_that_must_be_quoted_leaves_no_trace_either(left: Left, quoted_secret: str, name: str) -> None:
    traces = left(name)
    found = [path for spelling in spellings(quoted_secret) for path in slips_in(traces.files, spelling)]
    assert (found, quoted_secret in repr(traces.events) + traces.records + traces.printed) == ([], False)


@pytest.mark.parametrize("name", REFUSED)
def test_an_output_with_a_secret_in_it_is_refused_by_name(left: Left, secret: str, name: str) -> None:
    failure = left(name).result.nodes["slip"].failure
    assert failure is not None
    assert failure.code == "SECRET_IN_OUTPUT"


def test_what_was_blotted_out_still_reads(left: Left, secret: str) -> None:
    traces = left("prints")
    (log,) = [content for path, content in traces.files.items() if path.endswith("slip.1.log")]
    assert b"the token is [secret]" in log


@pytest.mark.parametrize("name", ["prints_and_crashes", "prints_and_exits"])
def test_the_last_words_of_a_crash_are_kept_without_the_secret(left: Left, secret: str, name: str) -> None:
    traces = left(name)
    (log,) = [content for path, content in traces.files.items() if path.endswith("slip.1.log")]
    assert b"last words [secret]" in log


def test_a_line_that_was_logged_stands_in_the_log(left: Left, secret: str) -> None:
    traces = left("logs")
    (log,) = [content for path, content in traces.files.items() if path.endswith("slip.1.log")]
    assert log == b"using [secret]\n"


def test_a_process_that_stays_does_not_hold_the_attempt_up(left: Left, secret: str) -> None:
    assert left("leaves_a_process_that_prints_later").result.nodes["slip"].state is NodeState.COMPLETE


def test_a_secret_that_is_not_set_is_named(left: Left) -> None:
    failure = left("prints").result.nodes["slip"].failure
    assert failure is not None
    assert (failure.code, "$CM_SECRET_CANARY" in failure.message) == ("BAD_INPUT", True)
