"""What is wrong with documents, by their kind."""

from __future__ import annotations

from pathlib import Path

import pytest

from cmcore import Project
from cmcore.cli.documents import KINDS, files_in, problems_in

ALL = ", ".join(KINDS)

COMPONENT = """\
kind: Component
name: Train
inputs: {examples: Exampels}
parameters: {epochs: {type: "list["}}
outputs: {model: Model}
executor: no_such.module:train
"""


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path, environment={})


def found(project: Project, text: str, name: str = "x.yaml") -> list[tuple[int, int, str]]:
    """Line, column and message of every problem."""
    file = project.folder / name
    file.write_text(text)
    return [(problem.line, problem.column, problem.message) for problem in problems_in(project, file)]


@pytest.mark.parametrize(
    "text",
    [
        "kind: Project\nname: x\n",
        "kind: Component\nname: A\nexecutor: json:dumps\n",
        "kind: Pipeline\nname: p\nnodes: {a: {importer: {uri: x}}}\n",
        "kind: Pipeline\nname: p\nparameters: {t: {type: str}}\nnodes: {a: {importer: {uri: '${params.t}'}}}\n",
    ],
)
def test_nothing_is_wrong_with(text: str, project: Project) -> None:
    assert found(project, text) == []


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("kind: Pipelin\n", (1, 7, f"expected one of {', '.join(KINDS)}, found the text 'Pipelin'")),
        ("kind: [1]\n", (1, 7, f"expected one of {', '.join(KINDS)}, found a list of 1")),
        ("name: x\n", (1, 1, "the key 'kind' is missing")),
        ("kind: Project\nrun: {workers: -1}\n", (2, 16, "expected a number of at least 0, found the integer -1")),
        ("kind: Pipeline\nname: p\nnodes: {}\n", (3, 8, "expected at least 1 items, found an empty mapping")),
    ],
)
def test_the_first_thing_wrong_with(text: str, problem: tuple[int, int, str], project: Project) -> None:
    assert found(project, text)[0] == problem


def test_the_options_of_plugins_are_looked_at_in_their_lines(project: Project) -> None:
    text = """\
kind: Project
stack:
  serving:
    - name: triton
      options: {http_prt: 3, stop_timeout_s: -1, control_key: a, control_secret: "${secret:KEY}"}
    - {name: ray, options: {address: "a:1"}}
    - name: nowhere
  trackers:
    - {name: mlflow, options: {uri: 3}}
"""
    file = project.folder / "cm.yaml"
    file.write_text(text)
    problems = [(it.line, it.path, it.message.partition(";")[0]) for it in problems_in(project, file)]
    assert problems == [
        (5, "$.stack.serving[0].options.http_prt", "unknown key 'http_prt'"),
        (5, "$.stack.serving[0].options.stop_timeout_s", "expected a number of at least 0.0, found the integer -1"),
        (
            6,
            "$.stack.serving[1].options",
            "a cluster at an address needs http_port and grpc_port, where its Serve listens",
        ),
        (7, "$.stack.serving[2].name", "no plugin gives serving 'nowhere'"),
        (9, "$.stack.trackers[0].options.uri", "expected text, found the integer 3"),
    ]


def test_everything_that_a_component_names_is_looked_at(project: Project) -> None:
    assert [line for line, _, _ in found(project, COMPONENT)] == [3, 4, 6]


def test_a_pipeline_in_python_is_checked(project: Project) -> None:
    assert [message for _, _, message in found(project, "x = = 1\n", "broken_pipeline.py")] == ["invalid syntax"]


def test_a_file_that_is_not_there_is_a_problem(project: Project) -> None:
    (problem,) = problems_in(project, project.folder / "nope.yaml")
    assert problem.message == "cannot be read: No such file or directory"


def test_a_folder_stands_for_its_documents(tmp_path: Path) -> None:
    for name in ("b.yaml", "a.yml", "c.txt", ".cm/d.yaml", "e/f.yaml"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    assert [str(file.relative_to(tmp_path)) for file in files_in([tmp_path])] == ["a.yml", "b.yaml", "e/f.yaml"]


ENDPOINT = """\
kind: Endpoint
name: delays
backend: triton
variants:
  - model: delays@production
"""


def test_an_endpoint_that_its_backend_can_serve_has_no_problems(project: Project) -> None:
    assert found(project, ENDPOINT) == []


def test_all_that_is_wrong_with_an_endpoint_is_told_at_once(project: Project) -> None:
    text = ENDPOINT.replace("delays@production", "Delays") + (
        "deployment: {devices: [gpu], gpus: 1, autoscaling: {}}\ninference: {server_config: nowhere.pbtxt}\n"
    )
    places = [(line, column) for line, column, _ in found(project, text)]
    assert places == [(5, 12), (6, 24), (6, 52), (7, 28)]


def test_an_unknown_backend_is_told_at_its_place(project: Project) -> None:
    line, column, message = found(project, ENDPOINT.replace("triton", "tritn"))[0]
    assert ((line, column), "did you mean 'triton'?" in message) == ((3, 10), True)


def test_a_share_that_nothing_can_route_is_told(project: Project) -> None:
    assert "exactly one variant has 100" in found(project, f"{ENDPOINT}    share: 50\n")[0][2]
