from __future__ import annotations

import os
from pathlib import Path

import pytest

from cmcore.address import Address
from cmcore.runtime.logs import CAP_BYTES, AttemptLog, drain, log_path, log_paths, tail

ADDRESS = Address(run="run-1", node="train", attempt=2)


@pytest.fixture
def log(tmp_path: Path) -> AttemptLog:
    return AttemptLog(log_path(tmp_path, ADDRESS))


def test_an_attempt_that_prints_nothing_has_no_file(log: AttemptLog) -> None:
    log.close()
    assert not log.path.exists()


def test_what_was_printed_is_kept_byte_by_byte(log: AttemptLog) -> None:
    log.write(b"caf\xe9 ")
    log.write(b"\xff\n")
    log.close()
    assert log.path.read_bytes() == b"caf\xe9 \xff\n"


def test_beyond_the_cap_only_the_number_of_bytes_is_kept(log: AttemptLog) -> None:
    log.write(b"x" * (CAP_BYTES - 1))
    log.write(b"yz")
    log.write(b"z" * 10)
    log.close()
    assert log.path.read_bytes()[CAP_BYTES - 1 :] == b"y\n[11 bytes more were printed and not kept]\n"


def test_lines_that_are_no_text_can_be_shown(log: AttemptLog) -> None:
    log.write(b"a\ncaf\xe9\n")
    log.close()
    assert list(tail(log.path, 1)) == ["caf\\xe9"]


def test_the_logs_of_a_node_are_found_by_attempt(tmp_path: Path) -> None:
    for attempt in (2, 1):
        log = AttemptLog(log_path(tmp_path, Address(run="r", node="a", attempt=attempt)))
        log.write(b"x")
        log.close()
    assert [path.name for path in log_paths(tmp_path, "r", "a")] == ["a.1.log", "a.2.log"]


def test_a_pipe_that_is_never_empty_is_not_drained_for_ever(log: AttemptLog) -> None:
    zeros = os.open("/dev/zero", os.O_RDONLY)
    drain(zeros, log)
    os.close(zeros)
    log.close()
    assert log.path.stat().st_size <= CAP_BYTES + 100


def test_with_patience_what_comes_late_is_waited_for(log: AttemptLog) -> None:
    reading, writing = os.pipe2(os.O_NONBLOCK)
    os.write(writing, b"last words")
    os.close(writing)
    drain(reading, log, patience_s=0.01)
    os.close(reading)
    log.close()
    assert log.path.read_bytes() == b"last words"
