"""A project with three versions of a tiny ONNX model, and `cm` in it: in this process, or as a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from shutil import copy

import yaml
from pydantic import JsonValue

from cmcore import Project
from cmcore.cli.main import run
from cmcore.inference.client import RestClient
from cmcore.inference.datatype import DataType
from cmcore.inference.request import InferenceRequest, InferenceResponse
from cmcore.inference.tensor import Tensor

SOURCE = Path(__file__).parent / "project" / "scaling.py"
COMMAND = [sys.executable, "-m", "cmcore.cli.main"]
ENVIRONMENT = {name: value for name, value in os.environ.items() if not name.startswith("CM_")}
FACTORS = (2.0, 3.0, 1e308)  # what the versions 1.0.0, 1.0.1 and 1.0.2 multiply by; the last one overflows at warm-up
PATIENCE_S = 60.0


@dataclass(frozen=True, kw_only=True)
class Said:
    """What a command line came to."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> dict[str, JsonValue]:
        """What was printed as JSON, or its last line."""
        text = self.out if self.out.startswith("{\n") else self.out.splitlines()[-1]
        found: dict[str, JsonValue] = json.loads(text)
        return found


@dataclass(frozen=True, kw_only=True)
class Shop:
    """The project, and commands in it."""

    folder: Path
    project: Project
    artifacts: Mapping[str, str]
    said: Callable[[], tuple[str, str]] = field(default=lambda: ("", ""))

    def cm(self, *arguments: str) -> Said:
        """Carry out one command line in this process."""
        code = run(["--project", str(self.folder), *arguments])
        out, err = self.said()
        return Said(code=code, out=out, err=err)

    def started(self, *arguments: str) -> subprocess.Popen[str]:
        """Call `cm` in a process of its own, and do not wait."""
        return subprocess.Popen(
            [*COMMAND, *arguments],
            cwd=self.folder,
            env=ENVIRONMENT,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def document(self, name: str, model: str = "scaling@1.0.0", **more: JsonValue) -> str:
        """A file with an endpoint that drains at once."""
        said = {
            "kind": "Endpoint",
            "name": name,
            "backend": "triton",
            "variants": [{"model": model}],
            "draining": {"quiet_s": 0, "timeout_s": 5},
            "inference": {"warm_up": {"requests": 1}},
            **more,
        }
        file = self.folder / f"{name}.yaml"
        file.write_text(yaml.safe_dump(said), encoding="utf-8")
        return str(file)

    def deployed(self, name: str, model: str = "scaling@1.0.0", **more: JsonValue) -> str:
        """Deploy an endpoint; the name of the model that answers."""
        said = self.cm("deploy", self.document(name, model, **more))
        assert said.code == 0, said.err
        return self.serving(name)

    def serving(self, name: str) -> str:
        """The name of the model that has an endpoint's traffic."""
        state = self.project.endpoints.state(name)
        found = state.deployment(state.traffic["main"])
        assert found is not None
        return found.name

    def condition(self, name: str) -> JsonValue:
        """How an endpoint is, by `cm status`."""
        return self.cm("status", name, "--json").json["condition"]

    def answer(self, name: str, model: str) -> InferenceResponse:
        """What a model of an endpoint answers to 1 and 2, asked as any client would."""
        address = self.project.backend("triton").address(model)
        columns = (("a", DataType.FP64, 1.0), ("n", DataType.INT64, 2))
        inputs = [Tensor(name=column, datatype=kind, shape=(1, 1), data=(value,)) for column, kind, value in columns]
        with RestClient(address.rest) as client:
            return client.infer(address.model, InferenceRequest(inputs=tuple(inputs), id=name))


def shop_in(folder: Path, *factors: float) -> Shop:
    """A fresh project whose versions multiply by these factors."""
    folder.mkdir()
    (folder / "cm.yaml").write_text("kind: Project\nname: scaling\nactor: ada\n", encoding="utf-8")
    copy(SOURCE, folder)
    project = Project(folder, environment={})
    artifacts: dict[str, str] = {}
    for factor in factors:
        model = project.lineage.executions(trained(folder, factor))[0].outputs[0].artifact
        artifacts[str(project.register(model).version)] = model.name
    return Shop(folder=folder, project=project, artifacts=artifacts)


def trained(folder: Path, factor: float) -> str:
    """The run that made a model, in a process of its own: two projects cannot have their modules in one."""
    command = [*COMMAND, "run", SOURCE.name, "--set", f"factor={factor}", "--json"]
    done = subprocess.run(command, cwd=folder, env=ENVIRONMENT, capture_output=True, text=True, check=True, timeout=60)
    return str(json.loads(done.stdout.splitlines()[-1])["run"])


def closed(shop: Shop) -> None:
    """Stop the server, and close the project."""
    shop.project.backend("triton").stop()
    shop.project.close()


def until(holds: Callable[[], bool], patience_s: float = PATIENCE_S) -> None:
    """Wait until something holds; raises TimeoutError."""
    give_up_at = time.monotonic() + patience_s
    while not holds():
        if time.monotonic() > give_up_at:
            raise TimeoutError(f"it does not hold after {patience_s:g} s")
        time.sleep(0.05)
