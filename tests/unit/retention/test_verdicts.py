"""What becomes of each recorded payload."""

from __future__ import annotations

from dataclasses import replace

from cmcore.lineage.record import Edge, ExecutionRecord
from cmcore.retention.roots import DAY_S, Needs, PastRun, Policy
from cmcore.retention.verdicts import verdicts
from cmcore.storage.attempts import AttemptFolder
from tests.unit.retention.past import NOTHING_RECENT, NOW, an_artifact, folders, gone, judged, made, output

OLD = made("r1/split/1", {"examples": "Examples"})
NAME = output(OLD).name
AGES = {"r1": 45 * DAY_S}


def buried(execution: ExecutionRecord) -> ExecutionRecord:
    artifact = replace(output(execution), deleted=True, facts={"deleted_at": 0.0, "deleted_reason": "too old"})
    return replace(execution, outputs=(Edge(key="examples", index=0, artifact=artifact),))


def test_what_no_root_needs_may_go_and_says_why() -> None:
    (verdict,) = verdicts(folders(OLD), [OLD], {}, AGES)
    assert (verdict.kept_by, verdict.reason) == ("", "no root needs it, its run is 45 days old")


def test_what_a_root_needs_stays_and_says_for_whom() -> None:
    (verdict,) = verdicts(folders(OLD), [OLD], {NAME: "m@production"}, AGES)
    assert (verdict.kept_by, verdict.reason) == ("m@production", "")


def test_bytes_that_a_record_calls_deleted_may_go_whoever_needed_them() -> None:
    (verdict,) = verdicts(folders(OLD), [buried(OLD)], {NAME: "m@production"}, AGES)
    assert (verdict.buried, verdict.reason) == (True, "left behind: payload deleted 1970-01-01: too old")


def test_runs_of_others_are_passed_over() -> None:
    assert verdicts(folders(OLD), [OLD], {}, {"r2": 0.0}) == []


def test_payloads_without_a_record_are_passed_over() -> None:
    assert verdicts(folders(OLD), [], {}, AGES) == []


def test_what_was_imported_is_no_payload_of_ours() -> None:
    imported = made("r1/import/1", {})
    data = replace(an_artifact("r1/import/1/artifact/0", imported=True), uri="file:///elsewhere/a/b/c/d/flights.csv")
    execution = replace(imported, outputs=(Edge(key="artifact", index=0, artifact=data),))
    found = [AttemptFolder(uri="file:///root/r1/import/1", run="r1")]
    assert verdicts(found, [execution], {}, AGES) == []


def test_a_payload_of_which_a_kept_import_is_a_part_stays() -> None:
    data = an_artifact("r2/import/1/artifact/0", imported=True)
    part = replace(data, uri=f"{output(OLD).uri}/Split-train/rows.csv")
    read = made("r2/use/1", {}, part)
    needs = Needs(executions=[OLD, read], runs=[PastRun(run="r2", at=NOW), PastRun(run="r1", at=0.0)])
    assert gone(needs, Policy(keep_runs=1, keep_days=0)) == set()


def test_a_root_that_was_moved_is_recognised() -> None:
    moved = [
        replace(it, payloads=tuple(replace(p, uri="s3://b/" + p.uri[13:]) for p in it.payloads)) for it in folders(OLD)
    ]
    (verdict,) = verdicts(moved, [OLD], {NAME: "m@production"}, AGES)
    assert verdict.kept_by == "m@production"


def test_what_others_recorded_without_a_name_stays() -> None:
    nameless = replace(OLD, outputs=(replace(OLD.outputs[0], artifact=replace(output(OLD), name="", id=7)),))
    needs = Needs(executions=[nameless], runs=[PastRun(run="r1", at=0.0)])
    assert judged(needs, NOTHING_RECENT)[""].kept_by == "an artifact without a name, which others recorded"
