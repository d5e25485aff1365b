"""What the log tells comes out as runs, series and searches."""

from __future__ import annotations

import math

import pytest

from cmcore.errors import NotFoundError, UsageError
from cmcore.events import Event, EventKind
from cmcore.filters.parse import parse, parse_field
from cmcore.state.database import StateDatabase
from cmcore.state.journal import Journal
from cmcore.state.runs import RunRow, Runs
from cmcore.tracking.query import Order
from cmcore.tracking.store import Tracking
from cmcore.tracking.values import Series, SeriesPoint, TrackedMetric, TrackedNote, TrackedParam
from tests.unit.tracking.log import (
    START,
    ended,
    finished,
    point,
    published,
    started,
    submitted,
    told,
    tracked,
    whole_run,
)

LOSS = Series(node="train", name="loss")


def names(tracking: Tracking, text: str) -> list[str]:
    """The runs that a search finds, the newest first."""
    return [run.run for run in tracking.search(parse(text))]


def test_a_run_has_the_parameters_and_who_set_them(database: StateDatabase, tracking: Tracking) -> None:
    told(database, *whole_run("a"))
    assert tracking.run("a").params == (
        TrackedParam(node="", name="epochs", text="3", layer="file cm.yaml"),
        TrackedParam(node="", name="lr", text="0.1", layer="set"),
        TrackedParam(node="train", name="lr", text="0.1", layer="node"),
    )


def test_a_run_has_the_last_value_of_every_metric(database: StateDatabase, tracking: Tracking) -> None:
    told(database, *whole_run("a"))
    assert tracking.run("a").metrics == (
        TrackedMetric(node="evaluator", name="auc", value=0.9),
        TrackedMetric(node="train", name="loss", value=0.33),
        TrackedMetric(node="train", name="rows", value=100.0),
    )


def test_a_run_has_state_times_and_code(database: StateDatabase, tracking: Tracking) -> None:
    version = {"commit": "abc", "dirty_digest": "sha256:d"}
    told(database, started("a", code_version=version, environment_digest="sha256:e", argv=["cm", "run"]), ended("a"))
    run = tracking.run("a")
    assert (run.state, run.duration_s, run.commit, run.changes, run.environment, run.command) == (
        "SUCCEEDED", 60.0, "abc", "sha256:d", "sha256:e", ("cm", "run")
    )  # fmt: skip


def test_a_run_that_goes_on_has_no_end(database: StateDatabase, tracking: Tracking) -> None:
    resumed = Event(kind=EventKind.RUN_RESUMED, at=START + 70, run="a", data={"pipeline": "flights"})
    told(database, started("a"), ended("a", state="FAILED"), resumed)
    assert (tracking.run("a").state, tracking.run("a").finished_at) == ("RUNNING", None)


def test_points_make_a_series(database: StateDatabase, tracking: Tracking) -> None:
    told(database, started("a"), submitted("a"), tracked("a", point("loss", 2, 0.5), point("loss", 1, "nan")))
    first, second = tracking.series("a", LOSS)
    assert (first.step, math.isnan(first.value), second) == (1, True, SeriesPoint(step=2, at=START + 2, value=0.5))


def test_the_last_point_is_a_metric_before_its_node_ends(database: StateDatabase, tracking: Tracking) -> None:
    told(database, started("a"), submitted("a"), tracked("a", point("loss", 1, 0.7), point("loss", 2, 0.5)))
    assert tracking.run("a").metrics == (TrackedMetric(node="train", name="loss", value=0.5),)


def test_the_machine_is_read_over_time(database: StateDatabase, tracking: Tracking) -> None:
    reading = {"kind": "system", "name": "cpu_percent"}
    told(
        database, started("a"), tracked("a", {**reading, "at": 5.0, "value": 90.0}, {**reading, "at": 4.0, "value": 1})
    )
    series = Series(node="train", name="cpu_percent", system=True)
    assert [it.value for it in tracking.series("a", series)] == [1.0, 90.0]


def test_series_are_listed_with_the_run(database: StateDatabase, tracking: Tracking) -> None:
    told(database, *whole_run("a"))
    assert tracking.run("a").series == (LOSS,)


@pytest.mark.parametrize(("value", "expected"), [("inf", math.inf), ("-inf", -math.inf), (3, 3.0), (1e300, 1e300)])
def test_every_number_comes_back(
    value: float | str, expected: float, database: StateDatabase, tracking: Tracking
) -> None:
    told(database, started("a"), finished("a", metrics={"m": value}))
    assert tracking.run("a").metrics[0].value == expected


def test_nan_comes_back(database: StateDatabase, tracking: Tracking) -> None:
    told(database, started("a"), finished("a", metrics={"m": "nan"}))
    assert math.isnan(tracking.run("a").metrics[0].value)


def test_another_attempt_replaces_what_the_one_before_tracked(database: StateDatabase, tracking: Tracking) -> None:
    first = tracked(
        "a", point("loss", 1, 0.9), {"kind": "tag", "name": "t", "value": "1"}, {"kind": "note", "text": "n"}
    )
    told(database, started("a"), submitted("a"), first, submitted("a", attempt=2))
    run = tracking.run("a")
    assert (run.metrics, run.tags, run.notes, run.series, tracking.series("a", LOSS)) == ((), {}, (), (), [])


def test_another_attempt_leaves_other_nodes_alone(database: StateDatabase, tracking: Tracking) -> None:
    told(database, started("a"), finished("a", "evaluator", metrics={"auc": 1}), submitted("a", attempt=2))
    assert tracking.run("a").metrics == (TrackedMetric(node="evaluator", name="auc", value=1.0),)


def test_another_attempt_in_a_later_portion_does_the_same(database: StateDatabase, tracking: Tracking) -> None:
    told(database, started("a"), submitted("a"), tracked("a", point("loss", 1, 0.9)))
    tracking.catch_up()
    told(database, submitted("a", attempt=2), tracked("a", point("loss", 5, 0.1), attempt=2))
    assert [it.step for it in tracking.series("a", LOSS)] == [5]


def test_files_lie_in_the_payload_of_their_attempt(database: StateDatabase, tracking: Tracking) -> None:
    file = {"kind": "file", "what": "image", "name": "roc", "path": "images/0001-roc.png", "media_type": "image/png"}
    told(database, started("a"), tracked("a", file), published("a", "tracked_files", type="TrackedFiles"))
    (found,) = tracking.run("a").files
    assert (found.what, found.name, found.path, found.uri) == (
        "image", "roc", "images/0001-roc.png", "/store/a/train/1/tracked_files/0"
    )  # fmt: skip


def test_imported_data_are_the_datasets(database: StateDatabase, tracking: Tracking) -> None:
    data = published("a", "artifact", "raw", type="Files", uri="data", digest="sha256:77")
    told(database, started("a"), submitted("a", "raw", component="Importer"), data, published("a"))
    assert [(it.uri, it.digest) for it in tracking.run("a").datasets] == [("data", "sha256:77")]


def test_a_node_from_the_cache_has_what_the_original_tracked(database: StateDatabase, tracking: Tracking) -> None:
    told(database, *whole_run("a"), started("b"), finished("b", state="CACHED", cached_from="a/train/1"))
    run = tracking.run("b")
    assert (run.tags, run.series, [it.output for it in run.artifacts]) == ({"team": "x"}, (LOSS,), ["model"])


def test_the_points_of_a_node_from_the_cache_are_those_of_the_original(
    database: StateDatabase, tracking: Tracking
) -> None:
    told(database, *whole_run("a"), started("b"), finished("b", state="CACHED", cached_from="a/train/1"))
    told(database, started("c"), finished("c", state="CACHED", cached_from="b/train/1"))
    assert tracking.series("c", LOSS) == tracking.series("a", LOSS)


def test_data_that_was_imported_before_is_still_a_dataset(database: StateDatabase, tracking: Tracking) -> None:
    data = published("a", "artifact", "raw", type="Files", uri="data", digest="sha256:77")
    told(database, started("a"), submitted("a", "raw", component="Importer"), data)
    again = finished("b", "raw", state="CACHED", cached_from="a/raw/1/artifact/0")
    told(database, started("b"), submitted("b", "raw", component="Importer"), again)
    assert [it.digest for it in tracking.run("b").datasets] == ["sha256:77"]


def test_a_run_from_before_parameters_were_told_has_them_from_its_row(
    database: StateDatabase, tracking: Tracking
) -> None:
    options = '{"facts": {"parameters": {"lr": {"value": 1, "layer": "default"}}, "source": "old.py"}}'
    row = RunRow(
        run="old", project="demo", pipeline="flights", actor="eve", state="SUCCEEDED", created_at=1.0,
        finished_at=2.0, plan="{}", options=options,
    )  # fmt: skip
    Runs(database).create(row)
    told(database, Event(kind=EventKind.RUN_STARTED, at=1.0, run="old", data={"pipeline": "flights", "nodes": []}))
    found = tracking.run("old")
    assert (found.actor, found.source, [it.layer for it in found.params]) == ("eve", "old.py", ["default"])


def test_tags_are_given_and_taken_away(database: StateDatabase, tracking: Tracking) -> None:
    told(database, *whole_run("a"))
    tracking.tag("a", {"team": "y", "stage": "prod"}, actor="ana")
    tracking.tag("a", {"team": None}, actor="ana")
    assert tracking.run("a").tags == {"stage": "prod"}


def test_tags_are_events_with_their_actor(database: StateDatabase, tracking: Tracking) -> None:
    told(database, started("a"))
    tracking.tag("a", {"team": "y", "old": None}, actor="ana")
    event = Journal(database).read()[-1]
    assert (event.kind, event.at, event.data) == (
        EventKind.RUN_TAGGED, START + 100, {"tags": {"team": "y", "old": None}, "actor": "ana"}
    )  # fmt: skip


def test_notes_add_up(database: StateDatabase, tracking: Tracking) -> None:
    told(database, started("a"), tracked("a", {"kind": "note", "text": "warm start"}))
    tracking.note("a", "the best so far", actor="ana")
    assert tracking.run("a").notes == (
        TrackedNote(node="train", at=START + 2, actor="", text="warm start"),
        TrackedNote(node="", at=START + 100, actor="ana", text="the best so far"),
    )


@pytest.mark.parametrize("name", ["", "a=b", "é", "x" * 251, "a\nb"])
def test_a_name_that_no_tag_has_is_refused(name: str, database: StateDatabase, tracking: Tracking) -> None:
    told(database, started("a"))
    with pytest.raises(UsageError, match="cannot name a tag"):
        tracking.tag("a", {name: "x"}, actor="ana")


@pytest.mark.parametrize("text", ["x" * 5001, "\0", "\ud800"])
def test_a_text_that_cannot_be_kept_is_refused(text: str, database: StateDatabase, tracking: Tracking) -> None:
    told(database, started("a"))
    with pytest.raises(UsageError):
        tracking.note("a", text, actor="ana")


def test_an_empty_note_is_refused(database: StateDatabase, tracking: Tracking) -> None:
    told(database, started("a"))
    with pytest.raises(UsageError, match="says nothing"):
        tracking.note("a", " \n", actor="ana")


def test_a_run_that_there_is_not_cannot_be_tagged(tracking: Tracking) -> None:
    with pytest.raises(NotFoundError, match="no run 'a'"):
        tracking.tag("a", {"t": "x"}, actor="ana")


def test_a_run_that_there_is_not_cannot_be_asked_for(tracking: Tracking) -> None:
    with pytest.raises(NotFoundError, match="no run 'a'"):
        tracking.run("a")


def test_runs_come_in_the_order_in_which_they_were_named(database: StateDatabase, tracking: Tracking) -> None:
    told(database, started("a"), started("b"))
    assert [run.run for run in tracking.runs(["b", "a"])] == ["b", "a"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("metrics.auc > 0.8", ["c", "a"]),
        ("metrics.'evaluator.auc' > 0.8", ["c", "a"]),
        ("metrics.evaluator.auc > 0.8", ["c", "a"]),
        ("metrics.train.auc > 0.8", []),
        ("metrics.auc = 'nan'", ["d"]),
        ("not metrics.auc >= 0", ["d"]),
        ("metrics.auc in ('nan', 0.7)", ["d", "b"]),
        ("params.lr = 0.2", ["b"]),
        ("params.train.lr = 0.2", ["b"]),
        ("params.lr = '0.2'", ["b"]),
        ("params.epochs = 3", ["d", "c", "b", "a"]),
        ("tags.team like 'X'", ["b", "a"]),
        ("tags.team exists and not tags.team in ('x')", ["d", "c"]),
        ("state = 'SUCCEEDED' and duration >= 60", ["d", "c", "b", "a"]),
        ("run = 'a' or run > 'c'", ["d", "a"]),
        ("pipeline != 'flights'", []),
        ("actor = 'ana' and project = 'demo' and source like '%flights.py'", ["d", "c", "b", "a"]),
        (f"started > {START + 150}", ["d", "c"]),
        ("started > '2026-09-21T14:15:30Z'", ["d", "c"]),
        ("started in ('2026-09-21T14:13:20+00:00')", ["a"]),
        ("finished > '2000-01-01' and started < '2100-01-01 10:30'", ["d", "c", "b", "a"]),
    ],
)
def test_a_search_finds(text: str, expected: list[str], database: StateDatabase, tracking: Tracking) -> None:
    for number, (name, auc) in enumerate({"a": 0.9, "b": 0.7, "c": 0.95, "d": "nan"}.items()):
        lr = 0.2 if name == "b" else 0.1
        told(database, *whole_run(name, at=START + 100 * number, auc=auc, lr=lr, team="x" if number < 2 else "y"))
    assert names(tracking, text) == expected


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("auc > 0.8", r"no field 'auc'; did you mean metrics.auc, params.auc or tags.auc\?"),
        ("stat = 'x'", r"did you mean 'state'\?"),
        ("metric.auc > 0.8", r"did you mean 'metrics.NAME'\?"),
        ("started > 'yesterday'", r"compared with a time, and 'yesterday' is none; write started > \"2026-07-29\""),
        ("started like '2026%'", "not compared with like"),
        ("metrics.mae < 'low'", r"metrics.mae is compared with a number, and 'low' is none; write metrics.mae < 0.5"),
        ("metrics.mae < '10'", r"'10' is none; write metrics.mae < 0.5"),
        ("metrics.mae != 'low'", "compared with a number"),
        ("metrics.mae in (0.1, 'low')", "compared with a number"),
        ("metrics.mae = true", "compared with a number"),
        ("duration > 'long'", "duration is compared with a number, and 'long' is none"),
    ],
)
def test_a_filter_on_what_there_is_not_is_refused(text: str, message: str, tracking: Tracking) -> None:
    with pytest.raises(UsageError, match=message):
        names(tracking, text)


@pytest.mark.parametrize(
    ("field", "descending", "expected"),
    [
        ("metrics.auc", True, ["c", "a", "b", "d"]),
        ("metrics.auc", False, ["b", "a", "c", "d"]),
        ("started", False, ["a", "b", "c", "d"]),
        ("tags.team", True, ["c", "b", "a", "d"]),
        ("params.lr", True, ["d", "c", "b", "a"]),
    ],
)
def test_a_search_is_sorted(
    field: str, descending: bool, expected: list[str], database: StateDatabase, tracking: Tracking
) -> None:
    for number, (name, auc) in enumerate({"a": 0.9, "b": 0.7, "c": 0.95, "d": "nan"}.items()):
        told(database, *whole_run(name, at=START + number, auc=auc, lr=0.1 + number, team=name))
    tracking.tag("d", {"team": None}, actor="ana")
    order = Order(field=parse_field(field), descending=descending)
    assert [run.run for run in tracking.search(order_by=order)] == expected


def test_a_search_is_limited(database: StateDatabase, tracking: Tracking) -> None:
    told(database, started("a"), started("b"))
    assert [run.run for run in tracking.search(limit=1)] == ["b"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [("started > '2 hours ago'", ["new"]), ("started < '1 day ago'", []), ("started > '3 days ago'", ["new", "old"])],
)
def test_a_search_knows_how_long_ago(text: str, expected: list[str], database: StateDatabase) -> None:
    told(database, *whole_run("old", at=START), *whole_run("new", at=START + 10_000))
    assert names(Tracking(database, clock=lambda: START + 11_000), text) == expected


def test_the_names_that_runs_have_are_known_by_group(database: StateDatabase, tracking: Tracking) -> None:
    told(database, *whole_run("a"))
    assert [tracking.names(group) for group in ("metrics", "params", "tags")] == [
        ["auc", "loss", "rows"],
        ["epochs", "lr"],
        ["team"],
    ]


def test_a_leaderboard_ranks_runs_by_their_best_value(database: StateDatabase, tracking: Tracking) -> None:
    for name, auc in {"a": 0.9, "b": 0.7, "d": "nan"}.items():
        told(database, *whole_run(name, auc=auc))
    told(database, finished("b", "other", metrics={"auc": 0.95}))
    assert [(it.place, it.run.run, it.node, it.value) for it in tracking.leaderboard("auc")] == [
        (1, "b", "other", 0.95),
        (2, "a", "evaluator", 0.9),
    ]


def test_a_leaderboard_may_want_the_smallest(database: StateDatabase, tracking: Tracking) -> None:
    told(database, *whole_run("a", auc=0.9), *whole_run("b", auc=0.7))
    assert [it.run.run for it in tracking.leaderboard("evaluator.auc", minimise=True)] == ["b", "a"]


def test_a_leaderboard_may_be_of_some_runs(database: StateDatabase, tracking: Tracking) -> None:
    told(database, *whole_run("a", team="x"), *whole_run("b", team="y"))
    assert [it.run.run for it in tracking.leaderboard("auc", asked=parse("tags.team = 'x'"))] == ["a"]
