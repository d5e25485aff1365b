"""A project with models that multiply, its endpoint, `cm serve` in a process of its own, and a client that follows."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from pydantic import JsonValue

from benchmarks.serving.client import hand_over
from benchmarks.serving.scaling import MODEL, register
from cmcore.serving.backend import Address
from cmcore.serving.document import Draining, Endpoint, InferenceConfig, Variant, WarmUp
from cmcore.serving.values import EndpointState
from cmcore.stack import Project
from cmcore.stack.endpoints import apply

LOOK_S = 0.02
PATIENCE_S = 120.0
QUIET_S = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """The endpoint `scale` of a project; `versions` are its registered ones, in the order of their factors."""

    project: Project
    backend: str
    versions: tuple[str, ...]

    @property
    def handed(self) -> Path:
        """The file that tells clients where to ask."""
        return self.project.folder / "address.json"

    @property
    def state(self) -> EndpointState:
        """How the endpoint is."""
        return self.project.endpoints.state(MODEL)

    def want(self, version: str) -> int:
        """Let this version be served; the number of its deployment."""
        document = Endpoint(
            name=MODEL,
            backend=self.backend,
            variants=(Variant(model=version),),
            draining=Draining(quiet_s=QUIET_S, timeout_s=30.0),
            inference=InferenceConfig(warm_up=WarmUp(requests=1)),
        )
        return apply(self.project, document).wanted["main"]

    def until_served(self, number: int) -> float:
        """Wait for traffic to move to a deployment and hand its address over; how many seconds that took."""
        began = time.monotonic()
        while self.state.traffic.get("main") != number:
            check_patience(began, self.state)
            time.sleep(LOOK_S)
        hand_over(self.handed, self.address)
        return time.monotonic() - began

    def until_alone(self) -> None:
        """Wait until nothing but what has traffic is left."""
        began = time.monotonic()
        while len(self.state.deployments) > 1:
            check_patience(began, self.state)
            time.sleep(LOOK_S)

    @property
    def address(self) -> Address:
        """Where the endpoint's status sends clients."""
        state = self.state
        serving = state.deployment(state.traffic["main"])
        assert serving is not None
        return self.project.backend(self.backend).address(serving.name)


def check_patience(began: float, state: EndpointState) -> None:
    """Raise TimeoutError with the endpoint's own words."""
    if time.monotonic() - began > PATIENCE_S:
        reasons = [each.reason for each in state.deployments if each.reason]
        raise TimeoutError(f"{state.name} is not served in {PATIENCE_S:g} s: {state.hold or reasons}")


@contextmanager
def staged(
    folder: Path, backend: str, *, versions: int, options: Mapping[str, JsonValue] | None = None
) -> Iterator[Stage]:
    """An endpoint that `cm serve` keeps; its server is stopped at the end."""
    settings = {"kind": "Project", "name": "stage", "stack": {"serving": [{"name": backend, "options": options or {}}]}}
    (folder / "cm.yaml").write_text(str(settings).replace("'", '"'), encoding="utf-8")
    with Project(folder, environment={}) as project:
        names = tuple(register(project, factor) for factor in range(1, versions + 1))
        log = (folder / "serve.log").open("wb")
        controller = subprocess.Popen(  # our own command
            [sys.executable, "-m", "cmcore.cli.main", "serve"], cwd=folder, stdout=log, stderr=log, env=environment()
        )
        try:
            yield Stage(project=project, backend=backend, versions=names)
        finally:
            controller.terminate()
            controller.wait(timeout=30)
            log.close()
            project.backend(backend).stop()


def environment() -> dict[str, str]:
    """The environment without what would be a setting."""
    return {name: value for name, value in os.environ.items() if not name.startswith("CM_")}
