"""An endpoint's status as people see it."""

from __future__ import annotations

import click
import pytest
from pydantic import JsonValue

from cmcore.cli.commands.status import worst
from cmcore.cli.view.endpoint_status import NOBODY, detail_lines, overview_lines
from cmcore.serving.status import Condition

DEPLOYMENT: dict[str, JsonValue] = {
    "number": 3, "name": "delays-1.1.0-3", "variant": "main", "version": "delays@1.1.0", "state": "WARM",
    "since": 40.0, "has_traffic": True, "reason": "", "requests": {"answered": 7, "failed": 1, "pending": 2},
}  # fmt: skip
REFUSED: dict[str, JsonValue] = {
    **DEPLOYMENT, "number": 4, "name": "delays-1.2.0-4", "state": "REJECTED", "has_traffic": False,
    "reason": "no GPU", "requests": None,
}  # fmt: skip
VARIANT: dict[str, JsonValue] = {
    "variant": "main", "share": 100.0, "version": "delays@1.1.0", "model": "delays-1.1.0-3",
    "rest": "http://h:1", "grpc": "h:2", "metadata": {"application": "x"},
}  # fmt: skip
STATUS: dict[str, JsonValue] = {
    "endpoint": "delays", "condition": "DEGRADED", "reason": "no GPU", "revision": 4, "backend": "triton",
    "revised": {"by": "ada", "at": 40.0, "reason": "two weeks in staging"}, "kept_by": "",
    "wanted": {"main": "delays@1.2.0"},
    "variants": [VARIANT],
    "deployments": [DEPLOYMENT, REFUSED],
}  # fmt: skip


def plain(lines: list[str]) -> str:
    """Lines without colours and more than one space."""
    return "\n".join(" ".join(click.unstyle(line).split()) for line in lines)


@pytest.mark.parametrize(
    "told",
    [
        "delays DEGRADED",
        "revision 4 by ada, 60 s ago: two weeks in staging",
        "wanted main delays@1.2.0",
        "reason no GPU",
        f"kept by {NOBODY}",
        "main 100 % delays@1.1.0",
        "REST POST http://h:1/v2/models/delays-1.1.0-3/infer",
        "gRPC h:2, model delays-1.1.0-3, metadata application=x",
        "delays-1.1.0-3 main WARM 60 s ago yes 7 1 2",
        "delays-1.2.0-4 main REJECTED 60 s ago no GPU",
    ],
)
def test_all_about_an_endpoint_tells(told: str) -> None:
    assert told in plain(detail_lines(STATUS, 100.0))


def test_who_keeps_it_is_named() -> None:
    assert "kept by ada@host pid 7" in plain(detail_lines(STATUS | {"kept_by": "ada@host pid 7"}, 100.0))


def test_the_overview_has_a_row_with_the_address_and_the_reason_below() -> None:
    row = "delays DEGRADED 4 triton main delays@1.1.0 7 http://h:1/v2/models/delays-1.1.0-3/infer"
    reason = "delays wants main delays@1.2.0: no GPU"
    assert plain(overview_lines([STATUS])).splitlines()[1:] == [row, "", reason]


def test_an_endpoint_that_serves_nothing_has_a_row_without_an_address() -> None:
    said = STATUS | {"condition": "RECYCLED", "reason": "", "variants": [], "deployments": [], "wanted": {}}
    assert plain(overview_lines([said])).splitlines()[1:] == ["delays RECYCLED 4 triton"]


def test_a_deployment_is_told_with_the_variants_that_it_is_now_and_their_share() -> None:
    variants: JsonValue = [{**VARIANT, "variant": "spare", "share": 0.0}, {**VARIANT, "variant": "next", "share": 0.0}]
    told = plain(detail_lines(STATUS | {"variants": variants}, 100.0))
    assert "delays-1.1.0-3 spare, next WARM 60 s ago 0 % 7 1 2" in told


@pytest.mark.parametrize(
    ("conditions", "code"),
    [
        ([], 0),
        ([Condition.READY], 0),
        ([Condition.RECYCLED, Condition.READY], 66),
        ([Condition.UPDATING, Condition.READY], 75),
        ([Condition.RECYCLING], 75),
        ([Condition.UPDATING, Condition.DEGRADED], 70),
        ([Condition.DEGRADED, Condition.FAILED], 69),
    ],
)
def test_of_several_endpoints_the_worst_decides_the_exit_code(conditions: list[Condition], code: int) -> None:
    assert worst([{"condition": condition.value} for condition in conditions]) == code
