"""What is said of an endpoint: one word, the address of each variant, and each deployment with its reason. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Set
from enum import StrEnum

from pydantic import JsonValue

from cmcore.serving.backend import Address, Traffic
from cmcore.serving.states import DeploymentState
from cmcore.serving.values import Deployment, EndpointState

NO_TRAFFIC: Mapping[str, Traffic] = {}
NO_ADDRESSES: Mapping[str, Address] = {}
NONE_AWAY: Mapping[str, str] = {}


class Condition(StrEnum):
    """READY: all that is wanted serves. DEGRADED: an earlier version serves, because a wanted one was refused or its
    server is away. FAILED: nothing serves."""

    READY = "READY"
    UPDATING = "UPDATING"
    DEGRADED = "DEGRADED"
    FAILED = "FAILED"
    RECYCLING = "RECYCLING"
    RECYCLED = "RECYCLED"


def condition(state: EndpointState, refused: Mapping[int, str]) -> Condition:
    """How an endpoint is; `refused` has the reason of each deployment that was refused, by number."""
    wanted = state.revision.wanted
    if not wanted:
        return Condition.RECYCLING if state.deployments else Condition.RECYCLED
    warm = {each.number for each in state.deployments if each.state is DeploymentState.WARM}
    if dict(state.traffic) == dict(wanted) and set(wanted.values()) <= warm:
        return Condition.READY
    stuck = state.hold is not None or bool(set(wanted.values()) & set(refused))
    if not stuck:
        return Condition.UPDATING
    return Condition.DEGRADED if with_clients(state) & warm else Condition.FAILED


def with_clients(state: EndpointState) -> set[int]:
    """The deployments that clients are sent to: those whose variants have a share, by the newest document."""
    shares = {variant.name: variant.share for variant in state.revision.document.variants}
    return {number for variant, number in state.traffic.items() if shares.get(variant, 100.0)}


def condition_seen(state: EndpointState, refused: Mapping[int, str], lost: Set[int]) -> Condition:
    """How an endpoint is where these deployments, by number, do not answer, whatever was remembered of them."""
    remembered = condition(state, refused)
    if not lost & set(state.traffic.values()) or remembered not in (
        Condition.READY,
        Condition.DEGRADED,
        Condition.UPDATING,
    ):
        return remembered
    if with_clients(state) <= lost:
        return Condition.FAILED
    return Condition.UPDATING if remembered is Condition.UPDATING else Condition.DEGRADED


def refusals(deployments: list[Deployment]) -> dict[int, str]:
    """Why each refused deployment was refused, by number."""
    refused = (DeploymentState.FAILED, DeploymentState.REJECTED)
    return {each.number: each.reason for each in deployments if each.state in refused}


def status_document(
    state: EndpointState,
    deployments: list[Deployment],
    addresses: Mapping[str, Address] = NO_ADDRESSES,
    traffic: Mapping[str, Traffic] = NO_TRAFFIC,
    away: Mapping[str, str] = NONE_AWAY,
) -> dict[str, JsonValue]:
    """The status as JSON: `variants` are those that clients can ask, with their addresses. `deployments` are all that
    the endpoint ever had; those that are gone for good are left out, but for refused ones of the newest revision.

    `away` are deployments, by name, that a look at their server just now did not find, and why.
    """
    refused = refusals(deployments)
    lost = {each.number: away[each.name] for each in deployments if each.name in away}
    told = [reason_of(state, refused), *(reason for number, reason in lost.items() if number in state.traffic.values())]
    wanted = set(state.revision.wanted.values())
    shown = [each for each in deployments if not each.state.final or each.number in wanted]
    shares = {variant.name: variant.share for variant in state.revision.document.variants}
    by_number = {each.number: each for each in deployments}
    return {
        "endpoint": state.name,
        "condition": condition_seen(state, refused, set(lost)).value,
        "reason": "; ".join(dict.fromkeys(filter(None, told))),
        "revision": state.revision.number,
        "revised": {"by": state.revision.actor, "at": state.revision.at, "reason": state.revision.reason},
        "backend": state.revision.document.backend,
        "wanted": {variant: state.revision.resolved.get(variant, "") for variant in state.revision.wanted},
        "variants": [
            {
                "variant": variant,
                "share": shares.get(variant, 0.0),
                "version": by_number[number].version.reference,
                **address_document(addresses.get(by_number[number].name), by_number[number].name),
            }
            for variant, number in state.traffic.items()
        ],
        "deployments": [deployment_document(each, state, traffic) for each in shown],
    }


def reason_of(state: EndpointState, refused: Mapping[int, str]) -> str:
    """Why it is not as it should be; empty where it is, or will be."""
    told = [refused[number] for number in state.revision.wanted.values() if number in refused]
    return "; ".join([*told, *([state.hold.reason] if state.hold else [])])


def address_document(address: Address | None, name: str) -> dict[str, JsonValue]:
    """Where clients ask for a variant."""
    if address is None:
        return {"model": name, "rest": "", "grpc": "", "metadata": {}}
    return {
        "model": address.model,
        "rest": address.rest,
        "grpc": address.grpc,
        "metadata": dict(address.metadata),
    }


def deployment_document(
    deployment: Deployment, state: EndpointState, traffic: Mapping[str, Traffic]
) -> dict[str, JsonValue]:
    """One deployment."""
    had = traffic.get(deployment.name)
    names = [variant for variant, number in state.traffic.items() if number == deployment.number]
    return {
        "number": deployment.number,
        "name": deployment.name,
        "variant": names[0] if names else deployment.variant,
        "version": deployment.version.reference,
        "state": deployment.state.value,
        "since": deployment.since,
        "has_traffic": deployment.number in state.traffic.values(),
        "reason": deployment.reason,
        "requests": None if had is None else {"answered": had.answered, "failed": had.failed, "pending": had.pending},
    }
