from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from cmcore.components.code.closure import code_digest
from cmcore.components.code.reference import CodeRef
from cmcore.components.spec import ComponentSpec, OutputSpec, ParameterSpec
from cmcore.lineage.memory import MemoryLineage
from cmcore.pipelines.load import import_from
from cmcore.pipelines.plan import Code, LayeredValue, NodeKind, Plan, PlannedNode
from cmcore.runtime.history import changed_code, fresh, leave_out, reusable
from cmcore.runtime.states import NodeState
from tests.unit.runtime.world import plan, step


def literal(name: str) -> PlannedNode:
    spec = ComponentSpec(
        name="Literal", parameters={"given": ParameterSpec(type="int")}, outputs={"value": OutputSpec(type="int")}
    )
    return PlannedNode(name=name, kind=NodeKind.LITERAL, spec=spec, parameters={"given": 3})


def test_a_literal_needs_no_earlier_run() -> None:
    graph = plan(literal("a-n"), step("a").model_copy(update={"upstream": ["a-n"]}))
    progress = fresh(graph)
    leave_out(progress, graph, ["a"], reusable(graph, ["a"], MemoryLineage()))
    assert progress.states == {"a-n": NodeState.WAITING, "a": NodeState.WAITING}


def test_a_literal_that_nobody_asked_for_is_left_out() -> None:
    graph = plan(literal("b-n"), step("a"))
    progress = fresh(graph)
    leave_out(progress, graph, ["a"], reusable(graph, ["a"], MemoryLineage()))
    assert progress.states == {"b-n": NodeState.SKIPPED, "a": NodeState.WAITING}


class TestChangedCode:
    @pytest.fixture
    def root(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
        monkeypatch.syspath_prepend(str(tmp_path))
        import_from([tmp_path])
        (tmp_path / "history_work.py").write_text("def work():\n    return 1\n")
        (tmp_path / "history_named.py").write_text("def named():\n    return 1\n")
        return tmp_path

    @pytest.fixture
    def graph(self, root: Path) -> Plan:
        """One node whose parameter names a function by a pipeline parameter."""
        references = ["history_work:work", "history_named:named"]
        digests = [code_digest(CodeRef(it), roots=[root]).digest for it in references]
        spec = ComponentSpec(name="Work", parameters={"f": ParameterSpec(type="CodeRef")}, executor=references[0])
        node = PlannedNode(
            name="work", kind=NodeKind.COMPONENT, spec=spec, parameters={"f": "${params.f}"},
            code=Code(digest=" ".join(digests), references=references),
        )  # fmt: skip
        parameters = {"f": LayeredValue(value=references[1], layer="set")}
        return Plan(pipeline="p", project="tests", roots=[str(root)], nodes=[node], parameters=parameters)

    def test_code_that_is_the_same_has_not_changed(self, graph: Plan) -> None:
        assert changed_code(graph, fresh(graph)) == []

    @pytest.mark.parametrize("file", ["history_work.py", "history_named.py"])
    def test_an_edit_of_the_executor_or_of_a_named_function_is_a_change(
        self, graph: Plan, root: Path, file: str
    ) -> None:
        (root / file).write_text((root / file).read_text().replace("1", "22"))
        assert changed_code(graph, fresh(graph)) == ["work"]

    def test_what_is_published_may_change(self, graph: Plan, root: Path) -> None:
        (root / "history_work.py").write_text("def work():\n    return 22\n")
        progress = fresh(graph)
        progress.states["work"] = NodeState.COMPLETE
        assert changed_code(graph, progress) == []
