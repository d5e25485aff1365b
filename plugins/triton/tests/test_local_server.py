"""A local server outlives who started it, is found again, and comes back on the same ports."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from cmcore.errors import ServingError
from cmcore.inference.client import RestClient
from cmcore.serving.backend import ServedState
from cmcore.testing.serving_models import TinyModels, to_double
from cmcore_triton.backend import TritonBackend
from cmcore_triton.local_server import LocalServer
from cmcore_triton.options import TritonOptions
from cmcore_triton.server_process import ServerRecord, alive

pytestmark = pytest.mark.integration
OPTIONS = TritonOptions(stop_timeout_s=1.0, log_mib=1)
START = """
import os, pathlib, sys
from cmcore_triton.backend import TritonBackend
from cmcore_triton.options import TritonOptions
backend = TritonBackend(pathlib.Path(sys.argv[1]), TritonOptions(stop_timeout_s=1.0, log_mib=1))
backend.start()
print(backend.models() == {}, flush=True)
os.kill(os.getpid(), 9)
"""


def starter(folder: Path) -> subprocess.Popen[str]:
    """Another process that starts the server of the folder and is killed then."""
    return subprocess.Popen([sys.executable, "-c", START, str(folder)], stdout=subprocess.PIPE, text=True)


def record_of(folder: Path) -> ServerRecord:
    record = LocalServer(folder, OPTIONS).running()
    assert record is not None
    return record


def shared_memory(folder: Path) -> list[Path]:
    return list(Path("/dev/shm").glob(f"{LocalServer(folder, OPTIONS).key}_*"))


def kill(folder: Path) -> ServerRecord:
    """The server is killed; its record as it was."""
    record = record_of(folder)
    os.kill(record.pid, signal.SIGKILL)
    while alive(record):
        time.sleep(0.01)
    return record


@pytest.fixture
def backend(tmp_path: Path) -> Iterator[TritonBackend]:
    """A backend over the folder `triton`, not started."""
    backend = TritonBackend(tmp_path / "triton", OPTIONS)
    yield backend
    backend.stop()
    backend.close()


@pytest.fixture
def folder(backend: TritonBackend, tmp_path: Path) -> Path:
    """The backend's folder."""
    return tmp_path / "triton"


def test_before_the_first_start_there_is_nobody_to_ask(backend: TritonBackend) -> None:
    with pytest.raises(ServingError, match="has been started yet"):
        backend.models()


def test_a_server_outlives_the_process_that_started_it(backend: TritonBackend, folder: Path) -> None:
    starter(folder).communicate(timeout=60)
    assert backend.models() == {}


def test_two_processes_that_start_at_once_start_one_server(backend: TritonBackend, folder: Path) -> None:
    told = [process.communicate(timeout=60)[0].strip() for process in [starter(folder), starter(folder)]]
    key = f"--id={LocalServer(folder, OPTIONS).key}"
    servers = [process.pid for process in psutil.process_iter(["cmdline"]) if key in (process.info["cmdline"] or ())]
    assert (told, len(servers)) == (["True", "True"], 1)


def test_a_server_whose_number_was_never_noted_is_found(backend: TritonBackend, folder: Path) -> None:
    backend.start()
    record = record_of(folder)
    forgotten = record.model_copy(update={"pid": 0, "born": ""})
    (folder / "server.json").write_text(forgotten.model_dump_json())
    backend.start()
    assert record_of(folder) == record


def test_beside_a_server_whose_record_is_gone_no_second_one_is_started(backend: TritonBackend, folder: Path) -> None:
    backend.start()
    record = (folder / "server.json").read_text()
    (folder / "server.json").unlink()
    try:
        with pytest.raises(ServingError, match=r"runs as process \d+.*End that process"):
            TritonBackend(folder, OPTIONS).start()
    finally:
        (folder / "server.json").write_text(record)


def test_a_server_that_is_just_ending_is_started_anew(backend: TritonBackend, folder: Path) -> None:
    backend.start()
    before = record_of(folder)

    def answers(record: ServerRecord) -> bool:
        if record == before:
            os.kill(before.pid, signal.SIGKILL)
            return False
        return RestClient(f"http://127.0.0.1:{record.http}").live()

    LocalServer(folder, OPTIONS).start(answers)
    assert (record_of(folder).ports, record_of(folder).pid == before.pid) == (before.ports, False)


def test_ports_on_which_no_server_has_answered_are_not_kept(folder: Path, backend: TritonBackend) -> None:
    wrong = TritonBackend(folder, OPTIONS.model_copy(update={"arguments": ("--no-such-argument",)}))
    with pytest.raises(ServingError, match="has ended"):
        wrong.start()
    with socket.create_server(("127.0.0.1", LocalServer(folder, OPTIONS).ports()[0])):
        backend.start()
    assert backend.models() == {}


def test_ports_on_which_a_server_has_answered_are_kept_when_a_start_fails(folder: Path, backend: TritonBackend) -> None:
    backend.start()
    before = record_of(folder)
    backend.stop()
    wrong = TritonBackend(folder, OPTIONS.model_copy(update={"arguments": ("--no-such-argument",)}))
    with pytest.raises(ServingError, match="has ended"):
        wrong.start()
    backend.start()
    assert record_of(folder).ports == before.ports


def test_a_killed_server_comes_back_on_the_same_ports(backend: TritonBackend, folder: Path) -> None:
    backend.start()
    before = kill(folder)
    backend.start()
    assert (record_of(folder).ports, record_of(folder).pid == before.pid) == (before.ports, False)


def test_a_killed_server_leaves_no_processes(backend: TritonBackend, folder: Path, tiny: TinyModels) -> None:
    backend.start()
    backend.place(tiny.doubling("m"))
    backend.load("m")
    kill(folder)
    backend.start()
    assert LocalServer(folder, OPTIONS).stubs_left() == []


def test_a_killed_server_leaves_no_shared_memory(backend: TritonBackend, folder: Path, tiny: TinyModels) -> None:
    backend.start()
    backend.place(tiny.doubling("m"))
    backend.load("m")
    kill(folder)
    left = len(shared_memory(folder))
    backend.start()
    assert (left > 0, shared_memory(folder)) == (True, [])


def test_what_was_placed_can_be_loaded_after_a_kill(backend: TritonBackend, folder: Path, tiny: TinyModels) -> None:
    backend.start()
    backend.place(tiny.doubling("m"))
    backend.load("m")
    kill(folder)
    backend.start()
    backend.load("m")
    assert backend.infer("m", to_double([[1, 2]])).output("y").data == (2.0, 4.0)


def test_a_stopped_server_leaves_nothing(backend: TritonBackend, folder: Path, tiny: TinyModels) -> None:
    backend.start()
    backend.place(tiny.doubling("m"))
    backend.load("m")
    record = record_of(folder)
    backend.stop()
    assert (alive(record), LocalServer(folder, OPTIONS).stubs_left(), shared_memory(folder)) == (False, [], [])


def test_a_server_with_other_options_is_left_as_it_is(backend: TritonBackend, folder: Path) -> None:
    backend.start()
    another = TritonBackend(folder, TritonOptions(stop_timeout_s=1.0, response_cache_mib=1))
    with pytest.raises(ServingError, match=r"runs with other options.*--cache-config=local,size=1048576 \(asked\)"):
        another.start()
    assert backend.models() == {}


def test_a_port_that_somebody_else_has_is_named(folder: Path, backend: TritonBackend) -> None:
    backend.start()
    taken = record_of(folder).http
    another = TritonBackend(folder.with_name("another"), TritonOptions(http_port=taken))
    with pytest.raises(ServingError, match=f"port {taken} is taken"):
        another.start()


def test_a_server_that_ends_at_once_is_refused_with_its_log(tmp_path: Path) -> None:
    wrong = TritonBackend(tmp_path / "wrong", TritonOptions(arguments=("--no-such-argument",)))
    with pytest.raises(ServingError, match=r"has ended right after its start.*no-such-argument"):
        wrong.start()


def test_the_log_keeps_within_its_size(backend: TritonBackend, folder: Path) -> None:
    backend.start()
    with (folder / "triton.log").open("a") as log:
        log.write("x" * 2**20)
    backend.models()
    assert (folder / "triton.log").stat().st_size < 2**20


def test_a_model_is_lost_with_its_server(backend: TritonBackend, folder: Path, tiny: TinyModels) -> None:
    backend.start()
    backend.place(tiny.doubling("m"))
    backend.load("m")
    kill(folder)
    backend.start()
    assert backend.models()["m"].state is ServedState.UNAVAILABLE
