"""A process is found again by what was noted of it, and by nothing that merely looks like it."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from cmcore.errors import ServingError
from cmcore_triton import server_process
from cmcore_triton.local_server import differences, free_port, is_free
from cmcore_triton.server_process import (
    ServerRecord,
    alive,
    arguments_of,
    birth,
    command_line,
    end,
    found_by,
    locked,
    read_record,
    spawn,
    write_record,
)  # fmt: skip

PORTS = {"http": 1, "grpc": 2, "metrics": 3}


def sleeper(folder: Path, seconds: int = 60) -> int:
    code = "import sys, time; time.sleep(float(sys.argv[1]))"
    return spawn([sys.executable, "-c", code, str(seconds), f"--in={folder}"], os.environ, folder / "log")


@pytest.fixture
def record(tmp_path: Path) -> Iterator[ServerRecord]:
    pid = sleeper(tmp_path)
    found = ServerRecord(pid=pid, born=birth(pid), **PORTS)
    yield found
    end(found, 5.0)


def test_a_record_is_read_as_it_was_written(record: ServerRecord, tmp_path: Path) -> None:
    write_record(tmp_path / "server.json", record)
    assert read_record(tmp_path / "server.json") == record


def test_there_is_no_record_before_the_first(tmp_path: Path) -> None:
    assert read_record(tmp_path / "server.json") is None


def test_a_damaged_record_says_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "server.json").write_text("{")
    with pytest.raises(ServingError, match="delete it"):
        read_record(tmp_path / "server.json")


def test_a_process_that_runs_is_alive(record: ServerRecord) -> None:
    assert alive(record)


def test_another_process_of_the_same_number_is_not_it(record: ServerRecord) -> None:
    assert not alive(record.model_copy(update={"born": record.born + "0"}))


def test_a_record_without_a_process_is_not_alive() -> None:
    assert not alive(ServerRecord(**PORTS))


def test_a_process_that_ended_is_not_alive_though_nobody_waited_for_it(record: ServerRecord) -> None:
    os.kill(record.pid, 9)
    time.sleep(0.2)
    assert not alive(record)


def test_a_process_whose_number_was_not_noted_is_found_by_its_argument(record: ServerRecord, tmp_path: Path) -> None:
    assert found_by(f"--in={tmp_path}") == record.pid


def test_a_process_that_just_starts_its_program_is_found_too(
    record: ServerRecord, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: dict[int, int] = {}

    def late(pid: int) -> str:
        told[pid] = told.get(pid, 0) + 1
        return command_line(pid) if told[pid] > 3 else ""

    monkeypatch.setattr(server_process, "command_line", late)
    assert found_by(f"--in={tmp_path}") == record.pid


def test_a_process_is_found_right_after_its_start(tmp_path: Path) -> None:
    arguments: list[tuple[str, ...]] = []
    for _ in range(100):
        pid = spawn(["/bin/sleep", "60"], os.environ, tmp_path / "log")
        arguments.append(arguments_of(pid, time.monotonic() + 5.0))
        end(ServerRecord(pid=pid, born=birth(pid), **PORTS), 5.0)
    assert set(arguments) == {("/bin/sleep", "60")}


def test_nothing_is_found_by_an_argument_that_no_process_has(record: ServerRecord) -> None:
    assert found_by("--in=nowhere") == 0


def test_looking_for_a_process_leaves_the_ends_of_others_to_those_who_wait_for_them() -> None:
    with subprocess.Popen(["/bin/false"]) as other:
        os.waitid(os.P_PID, other.pid, os.WEXITED | os.WNOWAIT)
        assert (found_by("--in=nowhere"), birth(other.pid), other.wait()) == (0, "", 1)


def test_a_process_that_ended_is_waited_for_by_who_started_it(record: ServerRecord) -> None:
    os.kill(record.pid, 9)
    os.waitid(os.P_PID, record.pid, os.WEXITED | os.WNOWAIT)
    assert (alive(record), Path(f"/proc/{record.pid}").exists()) == (False, False)


def test_a_process_is_in_a_session_of_its_own(record: ServerRecord) -> None:
    assert os.getsid(record.pid) == record.pid


def test_a_process_that_does_not_want_to_end_is_ended(tmp_path: Path) -> None:
    code = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(60)"
    pid = spawn([sys.executable, "-c", code], os.environ, tmp_path / "log")
    record = ServerRecord(pid=pid, born=birth(pid), **PORTS)
    time.sleep(0.5)  # it becomes deaf first
    end(record, 0.2)
    assert not alive(record)


def test_a_program_that_cannot_be_started_is_named(tmp_path: Path) -> None:
    with pytest.raises(ServingError, match="/nowhere/triton cannot be started"):
        spawn(["/nowhere/triton"], os.environ, tmp_path / "log")


def test_a_lock_is_held_by_one(tmp_path: Path) -> None:
    with (
        locked(tmp_path / "lock", 1.0),
        pytest.raises(ServingError, match="starting or stopping"),
        locked(tmp_path / "lock", 0.1),
    ):
        pass


def test_a_lock_is_given_back(tmp_path: Path) -> None:
    with locked(tmp_path / "lock", 1.0):
        pass
    with locked(tmp_path / "lock", 0.1) as nothing:
        assert nothing is None


def test_a_free_port_can_be_listened_on() -> None:
    assert is_free("127.0.0.1", free_port("127.0.0.1", but=()))


def test_differences_name_what_runs_and_what_is_asked_for() -> None:
    assert differences(("a", "--x=1"), ("a", "--x=2")) == ["--x=1 (runs)", "--x=2 (asked)"]
