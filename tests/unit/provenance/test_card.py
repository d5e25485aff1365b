"""Model cards: what is filled in, what is missing, and that nothing in them can do harm."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import jsonschema
import pytest
from pydantic import JsonValue

from cmcore.components.code.environment import Environment
from cmcore.lineage.record import ArtifactRecord
from cmcore.provenance.card.card import Card, Metric, Slice, missing
from cmcore.provenance.card.filling import card_of, text
from cmcore.provenance.card.rendering import Format, plot, rendered, slice_table
from cmcore.provenance.card.slices import read_slices
from cmcore.provenance.why.explanation import DataSource, Explanation, Parameter, Records, Standing, Step, Training
from cmcore.registry.facts import Column, EvaluationFacts, Interface, Measure, VersionFacts
from cmcore.registry.names import VersionNumber
from cmcore.registry.values import Approval, Bump, Level, Model, ModelVersion, Move, Verdict
from cmcore.storage.store import PayloadStore
from cmcore.testing.records import an_artifact

SAID: Mapping[str, JsonValue] = {
    "owner": "Delays",
    "description": "Late or not.",
    "intended_use": "Displays",
    "limitations": ["Only 2013", "Only New York"],
    "license": "apache-2.0",
}
NUMBER = VersionNumber(1, 2, 0)
FACTS = VersionFacts(
    digest="sha256:m",
    artifact="r1/train/1/model/0",
    flavors=("onnx",),
    size_bytes=1200,
    interface=Interface(
        inputs={"carrier": Column(type="string", domain=("AA", "UA"))}, outputs={"p": Column(type="float")},
        target={"late": Column(type="long", domain=("0", "1"))},
    ),
    evaluation=EvaluationFacts(
        artifact="r1/evaluate/1/evaluation/0",
        metrics={"log_loss": Measure(value=0.25), "auc": Measure(value=0.94, low=0.93, high=0.95)},
        baseline="sha256:before",
        differences={"auc": Measure(value=0.01, low=0.005, high=0.015)},
        rows=100,
        higher_is_better={"auc": True, "log_loss": False},
    ),
    blessed=True,
)  # fmt: skip


PROMOTED = Move(alias="production", version=NUMBER, from_version=None, generation=1, at=9.0, actor="bob", reason="")


def explained(
    said: Mapping[str, JsonValue] = SAID, own: Mapping[str, JsonValue] | None = None, facts: VersionFacts = FACTS
) -> Explanation:
    model = an_artifact("r1/train/1/model/0")
    data = an_artifact("r1/raw/1/artifact/0", uri="file:///data", type_name="Files", facts={"size": 37_000_000})
    version = ModelVersion(
        model="flights", number=NUMBER, facts=facts, bump=Bump(level=Level.MINOR, reason="auc improved"),
        created_at=0.0, actor="ada", properties=own or {}, aliases=("production",),
    )  # fmt: skip
    records = Records(
        model=Model(name="flights", created_at=0.0, actor="ada", properties=said),
        version=version,
        moves=(PROMOTED,),
        approvals=(
            Approval(
                model="flights", version=NUMBER, environment="production", actor="eve", verdict=Verdict.APPROVED,
                reason="good", at=8.0,
            ),
        ),
    )  # fmt: skip
    return Explanation(
        asked="flights",
        artifact=model,
        records=records,
        training=training(model),
        data=(DataSource(artifact=data, standing=Standing.CHANGED),),
    )


def training(model: ArtifactRecord) -> Training:
    examples = an_artifact("r1/gen/1/examples/0", properties={"span": 12, "splits": ["train"]})
    return Training(
        run="r1",
        node="train",
        pipeline="flights",
        actor="ada",
        at=1.0,
        code_version={"commit": "c0ffee", "dirty": False},
        parameters={"epochs": Parameter(value=3, layer="set")},
        steps=(
            Step(node="gen", component="Gen", execution="r1/gen/1", values={"rows": 9}, outputs=(examples,)),
            Step(node="train", component="Train", execution="r1/train/1", parameters={"lr": 0.1}, outputs=(model,)),
        ),
        environment=Environment(
            python="3.11.9", implementation="cpython", platform="L", interpreter="c", packages=("a==1", "b==2")
        ),
    )


def the_card(**changes: object) -> Card:
    return card_of(explained(**changes))  # type: ignore[arg-type] # a test names what it changes


def test_a_card_with_all_that_people_and_machines_must_say_is_complete() -> None:
    assert missing(the_card()) == ()


@pytest.mark.parametrize("name", ["owner", "description", "intended_use", "limitations"])
def test_what_people_did_not_say_is_missing_by_the_name_of_its_property(name: str) -> None:
    assert missing(the_card(said={key: value for key, value in SAID.items() if key != name})) == (name,)


def test_a_blank_says_nothing() -> None:
    assert missing(the_card(said={**SAID, "owner": "  "})) == ("owner",)


def test_a_model_without_evaluation_and_interface_is_incomplete() -> None:
    bare = VersionFacts(digest="sha256:m")
    assert missing(the_card(facts=bare)) == ("evaluation", "interface")


def test_a_model_from_outside_may_have_its_data_described() -> None:
    outside = replace(explained(said={**SAID, "training_data": "Bought."}), data=(), training=None)
    assert missing(card_of(outside)) == ()


def test_a_model_from_outside_whose_data_nobody_describes_is_incomplete() -> None:
    assert missing(card_of(replace(explained(), data=(), training=None))) == ("training_data",)


def test_the_word_about_the_version_is_stronger_than_that_about_the_model() -> None:
    assert the_card(own={"limitations": "Only January"}).limitations == "Only January"


def test_lists_become_lines_with_a_dash() -> None:
    assert text(SAID, "limitations") == "- Only 2013\n- Only New York"


def test_data_has_its_digest_and_size() -> None:
    source = the_card().training_data.sources[0]
    assert (source.uri, source.digest, source.size_bytes) == ("file:///data", "sha256:r1/raw/1/artifact/0", 37_000_000)


def test_spans_splits_and_rows_come_from_the_steps() -> None:
    step = the_card().training_data.steps[0]
    assert (step.properties, step.values) == ({"span": 12, "splits": ["train"]}, {"rows": 9})


def test_metrics_keep_their_intervals_and_their_direction() -> None:
    assert the_card().evaluation.metrics[0] == Metric(
        name="auc", value=0.94, low=0.93, high=0.95, higher_is_better=True
    )


def test_the_execution_that_made_it_can_be_looked_up() -> None:
    assert the_card().provenance.execution == "r1/train/1"


def test_how_data_stands_today_is_no_part_of_a_card() -> None:
    gone = DataSource(artifact=explained().data[0].artifact, standing=Standing.GONE)
    assert card_of(replace(explained(), data=(gone,))) == the_card()


@pytest.mark.parametrize("form", list(Format))
def test_the_same_card_gives_the_same_bytes(form: Format) -> None:
    assert rendered(the_card(), form) == rendered(the_card(), form)


def test_the_json_is_what_the_schema_says() -> None:
    document = json.loads(rendered(the_card(), Format.JSON))
    jsonschema.validate(document, json.loads(rendered(the_card(), Format.SCHEMA)))
    assert Card.model_validate_json(rendered(the_card(), Format.JSON)) == the_card()


@pytest.mark.parametrize(
    "line",
    [
        "license: apache-2.0",
        "library_name: onnx",
        "# flights 1.2.0",
        "| Owner | Delays |",
        "- Only New York",
        "| auc | 0.94 | 0.93 to 0.95 |",
        "| file:///data | `sha256:r1/raw/1/artifact/0` | 37 MB |",
        '- gen (Gen): rows = 9; span = 12, splits = \\["train"\\]',
        "| carrier | string | yes | AA, UA |",
        "Predicts late, one of 0, 1.",
        "- approved for production by eve, 1970-01-01 00:00:08Z: good",
        "- production by bob, 1970-01-01 00:00:09Z",
    ],
)
def test_the_markdown_says(line: str) -> None:
    assert line in rendered(the_card(), Format.MARKDOWN).splitlines()


def test_an_incomplete_card_says_so_in_markdown_and_html() -> None:
    incomplete = the_card(said={})
    said = "It does not say: owner, description, intended_use, limitations."
    assert said in rendered(incomplete, Format.MARKDOWN)
    assert said in rendered(incomplete, Format.HTML)


HARM = "<script>alert(1)</script>"


@pytest.mark.parametrize("name", [*SAID, "intended_users", "out_of_scope", "ethical_considerations", "contact", "tags"])
@pytest.mark.parametrize("form", [Format.HTML, Format.MARKDOWN])
def test_markup_in_what_people_say_is_text(name: str, form: Format) -> None:
    text_of = rendered(the_card(said={**SAID, name: HARM}), form)
    assert HARM not in text_of.partition("\n# flights" if form is Format.MARKDOWN else "<title>")[2]


def test_a_pipe_and_a_line_break_do_not_leave_their_cell() -> None:
    assert "| Owner | a\\|b c |" in rendered(the_card(said={**SAID, "owner": "a|b\nc"}), Format.MARKDOWN).splitlines()


def test_the_page_fetches_nothing_and_runs_nothing() -> None:
    page = rendered(the_card(), Format.HTML)
    assert not [word for word in ("<script", "<link", "src=", "@import", "url(") if word in page]


def test_a_card_of_a_bare_version_is_written_in_every_format() -> None:
    bare = card_of(replace(explained(said={}, facts=VersionFacts(digest="sha256:m")), data=(), training=None))
    assert all(rendered(bare, form) for form in Format)


def test_slices_show_the_metrics_that_some_of_them_have() -> None:
    found = [
        Slice(of={"origin": origin}, rows=2, metrics=(Metric(name="auc", value=value), Metric(name="ece", value=None)))
        for origin, value in (("JFK", 0.9), ("EWR", None))
    ]
    assert slice_table("origin", found)["metrics"] == ["auc"]


def test_an_interval_is_drawn_between_its_bounds_on_a_line_that_shows_zero() -> None:
    metric = Metric(name="auc", value=0.5, low=0.4, high=1.0)
    assert plot(metric, [metric]) == {"low": 60.0, "high": 150.0, "value": 75.0, "zero": 0.0}


@pytest.fixture
def evaluation(tmp_path: Path) -> Callable[[object], tuple[Slice, ...]]:
    """The slices of an evaluation's payload."""

    def read(document: object) -> tuple[Slice, ...]:
        folder = tmp_path / "evaluation"
        folder.mkdir()
        (folder / "evaluation.json").write_text(json.dumps(document))
        store = PayloadStore(str(tmp_path / "store"))
        return read_slices(store.input(folder.as_uri(), None, imported=True))

    return read


def test_slices_are_read_with_their_intervals(evaluation: Callable[[object], tuple[Slice, ...]]) -> None:
    found = evaluation(
        {
            "higher_is_better": {"auc": True},
            "slices": [{"of": {"month": "8"}, "rows": 5, "metrics": {"auc": {"value": 0.9, "low": 0.8, "high": 1.0}}}],
        }
    )
    metric = Metric(name="auc", value=0.9, low=0.8, high=1.0, higher_is_better=True)
    assert found == (Slice(of={"month": "8"}, rows=5, metrics=(metric,)),)


def test_an_evaluation_without_slices_has_none(evaluation: Callable[[object], tuple[Slice, ...]]) -> None:
    assert evaluation({"overall": {}}) == ()
