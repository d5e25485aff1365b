"""`cm serve` as a process: it heals, follows aliases, is alone, and ends without taking models with it."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from cmcore.serving.states import DeploymentState
from cmcore.stack.serving import controlling
from tests.integration.serving.shop import Shop, until

pytestmark = pytest.mark.integration
Keep = Callable[[subprocess.Popen[str]], subprocess.Popen[str]]


@pytest.fixture
def kept(own_shop: Shop, spawned: Keep) -> Shop:
    """A project whose endpoints `cm serve` keeps."""
    spawned(own_shop.started("serve"))
    until(lambda: bool(own_shop.project.ledger.leases.held("controller/")))
    return own_shop


def ended(process: psutil.Process) -> bool:
    """Whether a process is gone, or only waits to be reaped."""
    return not process.is_running() or process.status() == psutil.STATUS_ZOMBIE


def triton_of(folder: Path) -> psutil.Process:
    """The project's model server."""
    found = [each for each in psutil.process_iter(["cmdline"]) if serves(each.info["cmdline"] or [], folder)]
    return found[0]


def give_options(shop: Shop, options: str) -> None:
    """Other options for Triton in the project's settings."""
    settings = shop.folder / "cm.yaml"
    settings.write_text(settings.read_text() + f"stack: {{serving: [{{name: triton, options: {options}}}]}}\n")


def serves(command: list[str], folder: Path) -> bool:
    """Whether a command line is that of a model server of the project."""
    return bool(command) and Path(command[0]).name == "tritonserver" and any(str(folder) in word for word in command)


def test_a_deploy_beside_it_is_carried_out_by_it(kept: Shop) -> None:
    said = kept.cm("deploy", kept.document("beside"))
    assert (said.code, "takes the steps" in said.err, kept.condition("beside")) == (0, True, "READY")


def test_a_second_one_is_refused_and_names_the_first(kept: Shop) -> None:
    said = kept.cm("serve")
    assert (said.code, "ada@" in said.err) == (75, True)


def test_a_server_that_was_killed_is_started_again_with_its_models(kept: Shop) -> None:
    model = kept.deployed("healed")
    triton_of(kept.folder).kill()
    until(lambda: kept.condition("healed") != "READY")
    until(lambda: kept.condition("healed") == "READY")
    assert kept.answer("healed", model).outputs[0].data == (6.0,)


def test_an_alias_that_moves_is_followed(kept: Shop) -> None:
    kept.cm("alias", "scaling@1.0.0", "champion")
    kept.deployed("followed", "scaling@champion")
    kept.cm("alias", "scaling@1.0.1", "champion")
    until(lambda: kept.project.endpoints.state("followed").revision.number == 2)
    until(lambda: kept.condition("followed") == "READY")
    assert kept.answer("followed", kept.serving("followed")).outputs[0].data == (9.0,)


def test_an_end_leaves_models_served(own_shop: Shop, spawned: Keep) -> None:
    model = own_shop.deployed("lasting")
    process = spawned(own_shop.started("serve"))
    until(lambda: bool(own_shop.project.ledger.leases.held("controller/")))
    process.send_signal(signal.SIGTERM)
    assert (process.wait(20), own_shop.answer("lasting", model).outputs[0].data) == (0, (6.0,))


def test_without_it_a_server_that_died_is_told_as_failed(own_shop: Shop) -> None:
    own_shop.deployed("dead")
    triton_of(own_shop.folder).kill()
    assert (own_shop.condition("dead"), own_shop.cm("status", "--check").code) == ("FAILED", 69)


def test_the_same_deploy_again_heals_a_server_that_died(own_shop: Shop) -> None:
    model = own_shop.deployed("redeployed")
    triton_of(own_shop.folder).kill()
    own_shop.cm("deploy", own_shop.document("redeployed"))
    assert own_shop.answer("redeployed", model).outputs[0].data == (6.0,)


def test_an_interrupted_deploy_is_gone_on_with_by_serve(own_shop: Shop, spawned: Keep) -> None:
    file = own_shop.document("interrupted")
    with controlling(own_shop.project):  # nobody takes a step meanwhile
        process = spawned(own_shop.started("deploy", file))
        until(lambda: "interrupted" in own_shop.project.endpoints.names())
        process.send_signal(signal.SIGINT)
        code, told = process.wait(20), process.communicate()[1]
    own_shop.cm("serve", "--once")
    assert (code, "goes on with the rest" in told, own_shop.condition("interrupted")) == (130, True, "READY")


def test_a_deploy_that_somebody_overtakes_ends_with_75_and_names_him(own_shop: Shop, spawned: Keep) -> None:
    first = own_shop.document("overtaken")
    with controlling(own_shop.project):  # nobody takes a step meanwhile
        process = spawned(own_shop.started("deploy", first))
        until(lambda: "overtaken" in own_shop.project.endpoints.names())
        own_shop.cm("deploy", own_shop.document("overtaken", "scaling@1.0.1"), "--no-wait", "--reason", "mine is newer")
        code, told = process.wait(20), process.communicate()[1]
    assert (code, "ada made revision 2 of overtaken meanwhile (mine is newer)" in told) == (75, True)


def test_a_deploy_interrupted_in_its_warm_up_is_gone_on_with_from_there(own_shop: Shop, spawned: Keep) -> None:
    file = own_shop.document("long", inference={"warm_up": {"requests": 10_000}})
    process = spawned(own_shop.started("deploy", file))
    until(lambda: "long" in own_shop.project.endpoints.names())
    until(lambda: own_shop.project.endpoints.state("long").deployments[0].state is DeploymentState.LOADED)
    process.send_signal(signal.SIGINT)
    code = process.wait(20)
    still = own_shop.project.endpoints.state("long").deployments[0].state
    said = own_shop.cm("deploy", own_shop.document("long"))
    assert (code, still, said.code) == (130, DeploymentState.LOADED, 0)


def test_a_deploy_that_is_killed_is_gone_on_with_by_serve(own_shop: Shop, spawned: Keep) -> None:
    process = spawned(own_shop.started("deploy", own_shop.document("killed")))
    until(lambda: "killed" in own_shop.project.endpoints.names())
    os.kill(process.pid, signal.SIGKILL)
    process.wait(20)
    own_shop.cm("serve", "--once")
    assert own_shop.answer("killed", own_shop.serving("killed")).outputs[0].data == (6.0,)


def test_the_last_endpoint_takes_the_local_server_with_it(own_shop: Shop) -> None:
    own_shop.deployed("last")
    server = triton_of(own_shop.folder)
    own_shop.cm("recycle", "last", "--yes")
    until(lambda: ended(server), 10)
    assert ended(server)


def test_a_server_that_cannot_be_started_in_time_ends_with_69_and_says_why(own_shop: Shop) -> None:
    give_options(own_shop, "{server: /nowhere/tritonserver}")
    said = own_shop.cm("deploy", own_shop.document("unreachable"), "--timeout", "1")
    assert (said.code, "/nowhere/tritonserver" in said.err) == (69, True)


def test_a_server_whose_options_have_changed_is_restarted_with_its_models_when_asked(own_shop: Shop) -> None:
    model = own_shop.deployed("optional")
    give_options(own_shop, "{response_cache_mib: 8}")
    before = triton_of(own_shop.folder)
    kept, still = own_shop.cm("serve", "--once", "--timeout", "1"), before.is_running()
    said = own_shop.cm("serve", "--once", "--restart", "triton")
    assert ("cm serve --restart triton" in kept.err + kept.out, still, ended(before)) == (True, True, True)
    assert (said.code, own_shop.answer("optional", model).outputs[0].data) == (0, (6.0,))


def test_a_deploy_of_what_is_wanted_already_is_not_ready_while_its_server_cannot_be_started(own_shop: Shop) -> None:
    own_shop.deployed("away")
    triton_of(own_shop.folder).kill()
    give_options(own_shop, "{server: /nowhere/tritonserver}")
    again = own_shop.cm("deploy", own_shop.document("away"), "--timeout", "2")
    once = own_shop.cm("serve", "--once", "--timeout", "2")
    assert (again.code, "away is not as wanted after 2 s" in again.err) == (69, True)
    assert (once.code, "away is FAILED: " in once.err) == (69, True)


def test_a_recycling_that_nobody_could_carry_out_here_is_not_written_down(own_shop: Shop) -> None:
    own_shop.deployed("kept")
    give_options(own_shop, "{serves: 1}")
    said = own_shop.cm("recycle", "kept", "--yes")
    assert (said.code, own_shop.project.endpoints.state("kept").revision.number) == (78, 1)


def test_an_endpoint_whose_server_never_comes_back_is_recycled_by_forgetting_it(own_shop: Shop) -> None:
    own_shop.deployed("lost")
    triton_of(own_shop.folder).kill()
    give_options(own_shop, "{server: /nowhere/tritonserver}")
    waiting = own_shop.cm("recycle", "lost", "--yes", "--timeout", "1")
    said = own_shop.cm("recycle", "lost", "--yes", "--forget", "--reason", "it was given back")
    assert (waiting.code, "cm recycle lost --forget" in waiting.err) == (69, True)
    assert (said.code, "/nowhere/tritonserver" in said.out) == (0, True)


def test_a_version_that_is_deployed_is_not_collected_and_after_recycling_it_is(own_shop: Shop) -> None:
    own_shop.deployed("rooted")
    deployed = own_shop.artifacts["scaling@1.0.0"]
    asked = ["gc", "--expired", "--keep-runs", "0", "--keep-days", "0", "--json"]
    before = own_shop.cm(*asked).out
    own_shop.cm("recycle", "rooted", "--yes")
    assert (deployed in before, deployed in own_shop.cm(*asked).out) == (False, True)


def test_a_version_that_a_recent_revision_names_is_not_collected(own_shop: Shop) -> None:
    own_shop.deployed("recent")
    own_shop.cm("recycle", "recent", "--yes")
    said = own_shop.cm("gc", "--expired", "--keep-runs", "0", "--keep-days", "1", "--kept")
    assert "scaling@1.0.0, deployed at recent until lately" in said.out
