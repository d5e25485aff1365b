"""Reproductions where payloads lie in an object store, and ones that are interrupted."""

from __future__ import annotations

import json
import signal
import subprocess
from collections.abc import Iterator

import fsspec
import pytest

from tests.integration.provenance.project_of_words import Loud, verdicts
from tests.integration.storage.conftest import started

pytestmark = pytest.mark.integration

BUCKET = "payloads"


@pytest.fixture
def options(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, object]]:
    """Options of an artifact store on a real S3 server, whose bucket exists."""
    pytest.importorskip("s3fs", reason="needs the extra cmcore[s3]")
    pytest.importorskip("moto", reason="needs moto[server] for a local S3 server")
    server, port = started(tmp_path_factory.mktemp("s3") / "server.log")
    found: dict[str, object] = {"key": "local", "secret": "local", "endpoint_url": f"http://127.0.0.1:{port}"}
    try:
        fsspec.filesystem("s3", skip_instance_cache=True, **found).mkdir(BUCKET)
        yield found
    finally:
        server.terminate()
        server.wait(10)


@pytest.fixture
def in_s3(loud: Loud, options: dict[str, object]) -> Loud:
    """The project with its payloads in the bucket."""
    settings = {"kind": "Project", "stack": {"artifacts": {"root": f"s3://{BUCKET}/cm", "options": options}}}
    (loud.folder / "cm.yaml").write_text(json.dumps(settings))
    return loud


def test_payloads_of_a_reproduction_lie_beside_those_of_runs_and_are_taken_away(
    in_s3: Loud, options: dict[str, object]
) -> None:
    in_s3.run()
    report = in_s3.reproduced(in_s3.run())
    found = verdicts(report)
    store = fsspec.filesystem("s3", skip_instance_cache=True, **options)
    assert (found["previous"], found["compare"], found["measure"]) == ("given", "equal", "equal")
    assert store.glob(f"{BUCKET}/cm/.reproductions/**") == []


def test_an_interrupted_reproduction_leaves_nothing(loud: Loud) -> None:
    steps = loud.folder / "steps.py"
    steps.write_text(steps.read_text().replace("now = time.time_ns()", "time.sleep(1.5)\n    now = time.time_ns()"))
    run = loud.run()
    command = [*loud.cm, "reproduce", run]
    with subprocess.Popen(
        command, cwd=loud.folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        assert process.stdout is not None
        next(line for line in process.stdout if "stamp" in line)
        process.send_signal(signal.SIGINT)
        process.stdout.read()
    assert process.returncode == 130
    assert list((loud.folder / ".cm" / "reproductions").iterdir()) == []
