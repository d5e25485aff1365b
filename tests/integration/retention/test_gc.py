"""`cm gc --expired` and `cm pin` on runs that have really run."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

import pytest

from cmcore.cli.waste import alone
from cmcore.errors import OutdatedError
from cmcore.registry.facts import VersionFacts
from cmcore.registry.names import Reference
from cmcore.retention.pins import SET, Pin, PinKind
from cmcore.retention.roots import Policy
from cmcore.state.holder import Holder
from cmcore.state.lease import COLLECTION
from tests.integration.retention.conftest import Shell

pytestmark = pytest.mark.integration

COUNTING = """
from cmcore import Context, InputArtifact, OutputArtifact, OutputDict, Parameter, component, pipeline
from cmcore.artifacts import Files, Model


@component
def split(data: OutputArtifact[Files]) -> None:
    with data.open("rows.txt", "w") as stream:
        stream.write("x" * 7)


@component
def count(data: InputArtifact[Files]) -> OutputDict(rows=int):
    with data.open("rows.txt") as stream:
        return {"rows": len(stream.read())}


@component
def train(rows: Parameter[int], model: OutputArtifact[Model], context: Context) -> None:
    with model.open("model.txt", "w") as out:
        out.write(str(rows))
    context.text("report", "all is well")


@pipeline
def flights() -> None:
    train(rows=count(data=split().data).rows)
"""
NODES = {"split/1/data/0", "train/1/model/0", "evaluate/1/evaluation/0"}


def of(run: str, *outputs: str) -> set[str]:
    """Artifacts of a run."""
    return {f"{run}/{output}" for output in outputs or NODES}


@contextmanager
def held(cm: Shell, lease_name: str) -> Iterator[None]:
    """While this process holds a lease of the project."""
    with cm.project() as project:
        leases = project.ledger.leases
        lease = leases.acquire(lease_name, Holder.this("bob"), ttl_s=60.0)
        yield
        leases.release(lease)


def register(cm: Shell, run: str, *, alias: str) -> str:
    """Make the model of a run a version, name it, and put a newer version above it."""
    with cm.project() as project:
        model = project.lineage.artifact(f"{run}/train/1/model/0")
        assert model is not None
        facts = VersionFacts(digest=model.digest, uri=model.uri, artifact=model.name)
        version = project.registry.register("flights", facts).version
        project.registry.set_alias(Reference(model="flights", version=version.number), alias, over=0)
        project.registry.register("flights", VersionFacts(digest="sha256:elsewhere", uri="s3://elsewhere"))
        return str(version)


def until(path: Path) -> None:
    """Wait for a file."""
    while not path.exists():
        time.sleep(0.02)


def test_a_look_names_what_no_root_needs_and_changes_nothing(cm: Shell) -> None:
    old, new = str(cm.run("--set", "rows=1")["run"]), cm.run("--set", "rows=2")["run"]
    assert (cm.gone("--keep-runs", "1"), cm.gone("--keep-runs", "1"), new == old) == (of(old), of(old), False)


def test_what_was_deleted_runs_again_and_stays_in_the_lineage(cm: Shell) -> None:
    old = str(cm.run()["run"])
    cm.gone("--keep-runs", "0", "--delete")
    again = cm.run()
    tree = cm("lineage", f"{old}/evaluate/evaluation").stdout
    assert (again["state"], dict(again["counts"])["executed"], tree.count("(payload deleted")) == ("SUCCEEDED", 3, 3)  # type: ignore[call-overload] # JSON


def test_what_a_recent_run_was_served_from_the_cache_stays(cm: Shell) -> None:
    cm.run("--set", "rows=1")
    middle = str(cm.run("--set", "rows=2")["run"])
    cm.run("--set", "rows=1")
    assert cm.gone("--keep-runs", "1", "--delete") == of(middle)


def test_the_sums_tell_what_stays_too(cm: Shell) -> None:
    cm.run("--set", "rows=1")
    cm.run("--set", "rows=2")
    lines = cm("gc", "--expired", "--keep-runs", "1", "--keep-days", "0", "--kept").stdout.splitlines()
    assert (sum("kept for run" in line for line in lines), lines[-1].split(",")[0], lines[-2].split("; ")[1]) == (
        3,
        "kept 3 recorded payloads",
        "delete by: cm gc --expired --keep-runs 1 --keep-days 0 --delete",
    )


def test_a_version_with_an_alias_stays_with_its_evidence_and_what_it_was_made_from(cm: Shell) -> None:
    run = str(cm.run()["run"])
    register(cm, run, alias="champion")
    assert cm.gone("--keep-runs", "0") == set()


def test_what_a_version_was_made_from_goes_if_asked_for(cm: Shell) -> None:
    run = str(cm.run()["run"])
    register(cm, run, alias="champion")
    assert cm.gone("--keep-runs", "0", "--drop-upstream", "--delete") == of(run, "split/1/data/0")


def test_a_version_without_a_name_goes(cm: Shell) -> None:
    run = str(cm.run()["run"])
    register(cm, run, alias="champion")
    with cm.project() as project:
        project.registry.remove_alias("flights", "champion", over=1)
    assert cm.gone("--keep-runs", "0") == of(run)


def test_a_version_that_had_a_name_until_lately_stays(cm: Shell) -> None:
    run = str(cm.run()["run"])
    register(cm, run, alias="champion")
    with cm.project() as project:
        project.registry.remove_alias("flights", "champion", over=1)
    found = json.loads(cm("gc", "--expired", "--keep-runs", "0", "--keep-days", "1", "--kept", "--json").stdout)
    assert {item["kind"] for item in found} == {"kept"}


@pytest.mark.parametrize("what", ["run", "version", "artifact"])
def test_what_is_pinned_stays(cm: Shell, what: str) -> None:
    run = str(cm.run()["run"])
    version = register(cm, run, alias="old")
    with cm.project() as project:
        project.registry.remove_alias("flights", "old", over=1)
    pinned = {"run": run, "version": version, "artifact": f"{run}/train/model"}
    assert cm("pin", pinned[what], "--reason", "for the paper").returncode == 0
    assert cm.gone("--keep-runs", "0") == set()


def test_a_pin_that_is_removed_keeps_nothing(cm: Shell) -> None:
    run = str(cm.run()["run"])
    cm("pin", run)
    cm("pin", run, "--remove")
    assert cm.gone("--keep-runs", "0") == of(run)


def test_an_alias_is_pinned_as_the_version_that_it_names(cm: Shell) -> None:
    version = register(cm, str(cm.run()["run"]), alias="champion")
    cm("pin", "flights@champion")
    assert [pin["name"] for pin in json.loads(cm("pin", "--list", "--json").stdout)] == [version]


def test_what_is_gone_cannot_be_pinned(cm: Shell) -> None:
    run = str(cm.run()["run"])
    cm.gone("--keep-runs", "0", "--delete")
    refused = cm("pin", f"{run}/train/model")
    assert (refused.returncode, "can no longer be kept: payload deleted" in refused.stderr) == (66, True)


def test_nothing_that_expired_is_deleted_while_a_run_is_carried_out(cm: Shell) -> None:
    old = str(cm.run("--set", "rows=1")["run"])
    (cm.folder / "hold").touch()
    process = cm.started("run", "flights.py", "--set", "rows=2")
    with cm.project() as project:
        while not project.ledger.leases.held("run/"):
            time.sleep(0.05)
    refused = cm("gc", "--expired", "--keep-runs", "0", "--keep-days", "0", "--delete")
    beside = cm("gc", "--delete")
    (cm.folder / "hold").unlink()
    process.communicate()
    assert (refused.returncode, "is being carried out" in refused.stderr, beside.returncode) == (75, True, 0)
    assert cm.gone("--keep-runs", "1") == of(old)


def test_a_run_waits_while_it_is_decided_what_goes(cm: Shell) -> None:
    with held(cm, COLLECTION):
        process = cm.started("run", "flights.py")
        time.sleep(2.0)
        with cm.project() as project:
            begun = len(project.ledger.runs.list())
    process.communicate()
    assert (begun, process.returncode) == (0, 0)


@pytest.mark.parametrize("words", [("pin", "RUN"), ("gc", "--expired", "--delete")])
def test_nothing_is_pinned_or_collected_while_somebody_decides(cm: Shell, words: tuple[str, ...]) -> None:
    run = str(cm.run()["run"])
    with held(cm, COLLECTION):
        refused = cm(*(run if word == "RUN" else word for word in words))
    assert (refused.returncode, "'gc' has been held by bob" in refused.stderr) == (75, True)


def test_a_run_that_failed_goes_on_though_its_data_was_collected(cm: Shell) -> None:
    (cm.folder / "broken").touch()
    run = str(cm.run()["run"])
    went = cm.gone("--keep-runs", "0", "--delete")
    (cm.folder / "broken").unlink()
    resumed = cm.run("resume", run)
    assert (went, resumed["state"]) == (of(run, "split/1/data/0"), "SUCCEEDED")


def test_bytes_of_a_run_that_is_carried_out_wait_for_the_next_time(cm: Shell) -> None:
    run = str(cm.run()["run"])
    with cm.project() as project:
        project.lineage.bury(sorted(of(run)), at=1.0, reason="killed before the bytes went")
    with held(cm, f"run/{run}"):
        freed = cm("gc", "--delete").stdout
    assert (freed, cm.gone("--keep-runs", "9", "--delete")) == ("nothing to collect\n", of(run))


def test_scratch_files_of_runs_that_are_over_go(cm: Shell) -> None:
    run = str(cm.run()["run"])
    left = cm.folder / ".cm" / "scratch" / run / "train" / "1" / "half.txt"
    left.parent.mkdir(parents=True)
    left.write_text("half")
    cm("gc", "--delete")
    assert not left.exists()


@pytest.mark.parametrize("option", ["--keep-days=3", "--drop-upstream", "--kept"])
def test_options_about_what_expired_need_expired(cm: Shell, option: str) -> None:
    assert cm("gc", option).returncode == 64


def test_nothing_more_is_buried_once_something_came_to_be_needed(cm: Shell) -> None:
    run = str(cm.run()["run"])
    name = f"{run}/split/1/data/0"
    pin = Pin(kind=PinKind.ARTIFACT, name=name, reason="the lease was not looked at", actor="bob", pinned_at=1.0)
    with cm.project() as project, alone(project, Policy()) as still:
        still()
        with project.database.writing() as connection:
            connection.execute(SET, asdict(pin))
        with pytest.raises(OutdatedError, match=name):
            still()


@pytest.mark.parametrize("words", [("gc",), ("gc", "--delete")])
def test_where_there_is_nothing_to_collect_it_says_so(cm: Shell, words: tuple[str, ...]) -> None:
    cm.run()
    assert cm(*words).stdout == "nothing to collect\n"


def test_data_needs_no_pin(cm: Shell) -> None:
    (cm.folder / "rows.csv").write_text("1")
    with cm.project() as project:
        project.datasets.snapshot(cm.folder / "rows.csv", "rows")
    refused = cm("pin", "rows@1")
    assert (refused.returncode, "versions of data are never collected" in refused.stderr) == (64, True)


def test_a_model_with_a_value_for_a_parameter_keeps_what_the_value_was_made_from(cm: Shell) -> None:
    (cm.folder / "flights.py").write_text(COUNTING)
    run = str(cm.run()["run"])
    register(cm, run, alias="champion")
    assert cm.gone("--keep-runs", "0") == set()


def test_a_page_says_when_what_it_would_show_was_deleted_and_why(cm: Shell) -> None:
    (cm.folder / "flights.py").write_text(COUNTING)
    runs = [str(cm.run(*words)["run"]) for words in ((), ("--no-cache",))]
    cm.gone("--keep-runs", "0", "--delete")
    cm("compare", *runs, "--html", "page.html")
    assert "payload deleted 2" in (cm.folder / "page.html").read_text()
