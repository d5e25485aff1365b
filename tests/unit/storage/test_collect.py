"""What is garbage is decided from values alone; nothing that is recorded or alive ever is."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cmcore.storage.attempts import AttemptFolder, PayloadFolder, attempt_folders
from cmcore.storage.collect import abandoned, garbage

ROOT = "file:///root"
RUNS = st.sampled_from(["r1", "r2", "r3"])


@st.composite
def attempts(draw: st.DrawFn) -> AttemptFolder:
    run = draw(RUNS)
    uri = f"{ROOT}/{run}/{draw(st.sampled_from('ab'))}/{draw(st.integers(1, 3))}"
    keys = draw(st.lists(st.sampled_from("xyz"), unique=True))
    payloads = (PayloadFolder(uri=f"{uri}/{key}/0", size_bytes=draw(st.integers(0, 9))) for key in keys)
    return AttemptFolder(uri=uri, run=run, payloads=tuple(payloads))


FOUND = st.lists(attempts(), unique_by=lambda attempt: attempt.uri)


def attempt(*keys: str, run: str = "r1") -> AttemptFolder:
    uri = f"{ROOT}/{run}/n/1"
    return AttemptFolder(
        uri=uri, run=run, payloads=tuple(PayloadFolder(uri=f"{uri}/{key}/0", size_bytes=3) for key in keys)
    )


@given(FOUND, st.sets(RUNS), st.data())
def test_no_recorded_payload_and_no_live_run_is_ever_touched(
    found: list[AttemptFolder], live: set[str], data: st.DataObject
) -> None:
    uris = sorted(payload.uri for attempt in found for payload in attempt.payloads)
    recorded = set(data.draw(st.lists(st.sampled_from(uris)) if uris else st.just([])))
    chosen = garbage(found, recorded, live)
    assert not [item for item in chosen if item.run in live]
    assert not [item for item in chosen if any(f"{uri}/".startswith(f"{item.uri}/") for uri in recorded)]


@given(FOUND)
def test_all_of_it_is_garbage_when_nothing_is_recorded_or_alive(found: list[AttemptFolder]) -> None:
    assert [item.uri for item in garbage(found, set(), set())] == [attempt.uri for attempt in found]


def test_one_unrecorded_payload_of_a_recorded_attempt_may_go() -> None:
    (item,) = garbage([attempt("model", "extra")], {f"{ROOT}/r1/n/1/model/0"}, set())
    assert (item.uri, item.size_bytes) == (f"{ROOT}/r1/n/1/extra/0", 3)


def test_a_moved_root_does_not_make_everything_garbage() -> None:
    assert garbage([attempt("model")], {"s3://older/place/r1/n/1/model/0"}, set()) == []


def test_the_reason_says_how_far_the_attempt_came() -> None:
    (item,) = garbage([attempt("model")], set(), set())
    assert item.reason == "no record names it (0 of 1 payloads sealed)"


def test_only_what_is_older_than_every_live_run_is_abandoned(tmp_path: Path) -> None:
    for name, time in (("staging-a", 10), ("download-b", 10), ("staging-c", 30), ("sha256-d", 10)):
        (tmp_path / name).mkdir()
        os.utime(tmp_path / name, (time, time))
    assert [folder.name for folder in abandoned(tmp_path, before=20)] == ["download-b", "staging-a"]


def folders(*names: str) -> list[AttemptFolder]:
    return list(attempt_folders(ROOT, [(name, 1) for name in names]))


def test_files_are_gathered_by_attempt_and_payload() -> None:
    (found,) = folders("r/n@i/2/k/0/a", "r/n@i/2/k/0/b/c", "r/n@i/2/k/0.manifest.json", "r/n@i/2/k", "r/n@i/2")
    payload = PayloadFolder(uri=f"{ROOT}/r/n@i/2/k/0", size_bytes=3, sealed=True)
    assert found == AttemptFolder(uri=f"{ROOT}/r/n@i/2", run="r", payloads=(payload,))


def test_a_payload_without_a_manifest_is_not_sealed() -> None:
    (found,) = folders("r/n/1/k/0", "r/n/1/k/0/a")
    assert not found.payloads[0].sealed


@pytest.mark.parametrize(
    "names",
    [
        ["flights/2013/1/jan.csv"],
        ["flights/2013/1/k/0/a", "flights/2013/1/notes.txt"],
        ["flights/2013/1"],
        ["flights/2013", "flights", "a.txt"],
        ["R/n/1/k/0/a"],
        ["r/n/01/k/0/a"],
        ["r/n/1/k/0.manifest.json.bak"],
    ],
)
def test_what_we_would_not_have_made_is_passed_over(names: list[str]) -> None:
    assert folders(*names) == []
