"""`cm profile` on a real Triton: what it says, writes and exits with."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from cmcore import importer, pipeline
from cmcore.artifacts import Model
from cmcore.cli.commands.profile import profile
from cmcore.cli.invocation import Invocation
from cmcore.document.model import load
from cmcore.document.text import parse
from cmcore.errors import CmError, ModelRefusedError
from cmcore.registry.component import Registrar
from cmcore.serving.document import Endpoint
from cmcore.stack import Project
from cmcore.stack.carrying import RunOptions
from tests.unit.sandbox.tiny_models import onnx_model

pytestmark = [pytest.mark.integration, pytest.mark.timeout(180)]
QUICK = ("--backend", "triton", "--instances", "1", "--batch-sizes", "1,4", "--concurrency", "1,4", "--seconds", "0.3")
ENDPOINT = """\
kind: Endpoint
name: tiny
backend: triton
variants: [{model: tiny@latest}]
deployment: {cpu_cores: 2}
inference: {threads: 2, batching: {max_delay_us: 100}}
monitoring: {latency_slo_ms: 0.001}
"""


def registered(folder: Path, name: str, model: Path) -> None:
    """A version of the model in a project."""

    @pipeline
    def delivery() -> None:
        found = importer(uri=str(model), type=Model).artifact
        Registrar(model=found, name=name, require_blessing=False)

    with Project(folder, environment=dict(os.environ)) as project:
        project.run(delivery, options=RunOptions(in_process=True)).check()


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A project with a good model and one that answers with NaN."""
    folder = tmp_path_factory.mktemp("profiled")
    registered(folder, "tiny", onnx_model(folder / "tiny"))
    registered(folder, "silent", onnx_model(folder / "silent", factor=math.nan))
    (folder / "endpoint.yaml").write_text(ENDPOINT)
    return folder


def asked(project: Path, *arguments: str) -> Result:
    return CliRunner().invoke(profile, list(arguments), obj=Invocation(folder=project))


def test_every_setup_is_read_under_every_concurrency(project: Path) -> None:
    result = asked(project, "tiny", *QUICK, "--json")
    found = json.loads(result.stdout)
    measured = {(it["setup"]["instances"], it["setup"]["batch_size"], it["concurrency"]) for it in found["readings"]}
    assert result.exit_code == 0
    assert measured == {(1, 1, 1), (1, 1, 4), (1, 4, 1), (1, 4, 4)}
    assert not any(it["failures"] for it in found["readings"])


def test_what_is_chosen_comes_with_a_fragment_that_can_be_pasted(project: Path) -> None:
    found = json.loads(asked(project, "tiny@1.0.0", *QUICK, "--rps", "1", "--json").stdout)
    document = "kind: Endpoint\nname: f\nbackend: b\nvariants: [{model: m@1.0.0}]\n" + found["fragment"]
    endpoint = load(parse(document, file="f.yaml"), Endpoint)
    assert endpoint.inference.batching.max_batch_size == found["chosen"]["setup"]["batch_size"]


def test_people_get_a_table_and_a_sentence(project: Path) -> None:
    result = asked(project, "tiny", *QUICK, "--p99-ms", "10000")
    assert "requests/s" in result.stdout
    assert "is the cheapest that meets p99 of at most 10000 ms" in result.stdout


def test_a_page_is_written_where_it_is_asked_for(project: Path, tmp_path: Path) -> None:
    asked(project, "tiny", *QUICK, "--html", str(tmp_path / "profile.html"))
    assert (tmp_path / "profile.html").read_text().count("<circle") >= 8


def test_where_nothing_is_good_enough_it_exits_with_1_and_names_the_nearest(project: Path) -> None:
    result = asked(project, "tiny", *QUICK, "--p99-ms", "0.001")
    assert result.exit_code == 1
    assert "no setup meets p99 of at most 0.001 ms; the nearest is" in result.stdout


def test_an_endpoints_document_gives_configs_cost_and_goal(project: Path) -> None:
    result = asked(project, "tiny", "--endpoint", "endpoint.yaml", *QUICK[2:], "--json")
    found = json.loads(result.stdout)
    assert (result.exit_code, found["goal"]["p99_ms"]) == (1, 0.001)
    assert {it["cost"] for it in found["readings"]} == {2.0}


def test_a_model_whose_answers_are_no_good_is_refused_with_the_reasons(project: Path) -> None:
    result = asked(project, "silent", *QUICK)
    assert isinstance(result.exception, ModelRefusedError)
    assert "1 instance, no batching: its answers are no good" in str(result.exception)


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("absent", *QUICK), 66),
        (("tiny", "--backend", "mill"), 78),
        (("tiny", *QUICK, "--instances", "none"), 64),
        (("tiny", *QUICK, "--rows", "64"), 64),
        (("tiny", "--endpoint", "endpoint.yaml", *QUICK), 64),
    ],
)
def test_what_cannot_be_measured_is_told_before_a_server_is_started(
    project: Path, arguments: tuple[str, ...], code: int
) -> None:
    error = asked(project, *arguments).exception
    assert isinstance(error, CmError)
    assert error.exit_code == code
