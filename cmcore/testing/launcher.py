"""LauncherContract, the tests of every launcher for its author to inherit; and MemoryLauncher, the reference.

Nothing here starts a process: what an attempt does in its process is `cmcore.runtime.attempt`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import pytest
from pydantic import JsonValue

from cmcore.address import Address
from cmcore.components.component import Component, Work
from cmcore.components.context import Channel
from cmcore.runtime.attempt import carry_out
from cmcore.runtime.job import Failure, FailureCode, Job, Outcome, Storage
from cmcore.runtime.launcher import Ended, Launcher, Told
from cmcore.storage.store import PayloadStore
from cmcore.testing import executors

Carry = Callable[[Job, Channel], Outcome | None]
PATIENCE_S = 20.0


class MemoryLauncher:
    """The reference: attempts of this very process, each carried out when it is `heard` of. No threads, no waiting.

    `carry` says how an attempt ends (None: not before it is killed), `choose` which of n running ones ends next, and
    `wait` is called in place of waiting, so that a test can move its clock.
    """

    def __init__(
        self,
        *,
        carry: Carry = carry_out,
        choose: Callable[[int], int] = lambda _: 0,
        wait: Callable[[float], None] = lambda _: None,
    ) -> None:
        self._carry, self._choose, self._wait = carry, choose, wait
        self._running: dict[str, Job] = {}
        self._hanging: set[str] = set()
        self._cancelled: set[str] = set()
        self._events: list[Told | Ended] = []
        self.submitted: list[str] = []
        self.closed = False

    def submit(self, job: Job, work: Work | None = None) -> str:
        """Keep the attempt until it is heard of."""
        assert work is None, "this launcher imports its executors"
        self._running[job.address] = job
        self.submitted.append(job.address)
        return job.address

    def heard(self, timeout_s: float) -> Sequence[Told | Ended]:
        """Let one attempt end; where none can, `wait` in place of waiting."""
        able = [address for address in self._running if address not in self._hanging]
        if not self._events and able:
            self._go_on(able[self._choose(len(able))])
        if not self._events:
            self._wait(timeout_s)
        events, self._events = self._events, []
        return events

    def find(self, address: str) -> str:
        """An attempt is its own handle."""
        return address if address in self._running else ""

    def adopt(self, address: str, handle: str) -> bool:
        """Whether the attempt is here."""
        return bool(handle) and self.find(address) == handle

    def cancel(self, address: str) -> None:
        """The executor will see it."""
        self._cancelled.add(address)

    def kill(self, address: str) -> None:
        """The attempt ends as canceled, without having begun."""
        if self._running.pop(address, None):
            failure = Failure(code=FailureCode.CANCELED, message="it was killed")
            self._events.append(Ended(address=address, outcome=Outcome(address=address, failure=failure)))

    def wake(self) -> None:
        """Nobody waits."""

    def close(self) -> None:
        """Forget what runs."""
        self._running.clear()
        self.closed = True

    def _go_on(self, address: str) -> None:
        outcome = self._carry(self._running[address], _Channel(self, address))
        if outcome is None:
            self._hanging.add(address)
        elif self._running.pop(address, None):
            self._events.append(Ended(address=address, outcome=outcome))


class _Channel:
    """What one attempt says and may ask."""

    def __init__(self, launcher: MemoryLauncher, address: str) -> None:
        self._launcher, self._address = launcher, address

    def report(self, kind: str, data: Mapping[str, JsonValue]) -> None:
        plain: dict[str, JsonValue] = dict(data)
        self._launcher._events.append(Told(address=self._address, kind=kind, data=plain))  # noqa: SLF001 # its other half

    @property
    def cancelled(self) -> bool:
        return self._address in self._launcher._cancelled  # noqa: SLF001 # its other half


def job_for(
    component: Component,
    storage: Storage,
    work_dir: Path,
    *,
    attempt: int = 1,
    **parameters: JsonValue,
) -> Job:
    """The job of one attempt at a component of `cmcore.testing.executors`."""
    address = Address(run="run-1", node=component.name.replace("_", "-"), attempt=attempt)
    defaults = {key: it.default for key, it in component.spec.parameters.items() if not it.required}
    return Job(
        address=str(address),
        executor=component.spec.executor,
        spec=component.spec,
        parameters={**defaults, **parameters},
        storage=storage,
        work_dir=str(work_dir / str(address)),
    )


class LauncherContract:
    """What every launcher keeps to. A subclass gives one fixture, `launcher`; what it yields is closed afterwards.

        class TestMine(LauncherContract):
            @pytest.fixture
            def launcher(self) -> Iterator[Launcher]:
                launcher = MyLauncher(...)
                yield launcher
                launcher.close()

    Its processes must be able to import cmcore and to write under `storage`, by default a temporary folder.
    """

    @pytest.fixture
    def launcher(self) -> Launcher:
        """A launcher with nothing under way."""
        raise NotImplementedError(f"{type(self).__name__} must have a fixture launcher")

    @pytest.fixture
    def storage(self, tmp_path: Path) -> Storage:
        """Where the attempts write."""
        return Storage(root=str(tmp_path / "artifacts"), cache=str(tmp_path / "cache"))

    @pytest.fixture
    def write(self, storage: Storage, tmp_path: Path) -> Job:
        """An attempt that ends well."""
        return job_for(executors.write, storage, tmp_path)

    @pytest.fixture
    def waiting(self, storage: Storage, tmp_path: Path) -> Job:
        """An attempt that works until it is asked to stop."""
        return job_for(executors.wait_for_cancel, storage, tmp_path)

    def test_an_attempt_ends_with_the_outputs_that_its_executor_wrote(self, launcher: Launcher, write: Job) -> None:
        launcher.submit(write)
        assert sorted(end_of(launcher, write).outputs) == ["files", "length"]

    def test_what_was_written_is_sealed_under_the_digest_that_is_told(
        self, launcher: Launcher, write: Job, storage: Storage
    ) -> None:
        launcher.submit(write)
        files = end_of(launcher, write).outputs["files"]
        assert PayloadStore(storage.root).manifest(files.uri).digest == files.digest

    def test_a_value_comes_back_as_it_was_returned(self, launcher: Launcher, write: Job) -> None:
        launcher.submit(write)
        assert end_of(launcher, write).outputs["length"].value == 5

    def test_an_exception_comes_back_as_a_failure_with_its_frame(
        self, launcher: Launcher, storage: Storage, tmp_path: Path
    ) -> None:
        job = job_for(executors.fail, storage, tmp_path, message="no")
        launcher.submit(job)
        failure = end_of(launcher, job).failure
        assert failure is not None
        assert (failure.code, failure.message, "in fail" in failure.frame) == (FailureCode.RAISED, "no", True)

    def test_an_attempt_ends_once(self, launcher: Launcher, write: Job) -> None:
        launcher.submit(write)
        end_of(launcher, write)
        assert list(launcher.heard(0.05)) == []

    def test_reports_are_heard_in_order_and_before_the_end(
        self, launcher: Launcher, storage: Storage, tmp_path: Path
    ) -> None:
        job = job_for(executors.report, storage, tmp_path)
        launcher.submit(job)
        told = [event.data["done"] for event in events_until_end(launcher, job) if isinstance(event, Told)]
        assert told == [1.0, 2.0, 3.0]

    def test_attempts_under_way_together_all_end(self, launcher: Launcher, storage: Storage, tmp_path: Path) -> None:
        jobs = [job_for(executors.write, storage, tmp_path, attempt=number) for number in (1, 2, 3)]
        for job in jobs:
            launcher.submit(job)
        assert sorted(ended(launcher, count=3)) == sorted(job.address for job in jobs)

    def test_the_handle_is_a_text_by_which_the_attempt_is_found(self, launcher: Launcher, waiting: Job) -> None:
        handle = launcher.submit(waiting)
        assert (bool(handle), launcher.find(waiting.address)) == (True, handle)

    def test_an_attempt_that_is_over_is_not_found(self, launcher: Launcher, write: Job) -> None:
        launcher.submit(write)
        end_of(launcher, write)
        assert launcher.find(write.address) == ""

    def test_an_attempt_that_never_was_is_not_found(self, launcher: Launcher) -> None:
        assert launcher.find("run-0/never/1") == ""

    def test_an_attempt_that_never_was_cannot_be_adopted(self, launcher: Launcher) -> None:
        assert not launcher.adopt("run-0/never/1", "12345")

    def test_a_cancel_reaches_an_executor_that_asks(self, launcher: Launcher, waiting: Job) -> None:
        launcher.submit(waiting)
        launcher.cancel(waiting.address)
        assert end_of(launcher, waiting).outputs["cancelled"].value is True

    def test_the_end_of_a_killed_attempt_is_heard(self, launcher: Launcher, waiting: Job) -> None:
        launcher.submit(waiting)
        launcher.kill(waiting.address)
        failure = end_of(launcher, waiting).failure
        assert failure is not None
        assert failure.code is FailureCode.CANCELED

    def test_an_attempt_after_a_kill_ends_well(self, launcher: Launcher, waiting: Job, write: Job) -> None:
        launcher.submit(waiting)
        launcher.kill(waiting.address)
        end_of(launcher, waiting)
        launcher.submit(write)
        assert end_of(launcher, write).failure is None

    def test_asking_to_stop_what_never_was_changes_nothing(self, launcher: Launcher, write: Job) -> None:
        launcher.cancel("run-0/never/1")
        launcher.kill("run-0/never/1")
        launcher.submit(write)
        assert end_of(launcher, write).failure is None

    def test_where_nothing_is_under_way_nothing_is_heard(self, launcher: Launcher) -> None:
        assert list(launcher.heard(0.0)) == []

    def test_a_wake_ends_the_waiting(self, launcher: Launcher) -> None:
        launcher.wake()
        assert list(launcher.heard(PATIENCE_S)) == []

    def test_a_secret_is_not_in_what_is_told(
        self, launcher: Launcher, storage: Storage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("CM_SECRET_CONTRACT", "hunter2-canary")
        job = job_for(executors.leak, storage, tmp_path, token="${secret:contract}")  # noqa: S106 # a reference
        launcher.submit(job)
        assert "hunter2-canary" not in end_of(launcher, job).model_dump_json()


def events_until_end(launcher: Launcher, job: Job) -> list[Told | Ended]:
    """Everything that is heard until the attempt is over; fails the test if that takes too long."""
    events: list[Told | Ended] = []
    for _ in range(1000):
        events += launcher.heard(PATIENCE_S)
        if any(isinstance(event, Ended) and event.address == job.address for event in events):
            return events
    pytest.fail(f"attempt {job.address} did not end; heard {events}")


def end_of(launcher: Launcher, job: Job) -> Outcome:
    """How the attempt ended."""
    return next(event.outcome for event in events_until_end(launcher, job) if isinstance(event, Ended))


def ended(launcher: Launcher, *, count: int) -> list[str]:
    """The addresses of the next so many attempts that end."""
    addresses: list[str] = []
    for _ in range(1000):
        addresses += [event.address for event in launcher.heard(PATIENCE_S) if isinstance(event, Ended)]
        if len(addresses) >= count:
            return addresses
    pytest.fail(f"{count} attempts should have ended; {addresses} did")
