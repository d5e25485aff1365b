"""The controller is killed at every step of deploy, update and recycle, and started again: the same end always."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from benchmarks.serving.scaling import MODEL, register, to_scale
from cmcore.inference.client import RestClient
from cmcore.serving.backend import Address
from cmcore.stack import Project
from tests.integration.cli.conftest import Shell

pytestmark = [pytest.mark.integration, pytest.mark.timeout(540)]
SLOW = pytest.mark.slow
KILLED = -9
LONGEST = 40  # steps that a change could take, with room
ENDPOINT = """
kind: Endpoint
name: scale
backend: triton
variants: [{model: scale@1.0.0}]
draining: {quiet_s: 0, timeout_s: 0}
inference: {warm_up: {requests: 1}}
"""
DEPLOY = ("deploy", "endpoint.yaml")
UPDATE = ("update", MODEL, "--model", f"{MODEL}@1.0.1")
RECYCLE = ("recycle", MODEL, "--yes")


@dataclass(frozen=True, slots=True)
class Outcome:
    """What is left: the endpoint's condition, the version that answers 2 for 1, and what the server has."""

    condition: str
    answer: float | None
    served: tuple[str, ...]
    repository: int


@pytest.fixture
def cm(tmp_path: Path) -> Iterator[Shell]:
    """A project with two versions, and its own server, which is stopped at the end."""
    with Project(tmp_path, environment={}) as project:
        register(project, 1.0)
        register(project, 2.0)
    (tmp_path / "endpoint.yaml").write_text(ENDPOINT, encoding="utf-8")
    yield Shell(folder=tmp_path)
    with Project(tmp_path, environment={}) as project:
        project.backend("triton").stop()


def outcome(cm: Shell) -> Outcome:
    """What is left, told by the endpoint, by its server and by an answer."""
    with Project(cm.folder, environment={}) as project:
        backend = project.backend("triton")
        backend.start()
        state = project.endpoints.state(MODEL)
        versions = {each.name: each.version.reference for each in state.deployments}
        names = [name for name, model in backend.models().items() if model.state == "ready"]
        serving = [each.name for each in state.deployments if each.number in state.traffic.values()]
        return Outcome(
            condition=str(json.loads(cm("status", MODEL, "--json").stdout)["condition"]),
            answer=asked(backend.address(serving[0])) if serving else None,
            served=tuple(versions.get(name, name) for name in names),
            repository=len(names),
        )


def asked(address: Address) -> float:
    """What the endpoint makes of 1."""
    with RestClient(address.rest) as client:
        return float(client.infer(address.model, to_scale(1.0)).outputs[0].data[0])


def carried_out(cm: Shell, command: tuple[str, ...], failpoint: str, nth: int) -> bool:
    """Call the command and kill it at the nth pass; whether it was killed."""
    done = cm(*command, CM_FAILPOINT=f"{failpoint}:{nth}")
    assert done.returncode in (0, KILLED), done.stderr
    return done.returncode == KILLED


def every_death(
    cm: Shell, before: tuple[tuple[str, ...], ...], command: tuple[str, ...], failpoint: str
) -> list[Outcome]:
    """The outcome after a kill at the first pass, the second and so on, each from a fresh start, until none is killed;
    the last one is that of nobody killed."""
    found = []
    for nth in range(1, LONGEST):
        for each in before:
            assert cm(*each).returncode == 0, each
        killed = carried_out(cm, command, failpoint, nth)
        again = cm("serve", "--once")
        assert again.returncode == 0, again.stderr
        found.append(outcome(cm))
        cm(*RECYCLE)
        if not killed:
            return found
    raise AssertionError(f"{command} has more than {LONGEST} passes of {failpoint}")


CHANGES = {
    "deploy": ((), DEPLOY, Outcome("READY", 1.0, ("scale@1.0.0",), 1), 4),
    "update": ((DEPLOY,), UPDATE, Outcome("READY", 2.0, ("scale@1.0.1",), 1), 7),
    "recycle": ((DEPLOY,), RECYCLE, Outcome("RECYCLED", None, (), 0), 4),
}


@pytest.mark.parametrize(
    ("failpoint", "spared"),
    [
        ("serving-persisted", 0),
        pytest.param("serving-decided", 0, marks=SLOW),
        pytest.param("serving-acted", 1, marks=SLOW),
    ],
)
@pytest.mark.parametrize("change", CHANGES)
def test_a_controller_killed_at_any_step_is_finished_by_the_next_one(
    change: str, failpoint: str, spared: int, cm: Shell
) -> None:
    before, command, expected, steps = CHANGES[change]
    # `spared`: to move traffic is a record without an act
    found = every_death(cm, before, command, failpoint)
    assert (set(found), len(found) > steps - spared) == ({expected}, True)
