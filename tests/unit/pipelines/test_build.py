from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cmcore import Pipeline, Secret, importer, pipeline, resolver
from cmcore.artifacts import Examples
from cmcore.document.model import load
from cmcore.document.text import parse
from cmcore.document.write import dump
from cmcore.errors import UsageError
from cmcore.pipelines.build import building
from cmcore.pipelines.document import Importer, Node
from cmcore.resources import Resources
from tests.unit.pipelines.steps import Hyper, derive, make, push, train, tune

HOME = "tests.unit.pipelines.steps"


@pipeline
def everything(rows: int = 10, where: str = "there", hyper: Hyper = Hyper()) -> None:  # noqa: B008 # frozen in use
    """One of each."""
    raw = importer(uri="data/${env.REGION}", type=Examples, fingerprint="v1", span=3).named("raw")
    made = make(rows=rows).named("made").options(retries={"attempts": 3, "backoff_s": 2.0}, timeout_s=60)
    trained = train(raw.artifact, rate=0.5).options(resources=Resources(cpu_cores=2), labels={"team": "a"})
    base = resolver("latest-blessed-model", candidate=trained.model).named("base")
    again = train(made.examples, base.model, rate=trained.loss).named("again").after(base).options(cache="refresh")
    push(model=again["model"], token=Secret("api"), where=f"{where}/model").options(on_failure="continue")
    tune(hyper=hyper, derive=derive)


def test_the_document_of_a_pipeline_in_python_golden(golden: Callable[[str, str], str]) -> None:
    text = dump(everything.as_document())
    assert text == golden("everything.yaml", text)


def test_the_same_pipeline_in_yaml_is_the_same_value(golden: Callable[[str, str], str]) -> None:
    text = golden("everything.yaml", dump(everything.as_document()))
    assert load(parse(text.encode(), file="everything.yaml"), Pipeline).as_document() == everything.as_document()


def test_both_give_the_same_plan(golden: Callable[[str, str], str], planned: Callable[..., object]) -> None:
    text = golden("everything.yaml", dump(everything.as_document()))
    environment = {"REGION": "eu"}
    assert planned(text, environment=environment).encoded() == planned(everything, environment=environment).encoded()


def test_the_plan_of_a_pipeline_golden(golden: Callable[[str, str], str], planned: Callable[..., object]) -> None:
    plan = planned(everything, {"rows": 3}, {"REGION": "eu"}).model_dump(mode="json", exclude_defaults=True)
    text = dump(without_what_machines_differ_in(plan))
    assert text == golden("everything.plan.yaml", text)


TEXTS = st.text(st.characters(codec="utf-8", exclude_characters="\0$"), max_size=8)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False) | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=6,
)
NAMES = st.from_regex(r"[a-z][a-z0-9_-]{0,8}", fullmatch=True)
KEYS = st.from_regex(r"[A-Za-z_][A-Za-z0-9_]{0,8}", fullmatch=True)
NEEDS = st.fixed_dictionaries({}, optional={"cpu_cores": st.floats(0, 64), "memory_mib": st.integers(0, 9)})
TYPES = st.sampled_from(["int", "json", "str | None"])
DECLARED = st.fixed_dictionaries({"type": TYPES}, optional={"default": VALUES})
OPTIONS = st.fixed_dictionaries(
    {},
    optional={
        "with": st.dictionaries(KEYS, VALUES, max_size=3), "after": st.lists(NAMES, max_size=2),
        "retries": st.fixed_dictionaries({"attempts": st.integers(1, 9)}), "timeout_s": st.floats(0.1, 1e6),
        "cache": st.sampled_from(["auto", "off", "refresh"]), "on_failure": st.sampled_from(["stop", "continue"]),
        "resources": NEEDS, "labels": st.dictionaries(TEXTS, TEXTS, max_size=2),
    },
)  # fmt: skip


@st.composite
def documents(draw: st.DrawFn) -> dict[str, object]:
    """Any document of the right form: what it names need not exist."""
    nodes = {}
    for name in draw(st.lists(NAMES, min_size=1, max_size=4, unique=True)):
        kind = draw(st.sampled_from([{"component": "make"}, {"resolver": "r"}, {"importer": {"uri": "a"}}]))
        nodes[name] = {**kind, **draw(OPTIONS)}
    parameters = draw(st.dictionaries(KEYS, DECLARED, max_size=3))
    named = {"kind": "Pipeline", "name": draw(NAMES), "description": draw(TEXTS)}
    return {**named, "parameters": parameters, "nodes": nodes}


@given(document=documents())
def test_reading_and_writing_a_document_keeps_its_meaning(document: dict[str, object]) -> None:
    first = load(parse(dump(document).encode(), file="a.yaml"), Pipeline)
    again = load(parse(dump(first.as_document()).encode(), file="b.yaml"), Pipeline)
    assert again == first


@given(document=documents())
def test_writing_twice_is_the_same_as_once(document: dict[str, object]) -> None:
    first = load(parse(dump(document).encode(), file="a.yaml"), Pipeline).as_document()
    assert load(parse(dump(first).encode(), file="b.yaml"), Pipeline).as_document() == first


@given(document=documents())
def test_whether_a_parameter_must_be_given_is_kept(document: dict[str, object]) -> None:
    first = load(parse(dump(document).encode(), file="a.yaml"), Pipeline)
    again = load(parse(dump(first.as_document()).encode(), file="b.yaml"), Pipeline)
    required = {key: declared.required for key, declared in again.parameters.items()}
    assert required == {key: "default" not in declared for key, declared in document["parameters"].items()}


class TestNodes:
    def test_a_node_is_named_after_its_component(self) -> None:
        assert list(of(lambda: make()).nodes) == ["make"]

    def test_the_second_of_a_kind_is_numbered(self) -> None:
        assert list(of(lambda: (make(), make())).nodes) == ["make", "make-2"]

    def test_a_node_may_keep_its_own_name(self) -> None:
        assert list(of(lambda: make().named("make")).nodes) == ["make"]

    def test_a_name_that_is_taken_is_refused(self) -> None:
        with pytest.raises(UsageError, match="node name 'make' is taken"):
            of(lambda: (make(), train(make().examples).named("make")))

    def test_a_reserved_name_is_refused(self) -> None:
        with pytest.raises(UsageError, match="node name 'params' is taken"):
            of(lambda: make().named("params"))

    def test_a_node_that_is_referred_to_keeps_its_name(self) -> None:
        def late() -> None:
            made = make()
            train(made.examples)
            made.named("other")

        with pytest.raises(UsageError, match="'make' is already referred to; name it before its outputs are used"):
            of(late)

    def test_an_output_that_does_not_exist_is_refused_at_once(self) -> None:
        with pytest.raises(UsageError, match="node 'make' has no output 'rows'; it has examples"):
            of(lambda: make().rows)

    def test_a_node_passed_whole_is_refused(self) -> None:
        with pytest.raises(UsageError, match=r"node 'make' was passed whole; pass one of its outputs, node.output"):
            of(lambda: train(make()))

    def test_a_real_artifact_is_refused_with_what_to_write(self, tmp_path: Path) -> None:
        with pytest.raises(UsageError, match=r"bring it in with importer\(uri=...\)"):
            of(lambda: train(Examples.at(tmp_path)))

    def test_orders_add_up(self) -> None:
        def ordered() -> None:
            first, second = make(), make()
            make().named("last").after(first).after(second, "make")

        assert of(ordered).nodes["last"].after == ["make", "make-2"]

    def test_an_unknown_option_is_refused_by_name(self) -> None:
        with pytest.raises(UsageError, match="node 'make': retry: extra inputs are not permitted"):
            of(lambda: make().options(retry=3))

    def test_outputs_can_be_unpacked(self) -> None:
        def unpacked() -> None:
            (examples,) = make()
            train(examples)

        assert of(unpacked).nodes["train"].with_ == {"examples": "${make.examples}"}


class TestExpressions:
    @pytest.mark.parametrize(
        "use", [bool, iter, lambda it: it == 3, lambda it: "a" if it else "b", lambda it: it != "x"]
    )
    def test_python_cannot_look_at_a_value_that_is_known_only_later(self, use: Callable[[object], object]) -> None:
        with pytest.raises(UsageError, match="known only when the pipeline runs"):
            of(lambda: use(make().examples))

    def test_two_names_of_one_value_are_equal(self) -> None:
        def compared() -> None:
            made = make()
            assert made.examples == made["examples"]

        of(compared)

    def test_in_a_text_it_stands_as_it_is_written_in_yaml(self) -> None:
        made = of(lambda: train(make().examples, rate=f"{make().examples}"))
        assert made.nodes["train"].with_["rate"] == "${make-2.examples}"


class TestFunctions:
    def test_the_pipeline_is_named_after_the_function(self) -> None:
        @pipeline
        def my_pipeline() -> None:
            make()

        assert my_pipeline.name == "my-pipeline"

    def test_or_as_it_is_told(self) -> None:
        @pipeline(name="other")
        def my_pipeline() -> None:
            make()

        assert my_pipeline.name == "other"

    def test_a_pipeline_without_nodes_is_refused(self) -> None:
        with pytest.raises(UsageError, match="pipeline 'p': nodes: "):
            of(lambda: None)

    def test_an_importer_outside_a_pipeline_is_refused(self) -> None:
        with pytest.raises(UsageError, match="called inside a function under @pipeline"):
            importer(uri="a", type=Examples)

    def test_after_a_pipeline_that_raised_components_just_run_again(self) -> None:
        def broken() -> None:
            raise KeyError

        with pytest.raises(KeyError):
            of(broken)
        with pytest.raises(UsageError, match="make needs 'examples'"):
            make()


@pytest.mark.parametrize(
    "given", [{}, {"component": "a", "resolver": "b"}, {"importer": {"uri": "a"}, "component": "a"}]
)
def test_a_node_is_exactly_one_thing(given: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="needs exactly one of component, importer, resolver"):
        Node.model_validate(given)


def test_an_importer_brings_in_files_unless_told_otherwise() -> None:
    assert Importer(uri="a").type == "Files"


def of(body: Callable[[], object]) -> Pipeline:
    @pipeline
    def p() -> None:
        body()

    return p


def without_what_machines_differ_in(plan: dict[str, object]) -> dict[str, object]:
    """A plan without digests of code, Python's version and folders."""
    nodes = [{key: value for key, value in node.items() if key != "code"} for node in plan["nodes"]]
    return {**{key: value for key, value in plan.items() if key not in ("python", "roots")}, "nodes": nodes}


def test_an_output_that_is_misspelt_is_told_what_was_meant() -> None:
    with building("p"):
        made = make()
        with pytest.raises(UsageError, match=r"has no output 'exampels'; did you mean 'examples'\?; it has examples"):
            made.exampels  # noqa: B018 # its value is of no use
