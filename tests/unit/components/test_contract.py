from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from cmcore import Component
from cmcore.artifacts import Artifact, Files
from cmcore.components.library import component_at
from cmcore.testing import executors
from cmcore.testing.component import ComponentContract, refused_by

YAML = """\
kind: Component
name: copy
summary: Copies.
inputs: {files: Files}
outputs: {again: Files}
executor: cmcore.testing.executors:copy
"""


class TestWrite(ComponentContract):
    @pytest.fixture
    def component(self) -> Component:
        return executors.write


class TestCopyFromYaml(ComponentContract):
    @pytest.fixture
    def component(self, tmp_path: Path) -> Component:
        path = tmp_path / "copy.yaml"
        path.write_text(YAML)
        return component_at("copy", {"copy": str(path)})

    @pytest.fixture
    def inputs(self, tmp_path: Path) -> Mapping[str, list[Artifact]]:
        (tmp_path / "files").mkdir()
        (tmp_path / "files" / "text").write_text("hello")
        return {"files": [Files.at(tmp_path / "files")]}


def test_a_spec_with_an_argument_that_its_executor_does_not_take_is_found(tmp_path: Path) -> None:
    path = tmp_path / "copy.yaml"
    path.write_text(YAML + "parameters: {speed: {type: int, default: 1}}\n")
    component = component_at("copy", {"copy": str(path)})
    assert "'speed'" in refused_by(component, [*component.spec.arguments, "again"])
