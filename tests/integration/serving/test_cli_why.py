"""From an answer's own fields back to the data, and the lineage from a model to its deployment, on a real Triton."""

from __future__ import annotations

import json

import pytest
from pydantic import JsonValue

from tests.integration.serving.shop import Shop

pytestmark = pytest.mark.integration


def test_the_fields_of_an_answer_lead_to_the_training(shop: Shop) -> None:
    shop.deployed("explained", "scaling@1.0.1")
    answer = json.loads(shop.cm("predict", "explained", "--sample", "--json").out)
    told = shop.cm("why", f"{answer['model_name']}/{answer['model_version']}").out
    words = ["variant main of endpoint explained", "deployed by ada", "backend triton, flavor onnx", "scaling@1.0.1",
             "it has the traffic since", "training: scaling, node train", "factor = 3.0"]  # fmt: skip
    assert [word for word in words if word not in told] == []


def test_an_endpoint_is_explained_by_what_serves_it(shop: Shop) -> None:
    model = shop.deployed("by-name")
    assert shop.cm("why", "by-name", "--json").json["deployed"]["name"] == model  # type: ignore[index,call-overload] # JSON


def test_a_deployment_that_is_gone_still_says_when_it_had_traffic(shop: Shop) -> None:
    model = shop.deployed("was")
    shop.cm("update", "was", "--model", "scaling@1.0.1")
    said = shop.cm("why", model)
    assert ("GONE since" in said.out, "it had the traffic from" in said.out) == (True, True)


def test_a_recycled_endpoint_is_explained_by_what_it_served_last(shop: Shop) -> None:
    model = shop.deployed("ended")
    shop.cm("recycle", "ended", "--yes")
    found = shop.cm("why", "ended", "--json").json["deployed"]
    assert isinstance(found, dict)
    spans = found["traffic"]
    assert isinstance(spans, list)
    assert (found["name"], [span["until"] is None for span in spans]) == (model, [False])  # type: ignore[index,call-overload] # JSON


def test_a_refused_version_is_explained_with_the_reason(shop: Shop) -> None:
    shop.deployed("tried")
    shop.cm("update", "tried", "--model", "scaling@1.0.2")
    refused = shop.project.endpoints.deployments("tried")[-1].name
    said = shop.cm("why", refused)
    assert ("REJECTED" in said.out, "such as inf" in said.out, "it never had traffic" in said.out) == (True, True, True)


def test_the_lineage_of_a_deployment_goes_up_to_its_training(shop: Shop) -> None:
    model = shop.deployed("upward")
    said = shop.cm("lineage", model, "--up")
    assert (said.code, "train COMPLETE" in said.out) == (0, True)


def test_the_lineage_of_a_model_goes_down_to_the_traffic(shop: Shop) -> None:
    model = shop.deployed("downward")
    said = shop.cm("lineage", shop.artifacts["scaling@1.0.0"], "--down")
    assert (f"endpoint-{model}/deploy" in said.out, "EndpointTraffic downward-traffic-" in said.out) == (True, True)


def test_the_picture_ends_at_the_endpoint(shop: Shop) -> None:
    shop.deployed("drawn")
    assert 'endpoint(("drawn"))' in shop.cm("why", "drawn", "--mermaid").out


def test_a_name_that_nothing_has_is_not_found(shop: Shop) -> None:
    assert shop.cm("why", "nobody-1.0.0-1").code == 66


def test_a_deployment_that_was_a_variant_without_a_share_had_no_traffic_until_it_became_main(shop: Shop) -> None:
    variants: list[JsonValue] = [{"model": "scaling@1.0.0"}, {"name": "old", "model": "scaling@1.0.1", "share": 0}]
    shop.deployed("turned", variants=variants)
    old = next(it.name for it in shop.project.endpoints.deployments("turned") if it.variant == "old")
    before = shop.cm("why", old).out
    assert ("it is loaded at 0 % since" in before, "it never had traffic" in before) == (True, True)
    shop.deployed("turned", "scaling@1.0.1")
    after = shop.cm("why", old).out
    words = [f"{old}  variant main of endpoint turned", "it was loaded at 0 % from", "it has the traffic since"]
    assert [word for word in words if word not in after] == []


def test_a_deployment_that_an_endpoint_never_had_is_told_with_those_that_it_had(shop: Shop) -> None:
    model = shop.deployed("had")
    said = shop.cm("why", "had-1.0.0-9")
    assert (said.code, f"had has had {model}" in said.err) == (66, True)
