"""What infra validation blessed a version for, beside what an endpoint asks of it: a blessing for another server, or
for other configs, says less, and whoever deploys is told so."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from pydantic import JsonValue

from cmcore.provenance.why.infra import infra_report
from cmcore.serving.difference import Difference, flat
from cmcore.serving.document import Endpoint, Variant

if TYPE_CHECKING:
    from cmcore.registry.values import ModelVersion
    from cmcore.stack.project import Project


def blessed_otherwise(
    project: Project, document: Endpoint, variant: Variant, version: ModelVersion
) -> list[Difference]:
    """The keys of backend, protocols and configs in which a blessed version was tried otherwise than the endpoint has
    it; none where it was not blessed, or the report is not here any more."""
    if version.facts.infra_blessed is not True:
        return []
    under = infra_report(version.facts, project.lineage).get("conditions")
    return differing(under, document, variant) if isinstance(under, dict) else []


def differing(under: Mapping[str, JsonValue], document: Endpoint, variant: Variant) -> list[Difference]:
    """The keys in which an endpoint's variant is not as the recorded conditions. A protocol that was tried and is not
    offered is none of them."""
    tried = under.get("document")
    if not isinstance(tried, dict):
        return []
    protocols = tried.get("protocols")
    then = {
        "backend": tried.get("backend"),
        **{f"protocols.{it}": "tried" for it in (protocols if isinstance(protocols, list) else [])},
        **dict(flat(under.get("deployment"), "deployment")),
        **dict(flat(under.get("inference"), "inference")),
    }
    now = {
        "backend": document.backend,
        **{f"protocols.{it.value}": "tried" for it in document.protocols},
        **dict(flat(document.deployment_of(variant).model_dump(mode="json"), "deployment")),
        **dict(flat(document.inference_of(variant).model_dump(mode="json"), "inference")),
    }
    unused = {key for key in then if key.startswith("protocols.") and key not in now}
    return [
        Difference(key=key, before=then.get(key), after=now.get(key))
        for key in {**now, **then}
        if then.get(key) != now.get(key) and key not in unused
    ]
