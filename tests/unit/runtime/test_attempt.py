"""One attempt in this process: what is checked before and after the executor's call, and what is left of a failure."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from cmcore import Artifact, Component, Context, OutputArtifact, OutputDict, Secret, component
from cmcore.artifacts import Examples, Files
from cmcore.runtime.attempt import carry_out, clear_away
from cmcore.runtime.inprocess import InProcessLauncher
from cmcore.runtime.job import FailureCode, Given, Job, Outcome, Storage
from cmcore.runtime.local import cause_of_death
from cmcore.testing.launcher import job_for
from tests.unit.components.project_types import Embeddings

Attempt = Callable[..., Outcome]


class Measured(Artifact):
    """An artifact with a number."""

    score: float = 0.0


@component
def set_nan(measured: OutputArtifact[Measured]) -> None:
    measured.score = float("nan")


@component
def set_property(examples: OutputArtifact[Examples]) -> None:
    examples.span = 7


@component
def write_and_raise(files: OutputArtifact[Files]) -> None:
    (files.path / "half").touch()
    raise ValueError


@component
def remark(files: OutputArtifact[Files]) -> None:
    (files.path / "a").touch()
    files.custom_properties["when"] = object()


@component
def measure(context: Context) -> None:
    context.metric("bad\nname", 1.0)


@component
def interrupted() -> None:
    raise KeyboardInterrupt


@component
def exhausted() -> None:
    raise MemoryError


@component
def full(files: OutputArtifact[Files]) -> None:
    raise OSError(28, os.strerror(28))


@component
def count() -> OutputDict(n=int):
    return {"n": True}


@component
def embed(files: OutputArtifact[Embeddings]) -> None:
    (files.path / "a").touch()
    files.dimensions = 3


@component
def show(context: Context, files: OutputArtifact[Files]) -> None:
    (files.path / "a").touch()
    context.text("report", "all went well")


@component
def show_and_raise(context: Context) -> None:
    context.text("report", "half")
    raise ValueError


@component
def ask(context: Context, files: OutputArtifact[Files]) -> None:
    (files.path / "a").touch()
    context.intend("register", output="files", data={"model": "m"})


@pytest.fixture
def storage(tmp_path: Path) -> Storage:
    return Storage(root=str(tmp_path / "artifacts"))


@pytest.fixture
def job(storage: Storage, tmp_path: Path) -> Callable[..., Job]:
    def make(component: Component, **parameters: object) -> Job:
        return job_for(component, storage, tmp_path, **parameters)

    return make


@pytest.fixture
def attempt(job: Callable[..., Job], tmp_path: Path) -> Attempt:
    """How an attempt at a component of this module ends."""

    def carried(component: Component, **parameters: object) -> Outcome:
        return carry_out(job(component, **parameters), InProcessLauncher(folder=tmp_path), component.executor)

    return carried


@pytest.mark.parametrize(
    ("component", "code"),
    [
        (set_nan, FailureCode.OUTPUT_NAN), (remark, FailureCode.BAD_RESULT), (measure, FailureCode.RAISED),
        (interrupted, FailureCode.CANCELED), (exhausted, FailureCode.OUT_OF_MEMORY), (full, FailureCode.STORAGE_FULL),
        (count, FailureCode.BAD_RESULT),
    ],
)  # fmt: skip
def test_every_way_to_fail_has_its_code(attempt: Attempt, component: Component, code: FailureCode) -> None:
    failure = attempt(component).failure
    assert failure is not None
    assert failure.code is code


def test_a_property_alone_is_an_output(attempt: Attempt) -> None:
    assert attempt(set_property).outputs["examples"].properties == {"span": 7, "version": 0, "splits": []}


def test_a_type_of_one_s_own_is_told_by_its_import_path(attempt: Attempt) -> None:
    output = attempt(embed).outputs["files"]
    assert (output.type, output.type_name) == ("tests.unit.components.project_types:Embeddings", "Embeddings")


def test_what_a_failed_attempt_wrote_is_gone(attempt: Attempt, storage: Storage) -> None:
    attempt(write_and_raise)
    assert [path for path in Path(storage.root).rglob("*") if path.is_file()] == []


def test_an_input_that_was_changed_after_its_record_is_refused(
    job: Callable[..., Job], attempt: Attempt, tmp_path: Path
) -> None:
    from cmcore.testing import executors

    output = attempt(set_property).outputs["examples"]
    given = Given(type="Files", uri=output.uri, digest="sha256:" + "0" * 64)
    reading = job(executors.copy).model_copy(update={"inputs": {"files": [given]}})
    failure = carry_out(reading, InProcessLauncher(folder=tmp_path)).failure
    assert failure is not None
    assert failure.code is FailureCode.DIGEST_MISMATCH


def test_properties_that_the_type_does_not_have_are_a_bad_input(
    job: Callable[..., Job], attempt: Attempt, tmp_path: Path
) -> None:
    from cmcore.testing import executors

    output = attempt(set_property).outputs["examples"]
    given = Given(type="Files", uri=output.uri, digest=output.digest, properties={"gone": 1})
    reading = job(executors.copy).model_copy(update={"inputs": {"files": [given]}})
    failure = carry_out(reading, InProcessLauncher(folder=tmp_path)).failure
    assert failure is not None
    assert (failure.code, "gone" in failure.message) == (FailureCode.BAD_INPUT, True)


def test_clearing_away_leaves_nothing_of_an_attempt(job: Callable[..., Job], tmp_path: Path) -> None:
    from cmcore.testing import executors

    attempted = job(executors.write)
    Path(attempted.work_dir).mkdir(parents=True)
    carry_out(attempted, InProcessLauncher(folder=tmp_path))
    clear_away(attempted)
    assert [path for path in (tmp_path / "artifacts").rglob("*") if path.is_file()] == []


def test_a_secret_is_revealed_only_to_the_executor(job: Callable[..., Job]) -> None:
    from cmcore.testing import executors

    assert "${secret:api}" in job(executors.leak, token=str(Secret("api"))).model_dump_json()


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (0, FailureCode.NO_RESULT), (3 << 8, FailureCode.NO_RESULT), (signal.SIGSEGV, FailureCode.CRASHED),
        (signal.SIGABRT, FailureCode.CRASHED), (signal.SIGKILL, FailureCode.OUT_OF_MEMORY),
        (signal.SIGSEGV | 128, FailureCode.CRASHED),
    ],
)  # fmt: skip
def test_the_way_in_which_a_process_ended_has_its_code(status: int, code: FailureCode) -> None:
    assert cause_of_death(int(status))[0] is code


def test_tracked_files_are_an_output_of_their_own(attempt: Attempt) -> None:
    output = attempt(show).outputs["tracked_files"]
    path = Path(output.uri.removeprefix("file://")) / "texts" / "0001-report.txt"
    assert (output.type_name, path.read_text()) == ("TrackedFiles", "all went well")


def test_tracked_files_of_a_failed_attempt_are_gone(attempt: Attempt, storage: Storage) -> None:
    attempt(show_and_raise)
    assert [path for path in Path(storage.root).rglob("*") if path.is_file()] == []


def test_what_the_executor_asks_the_driver_for_is_in_the_outcome(attempt: Attempt) -> None:
    assert [(it.kind, it.output, it.data) for it in attempt(ask).intents] == [("register", "files", {"model": "m"})]
