"""A run reproduced after everything around it has changed: data, code, what a resolver would find."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from cmcore.errors import StorageError
from cmcore.stack import Project
from cmcore.stack.reproducing import refuse_damaged
from cmcore.testing.records import an_artifact
from tests.integration.provenance.project_of_words import Loud, changed, committed, copied, nodes, verdicts

OPTIONAL = "\n\ntry:\n    import optional\nexcept ImportError:\n    optional = None\n\n\n@component"

pytestmark = pytest.mark.integration


@dataclass(frozen=True, slots=True, kw_only=True)
class Story:
    """Three runs on three texts; then the second text is put back, the code edited, the second run reproduced."""

    loud: Loud
    run: str
    status: str
    report: dict[str, Any]


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Story:
    loud = committed(copied(tmp_path_factory.mktemp("story") / "loud"))
    runs = []
    for words in ("one", "two", "three"):
        loud.say(words)
        runs.append(loud.run())
    loud.say("two")
    loud.speak("title")
    status = loud.git("status", "--porcelain")
    return Story(loud=loud, run=runs[1], status=status, report=loud.reproduced(runs[1]))


def test_recorded_code_is_run_and_not_the_edited(story: Story) -> None:
    assert (verdicts(story.report)["shout"], story.report["code"]["laid_over"]) == ("equal", [])


def test_a_resolver_gives_what_it_found_then(story: Story) -> None:
    found = verdicts(story.report)
    assert (found["previous"], found["compare"]) == ("given", "equal")


def test_a_node_that_draws_on_the_clock_is_named_as_nondeterministic(story: Story) -> None:
    stamp = nodes(story.report)["stamp"]
    assert (stamp["verdict"], str(stamp["reason"]).partition(":")[0]) == ("differs", "nondeterministic")


def test_the_file_and_the_metric_that_differ_are_named(story: Story) -> None:
    stamp = nodes(story.report)["stamp"]
    outputs, metrics = stamp["outputs"], stamp["metrics"]
    assert (outputs[0]["files"], metrics[0]["name"]) == (["time"], "at")


def test_what_reads_a_differing_node_is_judged_on_what_it_read_then(story: Story) -> None:
    measure = nodes(story.report)["measure"]
    assert (measure["verdict"], measure["on_recorded_inputs"]) == ("equal", True)


def test_a_node_that_changes_the_world_is_never_run_again(story: Story) -> None:
    assert verdicts(story.report)["announce"] == "given"
    assert len((story.loud.folder / "board.txt").read_text().splitlines()) == 3


def test_everything_recorded_was_held_fixed(story: Story) -> None:
    assert changed(story.report) == []


def test_the_users_repository_is_as_it_was(story: Story) -> None:
    assert (story.loud.git("status", "--porcelain"), story.loud.git("worktree", "list").count("\n")) == (
        story.status,
        1,
    )


def test_the_project_has_no_run_more(story: Story) -> None:
    assert story.loud.call("runs", "--json").stdout.count('"run":') == 3


def test_only_the_report_is_left(story: Story) -> None:
    left = sorted((story.loud.folder / ".cm" / "reproductions").iterdir())
    assert {file.suffix for file in left} == {".json"}


def test_verify_fails_while_a_node_differs(story: Story) -> None:
    assert story.loud.reproduced(story.run, "--verify", code=1)["verified"] is False


def test_verify_holds_if_the_node_is_accepted(story: Story) -> None:
    assert story.loud.reproduced(story.run, "--verify", "--accept", "stamp")["verified"] is True


def test_accepting_an_unknown_node_is_refused(story: Story) -> None:
    assert "has no node stampp" in story.loud.call("reproduce", story.run, "--accept", "stampp", code=64).stderr


def test_the_table_names_every_node_with_its_verdict(story: Story) -> None:
    shown = story.loud.call("reproduce", story.run).stdout
    assert "NOT REPRODUCED" in shown
    assert "on what it read then" in shown


def test_code_that_was_never_committed_is_laid_over_the_commit(loud: Loud) -> None:
    loud.speak("title")
    run = loud.run()
    loud.speak("lower")
    report = loud.reproduced(run)
    assert (verdicts(report)["shout"], report["code"]["laid_over"]) == ("equal", ["wording.py"])


def test_an_artifact_whose_payload_was_deleted_cannot_be_given_again(tmp_path: Path) -> None:
    facts = {"deleted_at": 0.0, "deleted_reason": "collected by ada"}
    gone = an_artifact("r1/find/1/found/0", deleted=True, facts=facts)
    with (
        Project(tmp_path, environment={}) as project,
        pytest.raises(StorageError, match="1970-01-01: collected by ada"),
    ):
        refuse_damaged(project, gone)


def test_files_that_were_not_committed_are_named_as_not_held(loud: Loud) -> None:
    (loud.folder / "loud.yaml").write_text((loud.folder / "loud.yaml").read_text() + "# as it was then\n")
    assert changed(loud.reproduced(loud.run())) == ["uncommitted files other than kept code"]


def test_a_module_that_the_commit_has_and_the_run_had_not_is_taken_away(loud: Loud) -> None:
    (loud.folder / "optional.py").write_text("WORD = 'now'\n")
    steps = loud.folder / "steps.py"
    text = steps.read_text().replace("\n\n\n@component", OPTIONAL, 1)
    steps.write_text(text.replace("text = loud(", "text = str(optional is None) + loud("))
    loud.git("add", "--all")
    loud.git("commit", "--quiet", "--message", "second")
    (loud.folder / "optional.py").unlink()
    run = loud.run()
    assert verdicts(loud.reproduced(run))["shout"] == "equal"


def test_without_git_the_kept_files_are_the_code(tmp_path: Path) -> None:
    loud = copied(tmp_path / "loud")
    loud.say("hello")
    run = loud.run()
    loud.speak("title")
    report = loud.reproduced(run)
    assert (verdicts(report)["shout"], report["code"]["commit"]) == ("equal", "")


def test_code_that_is_nowhere_any_more_is_refused_by_the_nodes_names(tmp_path: Path) -> None:
    loud = copied(tmp_path / "loud")
    loud.say("hello")
    run = loud.run()
    shutil.rmtree(loud.folder / ".cm" / "code")
    assert (
        "the code of compare, installed, measure, shout, stamp cannot be had"
        in loud.call("reproduce", run, code=66).stderr
    )


def test_changed_data_stops_before_anything_runs(loud: Loud) -> None:
    run = loud.run()
    loud.say("something else")
    told = loud.call("reproduce", run, code=66)
    assert f"{loud.folder.as_uri()}/data: sha256:" in told.stderr
    assert "started" not in told.stdout


def test_changed_data_may_be_allowed_and_is_then_named_as_the_reason(loud: Loud) -> None:
    run = loud.run()
    loud.say("something else")
    report = loud.reproduced(run, "--allow-changed-data")
    shout = nodes(report)["shout"]
    assert (shout["verdict"], shout["reason"]) == ("differs", "it read data that has changed")
    assert changed(report) == [f"data {loud.folder.as_uri()}/data"]


def test_data_that_is_gone_cannot_be_allowed(loud: Loud) -> None:
    run = loud.run()
    shutil.rmtree(loud.folder / "data")
    assert "nothing there now" in loud.call("reproduce", run, "--allow-changed-data", code=66).stderr


def test_changed_data_that_git_has_is_taken_from_the_commit(tmp_path: Path) -> None:
    loud = copied(tmp_path / "loud")
    loud.say("hello")
    committed(loud, ignored="board.txt\n__pycache__/\n")
    run = loud.run()
    loud.say("something else")
    report = loud.reproduced(run)
    assert (verdicts(report)["shout"], report["data"][0]["standing"]) == ("equal", "checked out")


def test_a_kept_reproduction_has_code_and_payloads(loud: Loud) -> None:
    report = loud.reproduced(loud.run(), "--keep")
    folder = Path(str(report["folder"]))
    assert {"wording.py", ".cm"} <= {each.name for each in (folder / "code").iterdir()}
    assert list((folder / "code" / ".cm" / "artifacts").glob("*/shout/1/loudly/0/text"))


def test_a_node_that_fails_now_is_named_with_its_reason_and_the_code_is_1(loud: Loud) -> None:
    (loud.folder / "side.txt").write_text("not committed, not imported: nothing records it")
    steps = loud.folder / "steps.py"
    steps.write_text(
        steps.read_text().replace("now = time.time_ns()", "now = len(Path(__file__).with_name('side.txt').read_text())")
    )
    (loud.folder / ".gitignore").write_text("side.txt\ndata/\nboard.txt\n")
    run = loud.run()
    report = loud.reproduced(run, code=1)
    stamp, measure = nodes(report)["stamp"], nodes(report)["measure"]
    assert (stamp["verdict"], "side.txt" in str(stamp["reason"])) == ("failed", True)
    assert measure["verdict"] == "equal"
