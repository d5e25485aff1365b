"""What infra validation blessed a version for, beside what an endpoint asks of it: a blessing for another server, or
for other configs, says less, and whoever deploys is told so."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from pydantic import BaseModel, JsonValue, ValidationError

from cmcore.provenance.why.infra import infra_report
from cmcore.sandbox.conditions import Conditions
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


def differing(recorded: Mapping[str, JsonValue], document: Endpoint, variant: Variant) -> list[Difference]:
    """The keys in which an endpoint's variant is not as the recorded conditions; none where they cannot be read. What
    was tried and is not asked for is none of them."""
    try:
        tried = Conditions.model_validate({name: recorded.get(name) for name in Conditions.model_fields})
    except ValidationError:  # written by another version of cmcore
        return []
    then: dict[str, JsonValue] = {"backend": tried.document.backend}
    now: dict[str, JsonValue] = {"backend": document.backend}
    if set(document.protocols) - set(tried.protocols):
        then["protocols"], now["protocols"] = (", ".join(each) for each in (tried.protocols, document.protocols))
    for key, was, wanted in (
        ("deployment", tried.deployment, document.deployment_of(variant)),
        ("inference", tried.inference, document.inference_of(variant)),
    ):
        then |= leaves(was, key)
        now |= leaves(wanted, key)
    return [
        Difference(key=key, before=then.get(key), after=now.get(key))
        for key in {**now, **then}
        if then.get(key) != now.get(key)
    ]


def leaves(config: BaseModel, key: str) -> dict[str, JsonValue]:
    """Every leaf of a config by its dotted key; empty lists and mappings are none."""
    return {name: value for name, value in flat(config.model_dump(mode="json"), key) if value not in ([], {})}
