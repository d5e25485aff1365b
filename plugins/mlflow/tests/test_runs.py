"""What becomes of the less usual things that runs tell."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from cmcore.errors import TrackerError
from cmcore.events import Event, EventKind
from cmcore.testing.tracker import AT, RUN, PlainMemory, a_fact, numbered, run_events
from cmcore.tracked import RECORDS, Param, Point, Record
from cmcore_mlflow.testing import View
from cmcore_mlflow.tracker import mlflow_tracker

if TYPE_CHECKING:
    from mlflow.entities import DatasetInput

pytestmark = [pytest.mark.integration, pytest.mark.filterwarnings("ignore")]  # MLflow's own warnings
STARTED, NODE, FINISHED = run_events(nodes=["train"])[0], run_events(nodes=["train"])[1:-1], run_events()[-1]
SUBMITTED, ADDRESS = NODE[0], f"{RUN}/train/1"


def tracked(*records: Record) -> Event:
    """An event with records of the node."""
    return a_fact(EventKind.ATTEMPT_TRACKED, RUN, "train", ADDRESS, records=RECORDS.dump_python(list(records)))


def told(view: View, folder: Path, *events: Event, **options: float) -> View:
    """Deliver a run with these events in it."""
    tracker = mlflow_tracker(PlainMemory(), folder, uri=view.uri, **options)
    tracker.deliver(numbered([STARTED, SUBMITTED, *events]))
    return view


def published(folder: Path, content: str) -> Event:
    """The event of the tracked files of the node, one file."""
    place = folder / "payload" / "texts"
    place.mkdir(parents=True)
    (place / "0001-words.txt").write_text(content)
    return a_fact(
        EventKind.ARTIFACT_PUBLISHED, RUN, "train", ADDRESS, output="tracked_files", type="TrackedFiles", id=7,
        name=f"{ADDRESS}/tracked_files/0", digest="sha256:f", uri=place.parent.as_uri(),
    )  # fmt: skip


def files_of(view: View) -> list[str]:
    """The files of the node in MLflow."""
    run = view.node(RUN, "train").info.run_id
    return [
        file.path for place in view.client.list_artifacts(run) for file in view.client.list_artifacts(run, place.path)
    ]


def datasets_of(view: View) -> list[DatasetInput]:
    """What the node read."""
    inputs = view.node(RUN, "train").inputs
    assert inputs is not None
    return inputs.dataset_inputs


def test_a_node_is_below_its_run(view: View, tmp_path: Path) -> None:
    told(view, tmp_path)
    assert view.node(RUN, "train").data.tags["mlflow.parentRunId"] == view.node(RUN).info.run_id


def test_tags_lead_back_to_ml_metadata(view: View, tmp_path: Path) -> None:
    told(view, tmp_path, *NODE[1:])
    tags = view.node(RUN, "train").data.tags
    assert (tags["cmcore.mlmd.execution_id"], tags["cmcore.mlmd.artifact_ids"]) == ("1", "11")


def test_the_commit_is_where_mlflow_shows_it(view: View, tmp_path: Path) -> None:
    told(view, tmp_path)
    tags = view.node(RUN).data.tags
    assert (tags["mlflow.source.git.commit"], tags["cmcore.commit"]) == ("c0ffee", "c0ffee")


def test_a_node_has_the_user_and_the_source_of_its_run(view: View, tmp_path: Path) -> None:
    told(view, tmp_path)
    tags = view.node(RUN, "train").data.tags
    assert (tags["mlflow.user"], tags["mlflow.source.name"]) == ("ada", "train.py")


def test_the_layer_that_set_a_parameter_is_a_tag(view: View, tmp_path: Path) -> None:
    told(view, tmp_path)
    assert view.node(RUN).data.tags["cmcore.layer.rate"] == "--set"


def test_metrics_of_nodes_are_the_runs_too(view: View, tmp_path: Path) -> None:
    told(view, tmp_path, *NODE[1:])
    assert view.node(RUN).data.metrics["train/auc"] == 0.51


def test_what_a_node_read_is_a_dataset_with_its_digest(view: View, tmp_path: Path) -> None:
    told(view, tmp_path)
    (found,) = datasets_of(view)
    assert (found.dataset.digest, {tag.key: tag.value for tag in found.tags}["cmcore.digest"]) == (
        "d" * 36,
        "sha256:" + "d" * 64,
    )


def test_what_a_node_read_under_two_keys_is_one_dataset(view: View, tmp_path: Path) -> None:
    given = SUBMITTED.data["inputs"][0]  # type: ignore[index] # a list of one
    twice = SUBMITTED.model_copy(update={"data": {**SUBMITTED.data, "inputs": [given, {**given, "key": "base"}]}})  # type: ignore[dict-item]
    mlflow_tracker(PlainMemory(), tmp_path, uri=view.uri).deliver(numbered([STARTED, twice]))
    (found,) = datasets_of(view)
    assert {tag.key: tag.value for tag in found.tags}["mlflow.data.context"] == "data,base"


def test_what_a_node_made_is_in_a_file(view: View, tmp_path: Path) -> None:
    told(view, tmp_path, *NODE[1:])
    run = view.node(RUN, "train").info.run_id
    path = view.client.download_artifacts(run, "cmcore/artifacts.json", str(tmp_path))
    (made,) = json.loads(Path(path).read_text())
    assert (made["type"], made["uri"]) == ("Model", "s3://b/train")


def test_tracked_files_are_copied(view: View, tmp_path: Path) -> None:
    told(view, tmp_path, published(tmp_path, "words"))
    assert files_of(view) == ["texts/0001-words.txt"]


def test_tracked_files_that_are_too_large_are_referred_to(view: View, tmp_path: Path) -> None:
    told(view, tmp_path, published(tmp_path, "x" * 2**20), upload_files_mib=0.5)
    kept = view.node(RUN, "train").data.tags["cmcore.files"]
    assert (files_of(view), "1.0 MiB are more than upload_files_mib allows" in kept) == ([], True)


def test_tracked_files_that_are_gone_are_referred_to(view: View, tmp_path: Path) -> None:
    event = published(tmp_path, "words")
    event = event.model_copy(update={"data": {**event.data, "uri": "file:///nowhere/at/all"}})
    told(view, tmp_path, event)
    assert "cannot be read from here" in view.node(RUN, "train").data.tags["cmcore.files"]


def test_thousands_of_points_in_one_portion_are_all_there(view: View, tmp_path: Path) -> None:
    points = [Point(at=AT + step, name="loss", step=step, value=step / 7) for step in range(2500)]
    told(view, tmp_path, tracked(*points))
    history = view.client.get_metric_history(view.node(RUN, "train").info.run_id, "loss")
    assert sorted((it.step, it.value) for it in history) == [(step, step / 7) for step in range(2500)]


def test_names_and_values_that_mlflow_refuses_are_there_in_another_spelling(view: View, tmp_path: Path) -> None:
    point = Point(at=AT, name="f1@0.5: a//b", step=1, value=math.inf)
    told(view, tmp_path, tracked(point, Param(at=AT, name="query?", value="\0")))
    data = view.node(RUN, "train").data
    assert (data.metrics, data.params["query:3f:"]) == ({"f1:40:0.5:3a: a:2f::2f:b": 1.7976931348623157e308}, "\\x00")


def test_a_metric_after_a_series_is_its_last_value(view: View, tmp_path: Path) -> None:
    points = [Point(at=AT + step, name="loss", step=step, value=1 - step / 10) for step in range(3)]
    finished = NODE[-1].model_copy(update={"data": {**NODE[-1].data, "metrics": {"loss": 0.1}}})
    told(view, tmp_path, tracked(*points), finished)
    history = view.client.get_metric_history(view.node(RUN, "train").info.run_id, "loss")
    assert sorted((it.step, it.value) for it in history) == [(0, 1.0), (1, 0.9), (2, 0.1), (2, 0.8)]


def test_a_parameter_that_is_changed_is_a_tag(view: View, tmp_path: Path) -> None:
    tracker = mlflow_tracker(PlainMemory(), tmp_path, uri=view.uri)
    first, second = (tracked(Param(at=AT, name="seed", value=value)) for value in ("1", "2"))
    for event in numbered([STARTED, SUBMITTED, first, second]):
        tracker.deliver([event])
    data = view.node(RUN, "train").data
    assert (data.params["seed"], data.tags["cmcore.param.seed"]) == ("1", "2")


RETRYING = a_fact(EventKind.NODE_RETRYING, RUN, "train", ADDRESS, at=5, reason="out of memory")
AGAIN = [event.model_copy(update={"address": f"{RUN}/train/2"}) for event in NODE]


def attempts(view: View) -> dict[str, list[str]]:
    """Name, status and state of each attempt at the node."""
    return {
        run.data.tags["cmcore.attempt"]: [str(run.info.run_name), run.info.status, run.data.tags["cmcore.state"]]
        for run in view.runs(RUN)
        if run.data.tags["cmcore.kind"] == "node"
    }


def test_each_attempt_at_a_node_is_there(view: View, tmp_path: Path) -> None:
    told(view, tmp_path, RETRYING, *AGAIN)
    assert attempts(view) == {
        "1": ["train", "FAILED", "RETRIED"],
        "2": ["train (attempt 2)", "FINISHED", "COMPLETE"],
    }


def test_an_attempt_whose_end_nobody_told_is_lost_once_there_is_another(view: View, tmp_path: Path) -> None:
    told(view, tmp_path, *AGAIN)
    assert attempts(view)["1"] == ["train", "KILLED", "LOST"]


def test_what_is_told_without_an_attempt_is_about_the_newest(view: View, tmp_path: Path) -> None:
    told(view, tmp_path, RETRYING, AGAIN[0], a_fact(EventKind.NODE_FINISHED, RUN, "train", state="CANCELED"))
    assert attempts(view)["2"][-1] == "CANCELED"


def test_a_node_that_never_began_is_there(view: View, tmp_path: Path) -> None:
    finished = a_fact(EventKind.NODE_FINISHED, RUN, "other", state="SKIPPED")
    told(view, tmp_path, finished)
    assert view.node(RUN, "other").data.tags["cmcore.state"] == "SKIPPED"


def test_notes_add_up(view: View, tmp_path: Path) -> None:
    notes = [a_fact(EventKind.RUN_NOTED, RUN, text=text, actor="ada") for text in ("good", "very good")]
    told(view, tmp_path, *notes)
    assert view.node(RUN).data.tags["mlflow.note.content"] == "**ada**: good\n\n**ada**: very good"


def test_a_tag_that_was_taken_away_is_gone(view: View, tmp_path: Path) -> None:
    tracker = mlflow_tracker(PlainMemory(), tmp_path, uri=view.uri)
    given, taken = (a_fact(EventKind.RUN_TAGGED, RUN, tags={"team": team}, actor="ada") for team in ("x", None))
    for event in numbered([STARTED, given, taken]):
        tracker.deliver([event])
    assert "team" not in view.node(RUN).data.tags


@pytest.mark.parametrize(
    ("state", "status"), [("FAILED", "FAILED"), ("CANCELED", "KILLED"), ("SKIPPED", "KILLED"), ("CACHED", "FINISHED")]
)
def test_a_node_ends_as_it_ended(view: View, tmp_path: Path, state: str, status: str) -> None:
    told(view, tmp_path, a_fact(EventKind.NODE_FINISHED, RUN, "train", ADDRESS, at=9, state=state))
    info = view.node(RUN, "train").info
    assert (info.status, info.end_time) == (status, round((AT + 9) * 1000))


def test_a_run_that_goes_on_is_running_again(view: View, tmp_path: Path) -> None:
    resumed = STARTED.model_copy(update={"kind": EventKind.RUN_RESUMED})
    tracker = mlflow_tracker(PlainMemory(), tmp_path, uri=view.uri)
    for event in numbered([STARTED, FINISHED, resumed]):
        tracker.deliver([event])
    assert view.node(RUN).info.status == "RUNNING"


def test_the_experiment_is_the_projects_and_the_pipelines(view: View, tmp_path: Path) -> None:
    told(view, tmp_path)
    assert view.client.get_experiment(view.node(RUN).info.experiment_id).name == "demo/train"


def test_two_names_of_which_a_folder_holds_only_one_do_not_stop_what_follows(tmp_path: Path) -> None:
    view = View((tmp_path / "mlruns").as_uri())
    points = [Point(at=AT, name=name, step=1, value=1.0) for name in ("loss", "loss/train")]
    with pytest.raises(Exception, match="Not a directory") as caught:
        told(view, tmp_path, tracked(*points))
    assert not isinstance(caught.value, TrackerError)
