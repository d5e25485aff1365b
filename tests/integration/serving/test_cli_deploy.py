"""Deploying, updating, rolling back and recycling from the command line, on a real Triton."""

from __future__ import annotations

import io
import json

import pytest

from tests.integration.serving.shop import Shop

pytestmark = pytest.mark.integration


def test_a_deployed_version_answers(shop: Shop) -> None:
    model = shop.deployed("answers")
    assert shop.answer("answers", model).outputs[0].data == (6.0,)


def test_a_deploy_shows_each_step(shop: Shop) -> None:
    said = shop.cm("deploy", shop.document("shown"))
    steps = [word for word in ("placed", "loaded", "warmed up", "traffic moved", "READY") if word in said.out]
    assert steps == ["placed", "loaded", "warmed up", "traffic moved", "READY"]


def test_a_deploy_as_json_ends_with_the_outcome(shop: Shop) -> None:
    lines = shop.cm("deploy", shop.document("outcome"), "--json").out.splitlines()
    last = json.loads(lines[-1])
    assert (last["outcome"], last["status"]["condition"], json.loads(lines[0])["event"]) == (
        "ready", "READY", "endpoint.applied",
    )  # fmt: skip


def test_deploying_the_same_document_again_changes_nothing(shop: Shop) -> None:
    model = shop.deployed("again")
    shop.cm("deploy", shop.document("again"))
    assert (shop.serving("again"), shop.project.endpoints.state("again").revision.number) == (model, 1)


def test_a_deploy_of_a_changed_document_shows_what_differs_first(shop: Shop) -> None:
    shop.deployed("altered")
    said = shop.cm("deploy", shop.document("altered", "scaling@1.0.1"))
    first, second = said.out.splitlines()[:2]
    assert (first, "scaling@1.0.0 → scaling@1.0.1" in second) == ("altered, revision 1, would change:", True)


def test_a_dry_run_wants_nothing(shop: Shop) -> None:
    said = shop.cm("deploy", shop.document("dry"), "--dry-run")
    assert (said.code, "dry" in shop.project.endpoints.names()) == (0, False)


def test_an_update_moves_traffic_to_the_new_version_and_removes_the_old_one(shop: Shop) -> None:
    before = shop.deployed("updated")
    said = shop.cm("update", "updated", "--model", "scaling@1.0.1")
    after = shop.serving("updated")
    loaded = shop.project.backend("triton").models()
    assert (said.code, shop.answer("updated", after).outputs[0].data, before in loaded) == (0, (9.0,), False)


def test_without_draining_a_deploy_returns_once_traffic_has_moved_and_says_what_drains(shop: Shop) -> None:
    before = shop.deployed("undrained", draining={"quiet_s": 5, "timeout_s": 5})
    said = shop.cm("update", "undrained", "--model", "scaling@1.0.1", "--no-drain")
    assert (said.code, f"{before} drains: cm " in said.out) == (0, True)


def test_a_refused_version_ends_with_70_and_the_earlier_one_goes_on(shop: Shop) -> None:
    before = shop.deployed("refusing")
    said = shop.cm("update", "refusing", "--model", "scaling@1.0.2")
    assert (said.code, f"{before} (scaling@1.0.0) goes on serving" in said.err) == (70, True)
    assert shop.answer("refusing", before).outputs[0].data == (6.0,)


def test_a_refusal_says_what_the_warm_up_found(shop: Shop) -> None:
    shop.deployed("reasons")
    assert "values that are no numbers, such as inf" in shop.cm("update", "reasons", "--model", "scaling@1.0.2").err


def test_after_a_refusal_the_endpoint_is_degraded_and_check_says_so(shop: Shop) -> None:
    shop.deployed("degraded")
    shop.cm("update", "degraded", "--model", "scaling@1.0.2")
    assert (shop.condition("degraded"), shop.cm("status", "degraded", "--check").code) == ("DEGRADED", 70)


def test_a_rollback_shows_what_differs_before_it_asks(shop: Shop) -> None:
    shop.deployed("differing")
    shop.cm("update", "differing", "--model", "scaling@1.0.1")
    said = shop.cm("rollback", "differing", "--dry-run")
    assert "variants.main: version: scaling@1.0.1 → scaling@1.0.0" in said.out


def test_a_rollback_where_nobody_can_be_asked_is_refused_and_changes_nothing(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("y\n"))  # no terminal
    shop.deployed("unasked")
    shop.cm("update", "unasked", "--model", "scaling@1.0.1")
    said = shop.cm("rollback", "unasked")
    assert (said.code, "--yes" in said.err, shop.project.endpoints.state("unasked").revision.number) == (64, True, 2)


def test_a_rollback_serves_exactly_the_version_of_then(shop: Shop) -> None:
    shop.deployed("back")
    shop.cm("update", "back", "--model", "scaling@1.0.1")
    said = shop.cm("rollback", "back", "--yes", "--reason", "too large")
    revision = shop.project.endpoints.state("back").revision
    assert (said.code, shop.answer("back", shop.serving("back")).outputs[0].data) == (0, (6.0,))
    assert (revision.document.main.model, revision.reason) == ("scaling@1.0.0", "rolled back to revision 1: too large")


def test_an_update_of_exact_versions_says_that_no_alias_is_followed(shop: Shop) -> None:
    shop.deployed("exact")
    said = shop.cm("update", "exact")
    assert (said.code, "follows no alias" in said.out) == (0, True)


def test_a_recycled_endpoint_has_nothing_on_the_server(shop: Shop) -> None:
    model = shop.deployed("recycled")
    said = shop.cm("recycle", "recycled", "--yes")
    assert (said.code, shop.condition("recycled"), model in shop.project.backend("triton").models()) == (
        0, "RECYCLED", False,
    )  # fmt: skip


def test_a_recycled_endpoint_comes_back_by_a_rollback(shop: Shop) -> None:
    shop.deployed("revived")
    shop.cm("recycle", "revived", "--yes")
    shop.cm("rollback", "revived", "--yes", "--to", "1")
    assert shop.answer("revived", shop.serving("revived")).outputs[0].data == (6.0,)


def test_an_update_can_be_looked_at_first(shop: Shop) -> None:
    shop.deployed("looked")
    said = shop.cm("update", "looked", "--model", "scaling@1.0.1", "--dry-run")
    assert ("scaling@1.0.0 → scaling@1.0.1" in said.out, shop.project.endpoints.state("looked").revision.number) == (
        True, 1,
    )  # fmt: skip


def test_all_revisions_are_listed_with_who_and_why(shop: Shop) -> None:
    shop.deployed("listed")
    shop.cm("update", "listed", "--model", "scaling@1.0.1", "--reason", "two weeks in staging")
    found = json.loads(shop.cm("status", "listed", "--revisions", "--json").out)
    told = shop.cm("status", "listed", "--revisions").out
    assert [(it["revision"], it["wanted"]["main"], it["by"]) for it in found] == [
        (2, "scaling@1.0.1", "ada"), (1, "scaling@1.0.0", "ada"),
    ]  # fmt: skip
    assert "two weeks in staging" in told


def test_status_as_json_says_who_wanted_it_and_that_nobody_keeps_it(shop: Shop) -> None:
    shop.deployed("told")
    found = json.loads(shop.cm("status", "told", "--json").out)
    assert (found["revised"]["by"], found["kept_by"]) == ("ada", "")


def test_what_was_only_wanted_where_nobody_keeps_it_says_so(shop: Shop) -> None:
    said = shop.cm("deploy", shop.document("nobodys"), "--no-wait")
    shop.cm("recycle", "nobodys", "--yes")
    assert "nothing happens before cm serve" in said.out


def test_what_was_only_wanted_is_made_so_by_serve_once(shop: Shop) -> None:
    wanted = shop.cm("deploy", shop.document("later"), "--no-wait")
    shop.cm("serve", "--once")
    assert (wanted.code, shop.condition("later")) == (0, "READY")


def test_the_overview_has_the_address_that_clients_ask(shop: Shop) -> None:
    model = shop.deployed("listed")
    rest = shop.project.backend("triton").address(model).rest
    assert f"{rest}/v2/models/{model}/infer" in shop.cm("status").out


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["status", "nobody"], 66),
        (["update", "nobody"], 66),
        (["rollback", "nobody"], 66),
        (["recycle", "nobody", "--yes"], 66),
        (["predict", "nobody", "--sample"], 66),
        (["deploy", "nobody.yaml"], 65),
    ],
)
def test_what_is_not_there_is_told_by_the_exit_code(arguments: list[str], code: int, shop: Shop) -> None:
    assert shop.cm(*arguments).code == code


@pytest.mark.parametrize(
    ("option", "value", "code"),
    [("--model", "nobody@1.0.0", 66), ("--model", "Scaling", 64), ("--backend", "nobody", 78)],
)
def test_an_override_that_means_nothing_deploys_nothing(option: str, value: str, code: int, shop: Shop) -> None:
    assert shop.cm("deploy", shop.document("meaningless"), option, value).code == code


def test_a_version_without_an_infra_blessing_is_refused_where_one_is_asked_for(shop: Shop) -> None:
    said = shop.cm("deploy", shop.document("blessed", infra_blessing=True))
    assert (said.code, "blessed" in shop.project.endpoints.names()) == (77, False)
