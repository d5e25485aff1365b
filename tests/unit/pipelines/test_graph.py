"""Every mistake that can be seen before a run: what is said, and that all of them are said at once."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from cmcore import Pipeline, Secret, pipeline
from cmcore.pipelines.plan import NodeKind, Plan
from tests.unit.pipelines.steps import derive, make, merge, push, read, train, tune

MakePlan = Callable[..., Plan]
Problems = Callable[..., list[str]]

TRAINED = "nodes:\n  make: {component: make}\n  train: {component: train, with: {examples: '${make.examples}'}}\n"


def added(line: str) -> str:
    return f"{TRAINED}  {line}\n"


class TestEdges:
    def test_what_fits_makes_an_edge(self, planned: MakePlan) -> None:
        assert planned(TRAINED).node("train").inputs["examples"][0].node == "make"

    def test_a_subtype_fits(self, problems: Problems) -> None:
        nodes = "nodes:\n  e: {component: embed}\n  t: {component: train, with: {examples: '${e.embeddings}'}}\n"
        assert problems(nodes) == []

    def test_a_wrong_type_says_both_ends_both_types_and_what_would_fit(self, problems: Problems) -> None:
        (problem,) = problems(added("again: {component: train, with: {examples: '${train.model}'}}"))
        assert problem == (
            "input 'examples' of node 'again' (train) takes Examples, but output 'model' of node 'train' (train) is "
            "Model; what would fit: ${make.examples} @ $.nodes.again.with.examples"
        )

    def test_where_nothing_would_fit_that_is_said(self, problems: Problems) -> None:
        given = "{model: '${m.examples}', token: '${secret:t}'}"
        (problem,) = problems(f"nodes:\n  m: {{component: make}}\n  p: {{component: push, with: {given}}}\n")
        assert "nothing in this pipeline would fit" in problem

    def test_a_supertype_does_not_fit(self, problems: Problems) -> None:
        assert len(problems(added("r: {component: read, with: {number: '${train.loss}'}}"))) == 1

    def test_a_value_output_fits_its_artifact(self, problems: Problems) -> None:
        assert problems(added("r: {component: read, with: {number: '${train.epochs}'}}")) == []

    def test_a_list_input_takes_several(self, planned: MakePlan) -> None:
        given = "{parts: ['${make.examples}', '${other.examples}']}"
        plan = planned(added(f"other: {{component: make}}\n  m: {{component: merge, with: {given}}}"))
        assert [source.node for source in plan.node("m").inputs["parts"]] == ["make", "other"]

    def test_an_optional_input_may_be_null(self, problems: Problems) -> None:
        assert problems(TRAINED.replace("'${make.examples}'}", "'${make.examples}', base: null}")) == []


class TestNames:
    @pytest.mark.parametrize(
        ("line", "complaint"),
        [
            ("x: {component: trian}", "no component is named 'trian'; did you mean 'train'"),
            ("x: {component: train, with: {examples: '${mkae.examples}'}}", "no node 'mkae'; did you mean 'make'"),
            ("x: {component: train, with: {examples: '${make.example}'}}",
             "'make' has no output 'example'; it has examples"),
            ("x: {component: make, with: {row: 3}}", "make has no input or parameter 'row'; did you mean 'rows'"),
            ("x: {component: make, with: {rows: '${params.row}'}}", "no pipeline parameter 'row'"),
            ("x: {component: make, with: {rows: '${train.epoch}'}}", "has no output 'epoch'; did you mean 'epochs'"),
            ("x: {component: make, after: [trian]}", "no node 'trian'; did you mean 'train'"),
            ("x: {resolver: latest-model}", "no resolver is named 'latest-model'; did you mean 'latest-blessed-model'"),
            ("x: {component: make, with: {rows: '${env.NOWHERE}'}}", "environment variable 'NOWHERE' is not set"),
            ("x: {component: make, with: {rows: '${run.name}'}}", "a run has no 'name'; it has id, pipeline, project"),
            ("x: {importer: {uri: a, type: Exmaples}}", "artifact type 'Exmaples' is not a standard one"),
            ("x: {component: make, with: {rows: '${'}}", "never closed"),
            ("x: {component: 'json:nothing'}", "module 'json' has no 'nothing'"),
            ("x: {component: 'nowhere.at.all:train'}", "cannot be imported"),
        ],
    )  # fmt: skip
    def test_what_does_not_exist_is_named_with_what_was_meant(
        self, problems: Problems, line: str, complaint: str
    ) -> None:
        assert any(complaint in problem for problem in problems(added(line)))

    def test_a_parameter_that_the_pipeline_does_not_have_is_refused(self, problems: Problems) -> None:
        assert "no pipeline parameter 'rows'" in problems(TRAINED, {"rows": 3})[0]

    def test_all_problems_are_said_at_once(self, problems: Problems) -> None:
        lines = "x: {component: trian}\n  y: {component: make, with: {rows: many, row: 3}}\n  z: {component: train}"
        assert len(problems(added(lines))) == 4

    def test_what_is_not_given_is_named_with_its_type(self, problems: Problems) -> None:
        assert problems(added("x: {component: train}")) == [
            "train needs 'examples' (Examples), which node 'x' does not give @ $.nodes.x"
        ]


class TestOrder:
    def test_a_cycle_is_shown_all_the_way_round(self, problems: Problems) -> None:
        lines = [f"  {name}: {{component: make, after: [{before}]}}\n" for name, before in ("ac", "ba", "cb")]
        (problem,) = problems(f"nodes:\n{''.join(lines)}")
        assert problem.count(" -> ") == 3

    def test_a_node_cannot_wait_for_itself(self, problems: Problems) -> None:
        assert "a -> a" in problems("nodes:\n  a: {component: make, after: [a]}\n")[0]

    def test_what_is_read_comes_first(self, planned: MakePlan) -> None:
        nodes = "nodes:\n  train: {component: train, with: {examples: '${make.examples}'}}\n  make: {component: make}\n"
        assert [node.name for node in planned(nodes).nodes] == ["make", "train"]

    def test_a_parameter_fed_by_a_node_makes_it_come_first(self, planned: MakePlan) -> None:
        assert planned(added("x: {component: make, with: {rows: '${train.epochs}'}}")).node("x").upstream == ["train"]

    def test_an_explicit_order_counts(self, planned: MakePlan) -> None:
        assert planned(added("x: {component: make, after: [train]}")).node("x").upstream == ["train"]


class TestParameters:
    @pytest.mark.parametrize("rows", ["ten", 1.5, True, "3", [1], None])
    def test_a_value_that_does_not_fit_is_refused(self, problems: Problems, rows: object) -> None:
        assert "make.rows: type int" in problems(of_rows(rows))[0]

    def test_numbers_are_not_read_out_of_texts_in_python_either(self, problems: Problems) -> None:
        assert "found '3'" in problems(of_rows("3"))[0]

    @pytest.mark.parametrize("rows", [float("nan"), float("inf")])
    def test_nan_is_refused(self, problems: Problems, rows: float) -> None:
        assert "cannot hold NaN" in problems(of_rows(rows))[0]

    def test_an_output_of_the_type_is_taken(self, problems: Problems) -> None:
        assert (
            problems(added("x: {component: train, with: {examples: '${make.examples}', rate: '${train.epochs}'}}"))
            == []
        )

    def test_an_output_of_another_type_is_refused(self, problems: Problems) -> None:
        assert (
            "takes int, but the output given is float"
            in problems(added("x: {component: make, with: {rows: '${train.loss}'}}"))[0]
        )

    def test_an_artifact_is_no_value(self, problems: Problems) -> None:
        assert (
            "found the artifact Model; give it to an input instead"
            in problems(added("x: {component: make, with: {rows: '${train.model}'}}"))[0]
        )

    def test_a_field_of_an_output_is_trusted_until_the_run(self, problems: Problems) -> None:
        assert problems(added("x: {component: tune, with: {hyper: {rate: '${train.loss}'}}}")) == []

    def test_a_pipeline_parameter_is_checked_where_it_is_used(self, problems: Problems) -> None:
        text = (
            "parameters: {n: {type: str, default: many}}\nnodes: {m: {component: make, with: {rows: '${params.n}'}}}\n"
        )
        assert "make.rows: type int: input should be a valid integer, found 'many'" in problems(text)[0]

    def test_a_parameter_without_value_says_how_to_give_one(self, problems: Problems) -> None:
        text = "parameters: {n: {type: int}}\nnodes: {m: {component: make, with: {rows: '${params.n}'}}}\n"
        assert "parameter 'n' (int) has no value; give --set n=..." in problems(text)[0]

    def test_a_type_that_does_not_exist_is_a_problem_of_its_parameter(self, problems: Problems) -> None:
        text = "parameters: {n: {type: flaot, default: 1}}\nnodes: {m: {component: make}}\n"
        assert "'flaot' is not understood" in problems(text)[0]

    def test_an_environment_variable_is_put_into_the_plan(self, planned: MakePlan) -> None:
        nodes = "nodes: {p: {importer: {uri: '${env.DATA}/x'}}}\n"
        assert planned(nodes, environment={"DATA": "s3://bucket", "OTHER": "x"}).environment == {"DATA": "s3://bucket"}


class TestSecrets:
    def test_a_secret_goes_to_a_secret_parameter(self, problems: Problems) -> None:
        assert problems(added("p: {component: push, with: {model: '${train.model}', token: '${secret:t}'}}")) == []

    @pytest.mark.parametrize("where", ["'${secret:t}'", "'with ${secret:t}'"])
    def test_a_secret_goes_nowhere_else(self, problems: Problems, where: str) -> None:
        line = f"p: {{component: push, with: {{model: '${{train.model}}', token: '${{secret:t}}', where: {where}}}}}"
        assert (
            "a secret can only be given to a parameter of type Secret[str]; this one is str" in problems(added(line))[0]
        )

    def test_a_secret_is_no_literal(self, problems: Problems) -> None:
        assert (
            "a secret can only be given" in problems(added("r: {component: read_any, with: {value: '${secret:t}'}}"))[0]
        )

    def test_a_secret_is_no_uri(self, problems: Problems) -> None:
        assert "a secret can only be given" in problems(added("r: {importer: {uri: 's3://${secret:t}@host'}}"))[0]

    def test_a_value_is_no_secret(self, problems: Problems) -> None:
        line = "p: {component: push, with: {model: '${train.model}', token: hunter2}}"
        assert "push.token: type Secret[str]" in problems(added(line))[0]

    def test_a_plan_carries_the_reference(self, planned: MakePlan) -> None:
        @pipeline
        def p() -> None:
            model = train(examples=make().examples).model
            push(model=model, token=Secret("api"))

        assert planned(p).node("push").parameters["token"] == "${secret:api}"


class TestLiterals:
    def test_a_value_in_an_artifact_s_place_becomes_a_node(self, planned: MakePlan) -> None:
        plan = planned("nodes: {r: {component: read, with: {number: 3}}}\n")
        assert [(node.name, node.kind) for node in plan.nodes] == [
            ("r-number", NodeKind.LITERAL), ("r", NodeKind.COMPONENT),
        ]  # fmt: skip

    def test_a_pipeline_parameter_may_stand_there(self, problems: Problems) -> None:
        text = (
            "parameters: {n: {type: int, default: 1}}\nnodes: {r: {component: read, with: {number: '${params.n}'}}}\n"
        )
        assert problems(text) == []

    def test_a_template_of_an_output_waits_for_its_node(self, planned: MakePlan) -> None:
        plan = planned(added("r: {component: read_any, with: {value: 'loss ${train.loss}'}}"))
        assert plan.node("r-value").upstream == ["train"]

    def test_a_value_of_the_wrong_type_is_refused(self, problems: Problems) -> None:
        (problem,) = problems("nodes: {r: {component: read, with: {number: many}}}\n")
        assert "valid integer, found 'many'" in problem

    def test_an_artifact_that_holds_no_value_takes_no_literal(self, problems: Problems) -> None:
        (problem,) = problems(added("x: {component: train, with: {examples: data.csv}}"))
        assert "takes Examples, found the value 'data.csv'; what would fit: ${make.examples}" in problem

    def test_two_literals_of_one_list_are_two_nodes(self, planned: MakePlan) -> None:
        nodes = "nodes:\n  r: {component: read, with: {number: 3, other: 1.5}}\n  r-number: {component: make}\n"
        assert sorted(node.name for node in planned(nodes).nodes) == ["r", "r-number", "r-number-2", "r-other"]


class TestCode:
    def test_a_function_named_in_a_parameter_is_part_of_the_code(self, planned: MakePlan) -> None:
        plain = planned(of_tune({})).node("tune").code
        named = planned(of_tune({"derive": derive})).node("tune").code
        assert named.digest != plain.digest

    def test_so_is_one_inside_of_a_model(self, planned: MakePlan) -> None:
        plain = planned(of_tune({})).node("tune").code
        named = planned(of_tune({"hyper": {"derive": f"{derive.__module__}:derive"}})).node("tune").code
        assert named.digest != plain.digest

    def test_so_is_one_that_a_pipeline_parameter_names(self, planned: MakePlan) -> None:
        text = (
            "parameters: {f: {type: CodeRef}}\n"
            "nodes: {tune: {component: tune, with: {hyper: {}, derive: '${params.f}'}}}\n"
        )
        plain = planned(of_tune({})).node("tune").code
        assert planned(text, {"f": "tests.unit.pipelines.steps:derive"}).node("tune").code.digest != plain.digest

    def test_a_function_cannot_be_named_by_an_output(self, problems: Problems) -> None:
        line = "x: {component: tune, with: {hyper: {}, derive: '${train.notes}'}}"
        assert "what code it names must be known before the run" in problems(added(line))[0]

    def test_a_closure_runs_in_process_and_has_no_digest(self, planned: MakePlan) -> None:
        from cmcore import component

        @component
        def here() -> None: ...

        @pipeline
        def p() -> None:
            here()

        node = planned(p).node("here")
        assert (node.in_process, node.code) == (True, None)


def of_rows(rows: object) -> Pipeline:
    @pipeline
    def p() -> None:
        make(rows=rows)

    return p


def of_tune(given: dict[str, object]) -> Pipeline:
    @pipeline
    def p() -> None:
        tune(**{"hyper": {}, **given})

    return p


def test_merged_literals_are_refused_where_artifacts_are_wanted(problems: Problems) -> None:
    @pipeline
    def p() -> None:
        merge(parts=["a.csv", make().examples])

    assert "takes Examples, found the value 'a.csv'" in problems(p)[0]


def test_an_output_of_a_list_input_of_another_type_is_refused(problems: Problems) -> None:
    @pipeline
    def p() -> None:
        made = make()
        read(number=made.examples)

    assert "takes Integer, but output 'examples' of node 'make' (make) is Examples" in problems(p)[0]


def test_of_a_node_with_an_unknown_component_only_that_is_said(problems: Callable[..., list[str]]) -> None:
    given = "{examples: '${a.examples}', base: '${a.model}'}"
    (found,) = problems(f"nodes:\n  a: {{component: maek}}\n  b: {{component: train, with: {given}}}\n")
    assert "'maek'" in found


def test_an_artifact_type_that_is_misspelt_is_told_what_was_meant(problems: Callable[..., list[str]]) -> None:
    (found,) = problems("nodes:\n  a: {importer: {uri: x, type: File}}\n")
    assert "did you mean 'Files'?" in found
