"""A version that cannot be loaded, fails its warm-up, or answers what it did not promise never gets traffic."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from benchmarks.serving.scaling import MODEL, Trouble, register
from cmcore.stack import Project
from tests.integration.cli.conftest import Shell

pytestmark = [pytest.mark.integration, pytest.mark.timeout(300)]
TROUBLES = {
    "unknown operator": (Trouble(unknown=True), "NoSuchOperator"),
    "wrong shape": (Trouble(wide=True), "[1, 2]"),
    "no number": (Trouble(nan=True), "no numbers, such as nan"),
}


@pytest.fixture(scope="module", params=["triton", "ray"])
def cm(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shell]:
    """A project whose endpoint serves its first version; a version for each trouble is registered."""
    folder = tmp_path_factory.mktemp(request.param)
    with Project(folder, environment={}) as project:
        register(project, 1.0)
        for number, (trouble, _) in enumerate(TROUBLES.values(), start=2):
            register(project, float(number), trouble)
    endpoint = f"kind: Endpoint\nname: {MODEL}\nbackend: {request.param}\nvariants: [{{model: {MODEL}@1.0.0}}]\n"
    (folder / "endpoint.yaml").write_text(endpoint, encoding="utf-8")
    shell = Shell(folder=folder)
    assert shell("deploy", "endpoint.yaml").returncode == 0
    yield shell
    with Project(folder, environment={}) as project:
        project.backend(request.param).stop()


@pytest.mark.parametrize("trouble", TROUBLES)
def test_a_bad_version_never_gets_traffic_and_status_says_why(trouble: str, cm: Shell) -> None:
    number, reason = list(TROUBLES).index(trouble) + 1, TROUBLES[trouble][1]
    updated = cm("update", MODEL, "--model", f"{MODEL}@1.0.{number}")
    status = json.loads(cm("status", MODEL, "--json").stdout)
    assert (updated.returncode, status["condition"], [it["version"] for it in status["variants"]]) == (
        70, "DEGRADED", [f"{MODEL}@1.0.0"],
    )  # fmt: skip
    assert reason in status["reason"]


def test_people_are_told_the_reason_too(cm: Shell) -> None:
    cm("update", MODEL, "--model", f"{MODEL}@1.0.3")
    assert "no numbers, such as nan" in " ".join(cm("status", MODEL).stdout.split())
