"""Plugins that are asked whether a version may be promoted."""

from __future__ import annotations

import pytest

from cmcore.hooks.specs import PromotionRequest
from tests.unit.hooks.conftest import HEADER, Site, launcher

REQUEST = PromotionRequest(
    model="flights", version="1.2.0", environment="production", metrics={"auc": 0.9}, properties={"owner": "ana"}
)
REFUSAL = HEADER + "@hookimpl\ndef cmcore_promotion_refusal(request):\n"


def test_nobody_refuses_where_nobody_minds(site: Site) -> None:
    site.install("a", REFUSAL + "    return None")
    assert site.discover().promotion_refusal(REQUEST) is None


def test_plugins_without_the_decision_hook_are_not_asked(site: Site) -> None:
    site.install("a", launcher("mine"))
    assert site.discover().promotion_refusal(REQUEST) is None


def test_refusing_runs_refuses_no_promotion(site: Site) -> None:
    site.install("a", HEADER + "@hookimpl\ndef cmcore_run_refusal(request):\n    return 'no'")
    assert site.discover().promotion_refusal(REQUEST) is None


def test_plugins_are_asked_in_the_order_of_their_names_and_the_first_reason_wins(site: Site) -> None:
    site.install("c", REFUSAL + "    raise SystemExit('never asked')")
    site.install("b", REFUSAL + "    return f'{request.model} is frozen for {request.properties[\"owner\"]}'")
    site.install("a", REFUSAL + "    return None")
    assert site.discover().promotion_refusal(REQUEST) == (
        "plugin 'b' (cmcore-b 1.2) refuses flights@1.2.0 for production: flights is frozen for ana"
    )


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("raise KeyError('x')", "cmcore_promotion_refusal failed: KeyError: 'x'"),
        ("raise SystemExit", "cmcore_promotion_refusal failed: SystemExit"),
        ("return False", "cmcore_promotion_refusal returned a bool; it must return a reason or None"),
        ("return ['no']", "cmcore_promotion_refusal returned a list; it must return a reason or None"),
        ("return ''", "refuses flights@1.2.0 for production: "),
    ],
)
def test_a_decision_fails_closed(site: Site, body: str, message: str) -> None:
    site.install("a", REFUSAL + f"    {body}")
    assert message in str(site.discover().promotion_refusal(REQUEST))


def test_an_implementation_may_leave_out_arguments(site: Site) -> None:
    site.install("a", HEADER + "@hookimpl\ndef cmcore_promotion_refusal(): return 'no'")
    assert "refuses flights@1.2.0 for production: no" in str(site.discover().promotion_refusal(REQUEST))


def test_a_denied_plugin_is_not_asked(site: Site) -> None:
    site.install("a", REFUSAL + "    return 'no'")
    assert site.discover(deny=["a"]).promotion_refusal(REQUEST) is None
