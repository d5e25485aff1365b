"""InfraValidator on a real Triton: who is blessed and who is not, why, and that nothing is left over."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import textwrap
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from cmcore import importer, pipeline
from cmcore.artifacts import InfraBlessing, Model
from cmcore.cli.endpoint_preview import preview
from cmcore.errors import ConfigError, ServingError
from cmcore.hooks.discovery import Plugins
from cmcore.pipelines.document import Pipeline
from cmcore.registry.component import Registrar
from cmcore.registry.names import Reference
from cmcore.sandbox.component import InfraValidator
from cmcore.sandbox.sandbox import sandbox
from cmcore.sandbox.validator import conditions_hold
from cmcore.serving.difference import Difference
from cmcore.serving.document import DeploymentConfig, Endpoint, Variant
from cmcore.stack import Project
from cmcore.stack.carrying import RunOptions
from tests.unit.sandbox.tiny_models import BODIES, broken_onnx, onnx_model, pyfunc_model

pytestmark = [pytest.mark.integration, pytest.mark.timeout(180)]
MARK = "CM_TEST_MARK"
Validate = Callable[..., dict[str, object]]


def processes(mark: str) -> list[psutil.Process]:
    """What a test has started, directly or not, and still runs."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.environ().get(MARK) == mark and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
        except (psutil.Error, OSError):
            continue
    return found


@pytest.fixture
def mark(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[str]:
    """A word in the environment of whatever this test starts, and a folder for temporary files; a test that leaves a
    process or a file is wrong."""
    word, temporary = uuid.uuid4().hex, tmp_path / "t"
    temporary.mkdir()
    monkeypatch.setenv(MARK, word)
    monkeypatch.setattr("tempfile.tempdir", str(temporary))
    monkeypatch.chdir(tmp_path)
    yield word
    assert processes(word) == []
    assert list(temporary.iterdir()) == []


@pytest.fixture
def validate(mark: str, tmp_path: Path) -> Validate:
    """Validates a model folder; gives what was written down, with the blessing's own property."""

    def run(folder: Path, **parameters: object) -> dict[str, object]:
        blessing = InfraBlessing.at(tmp_path / "blessing")
        said = InfraValidator(model=Model.at(folder), infra_blessing=blessing, backend="triton", **parameters)
        report: dict[str, object] = json.loads((blessing.path / "infra_validation.json").read_text())
        assert said == {"blessed": blessing.blessed}
        assert report["blessed"] is blessing.blessed
        return report

    return run


def test_a_good_model_is_blessed(validate: Validate, tmp_path: Path) -> None:
    report = validate(onnx_model(tmp_path / "good"), max_latency_ms=5000.0)
    assert report["blessed"], report["reason"]
    checks = report["checks"]
    assert isinstance(checks, list)
    assert [check["name"] for check in checks] == [
        "configs", "load", "rest answers", "grpc answers", "recorded sample", "latency", "unload",
    ]  # fmt: skip


def test_the_report_names_the_server_and_its_version(validate: Validate, tmp_path: Path) -> None:
    server = validate(onnx_model(tmp_path / "good"), requests=1)["server"]
    assert isinstance(server, dict)
    assert (server["name"], server["private"]) == ("triton", True)
    assert server["version"].startswith("2.")


@pytest.mark.parametrize(
    ("make", "told"),
    [
        (lambda folder: broken_onnx(folder), "load: asked for ready"),
        (lambda folder: onnx_model(folder, factor=3.0), "row 0, 'y': 3 instead of the recorded 2"),
    ],
    ids=["cut", "other answers"],
)
def test_a_bad_graph_is_not_blessed(
    validate: Validate, tmp_path: Path, make: Callable[[Path], Path], told: str
) -> None:
    report = validate(make(tmp_path / "bad"))
    assert not report["blessed"]
    assert told in str(report["reason"])


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ("nan", "values that are no numbers, such as nan"),
        ("shape", "output 'y' has the shape [1, 2]"),
        ("raises", "no such country"),
        ("slow", "has not answered in time"),
        ("crash", "is not healthy"),
        ("crash_server", "the server itself has stopped answering"),
    ],
)
def test_a_model_that_misbehaves_is_not_blessed(validate: Validate, tmp_path: Path, body: str, told: str) -> None:
    model = pyfunc_model(tmp_path / "odd", BODIES[body])
    report = validate(model, inference={"warm_up": {"timeout_s": 2}})
    assert not report["blessed"]
    assert told in str(report["reason"])


def test_a_model_that_is_slower_than_demanded_is_not_blessed(validate: Validate, tmp_path: Path) -> None:
    report = validate(onnx_model(tmp_path / "good"), max_latency_ms=0.001)
    assert "latency: asked for a p99 of at most 0.001 ms" in str(report["reason"])


def test_configs_that_the_server_cannot_fulfil_are_told_before_anything_is_loaded(
    validate: Validate, tmp_path: Path
) -> None:
    report = validate(onnx_model(tmp_path / "good"), deployment={"autoscaling": {"max_instances": 3}})
    checks = report["checks"]
    assert isinstance(checks, list)
    assert [check["name"] for check in checks] == ["configs"]
    assert "autoscaling" in str(report["reason"])


def test_a_flavor_that_the_model_has_not_is_told(validate: Validate, tmp_path: Path) -> None:
    report = validate(onnx_model(tmp_path / "good"), inference={"flavor": "sklearn"})
    assert "no flavor 'sklearn'" in str(report["reason"])


def test_a_server_that_cannot_be_had_is_not_the_models_fault(validate: Validate, tmp_path: Path) -> None:
    with pytest.raises(ServingError):
        validate(onnx_model(tmp_path / "good"), options={"server": "/nowhere/tritonserver"})


def test_a_server_by_url_is_left_alone_unless_asked_for(validate: Validate, tmp_path: Path) -> None:
    options = {"url": "http://triton:8000", "grpc_url": "triton:8001"}
    with pytest.raises(ConfigError, match="beside: true"):
        validate(onnx_model(tmp_path / "good"), options=options)


def test_beside_a_server_by_url_the_model_is_gone_afterwards(mark: str, validate: Validate, tmp_path: Path) -> None:
    plugins = Plugins.discover(builtin=["cmcore.builtin"])
    with sandbox(plugins, "triton", {"open_control": True}) as production:
        address, repository = production.backend.address("any"), next((tmp_path / "t").glob("cm-*")) / "models"
        options = {"url": address.rest, "grpc_url": address.grpc, "repository": str(repository)}
        report = validate(onnx_model(tmp_path / "good"), options=options, beside=True)
        assert report["blessed"], report["reason"]
        assert dict(production.backend.models()) == {}
        assert list(repository.iterdir()) == []


SCRIPT = """
    import sys
    from cmcore.artifacts import InfraBlessing, Model
    from cmcore.sandbox.component import InfraValidator
    InfraValidator(model=Model.at(sys.argv[1]), infra_blessing=InfraBlessing.at(sys.argv[2]), backend="triton",
                   inference={"warm_up": {"timeout_s": 100}})
"""


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_a_killed_executor_leaves_no_server(tmp_path: Path, mark: str, number: signal.Signals) -> None:
    model = pyfunc_model(tmp_path / "sleepy", "time.sleep(100)")
    command = [sys.executable, "-c", textwrap.dedent(SCRIPT), str(model), str(tmp_path / "blessing")]
    environment = {**os.environ, "TMPDIR": str(tmp_path / "t")}
    executor = subprocess.Popen(command, env=environment, cwd=tmp_path, start_new_session=True)
    until = time.monotonic() + 60
    while not [it for it in processes(mark) if "--model-repository" in str(it.cmdline())]:
        assert time.monotonic() < until, "no server was started"
        time.sleep(0.1)
    os.killpg(executor.pid, number)
    executor.wait()
    psutil.wait_procs(processes(mark), timeout=30)
    until = time.monotonic() + 30
    while processes(mark) and time.monotonic() < until:
        time.sleep(0.1)
    assert processes(mark) == []


def delivery(folder: Path) -> Pipeline:
    """A pipeline that registers a model with what infra validation says of it."""

    @pipeline
    def delivered() -> None:
        model = importer(uri=str(folder), type=Model).artifact
        checked = InfraValidator(model=model, backend="triton", requests=1)
        Registrar(model=model, infra_blessing=checked.infra_blessing, name="tiny", require_blessing=False)

    return delivered


def test_a_pipeline_registers_the_model_with_what_infra_validation_said(tmp_path: Path, mark: str) -> None:
    built = delivery(onnx_model(tmp_path / "good"))
    with Project(tmp_path, environment=dict(os.environ)) as project:
        project.run(built, options=RunOptions(in_process=True)).check()
        assert project.registry.version(Reference.parse("tiny")).facts.infra_blessed is True


def test_whoever_deploys_is_told_for_what_else_a_version_was_blessed(tmp_path: Path, mark: str) -> None:
    built = delivery(onnx_model(tmp_path / "good"))
    document = Endpoint(name="tiny", backend="triton", variants=(Variant(model="tiny"),), infra_blessing=True)
    larger = document.model_copy(update={"deployment": DeploymentConfig(instances=2)})
    with Project(tmp_path, environment=dict(os.environ)) as project:
        project.run(built, options=RunOptions(in_process=True)).check()
        found = [preview(project, each).blessed_otherwise for each in (document, larger)]
    assert found == [{}, {"main": [Difference(key="deployment.instances", before=1, after=2)]}]


def holds(recorded: dict[str, object]) -> bool:
    """What the check of a cached validation says in the present folder."""
    return conditions_hold(
        parameters={"backend": "triton", "endpoint": ""}, outputs={"infra_blessing": recorded}, input_digests={}
    )


def test_a_verdict_holds_while_its_conditions_do(validate: Validate, tmp_path: Path) -> None:
    conditions = validate(onnx_model(tmp_path / "good"))["conditions"]
    assert isinstance(conditions, dict)
    recorded = {"conditions": conditions["digest"]}
    before = holds(recorded)
    (tmp_path / "cm.yaml").write_text("stack: {serving: [{name: triton, options: {response_cache_mib: 8}}]}\n")
    assert (before, holds(recorded)) == (True, False)


def test_a_verdict_without_conditions_does_not_hold(mark: str) -> None:
    assert not holds({"blessed": True})
