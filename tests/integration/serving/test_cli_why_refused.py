"""`cm why` of a version that infra validation did not bless, on a real Triton."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from cmcore import importer, pipeline
from cmcore.artifacts import Model
from cmcore.cli.main import run
from cmcore.registry.component import Registrar
from cmcore.sandbox.component import InfraValidator
from cmcore.stack import Project
from cmcore.stack.carrying import RunOptions
from tests.unit.sandbox.tiny_models import onnx_model

pytestmark = pytest.mark.integration


def test_the_account_of_a_version_has_the_reason_of_infra_validation(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    folder = onnx_model(tmp_path / "other", factor=3.0)

    @pipeline
    def delivered() -> None:
        model = importer(uri=str(folder), type=Model).artifact
        checked = InfraValidator(model=model, backend="triton", requests=1)
        Registrar(model=model, infra_blessing=checked.infra_blessing, name="tiny", require_blessing=False)

    with Project(tmp_path, environment=dict(os.environ)) as project:
        project.run(delivered, options=RunOptions(in_process=True)).check()
    assert run(["--project", str(tmp_path), "why", "tiny"]) == 0
    told = [line for line in capsys.readouterr().out.splitlines() if "blessed by infra validation: no: " in line]
    assert [line for line in told if "row 0, 'y': 3 instead of the recorded 2" in line] == told
    assert len(told) == 1
