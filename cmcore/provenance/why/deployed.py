"""Deployed: how a version came to answer under a name: who wanted it, by what configs, and when it had traffic."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from pydantic import JsonValue

from cmcore.errors import NotFoundError
from cmcore.lineage.record import ExecutionRecord
from cmcore.lineage.store import LineageStore
from cmcore.serving.publisher import deployment_address
from cmcore.serving.store import Endpoints
from cmcore.serving.values import Deployment, EndpointState, Revision

MOVES_READ = 1000
ROUTE = "route"


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """A time with traffic; `until` is None where it still has it."""

    since: float
    until: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Deployed:
    """One deployment: `revision` is the first that wanted it, `later` are the further ones.

    `identity` is the digest of everything that makes an answer: version, backend and both configs.
    """

    name: str
    endpoint: str
    variant: str
    backend: str
    version: str
    others: tuple[str, ...]
    state: str
    reason: str
    since: float
    identity: str
    flavor: str
    deployment: Mapping[str, JsonValue]
    inference: Mapping[str, JsonValue]
    infra_blessing: bool
    revision: int
    actor: str
    at: float
    why: str
    later: tuple[int, ...] = ()
    traffic: tuple[Span, ...] = ()


def deployment_meant(text: str, endpoints: Endpoints) -> Deployment | None:
    """The deployment that a text is: its name on a server, as answers carry it (`flights-1.0.0-3`, or with the answer's
    model_version `flights-1.0.0-3/1`), or an endpoint, whose present or last one is meant; None for other texts."""
    name, _, version = text.partition("/")
    if version and not version.isdigit():
        return None
    if (found := endpoints.deployment_named(name)) is not None or version:
        return found
    try:
        state = endpoints.state(name)
    except NotFoundError:
        return None
    return present(state, endpoints.deployments(name), endpoints.revisions(name))


def present(state: EndpointState, known: Sequence[Deployment], revisions: Sequence[Revision]) -> Deployment | None:
    """The deployment of an endpoint that has the traffic; where none has, the one that was wanted last."""
    by_number = {each.number: each for each in known}
    main = state.revision.document.main.name
    if state.traffic:
        return by_number[state.traffic.get(main, next(iter(state.traffic.values())))]
    last = next((revision for revision in revisions if revision.wanted), None)
    return by_number[last.wanted.get(last.document.main.name, max(last.wanted.values()))] if last else None


def deployed(deployment: Deployment, endpoints: Endpoints, lineage: LineageStore) -> Deployed:
    """Everything about a deployment; raises NotFoundError where its endpoint is another project's."""
    state = endpoints.state(deployment.endpoint)
    moves = lineage.node_executions(f"endpoint-{deployment.endpoint}", ROUTE, limit=MOVES_READ)
    spans = spans_of(deployment, state, sorted(moves, key=lambda each: each.created_at))
    return deployed_of(deployment, endpoints.revisions(deployment.endpoint), spans)


def deployed_of(deployment: Deployment, revisions: Sequence[Revision], spans: Sequence[Span]) -> Deployed:
    """The account of a deployment; `revisions` are its endpoint's, the newest first."""
    wanting = [each for each in reversed(revisions) if deployment.number in each.wanted.values()]
    first, placement = wanting[0], deployment.placement
    return Deployed(
        name=deployment.name,
        endpoint=deployment.endpoint,
        variant=deployment.variant,
        backend=deployment.backend,
        version=deployment.version.reference,
        others=tuple(each.reference for each in deployment.others),
        state=deployment.state.value,
        reason=deployment.reason,
        since=deployment.since,
        identity=deployment.identity,
        flavor=placement.flavor.name,
        deployment=placement.deployment.model_dump(mode="json", exclude_defaults=True),
        inference=placement.inference.model_dump(mode="json", exclude_defaults=True),
        infra_blessing=first.document.infra_blessing,
        revision=first.number,
        actor=first.actor,
        at=first.at,
        why=first.reason,
        later=tuple(each.number for each in wanting[1:]),
        traffic=tuple(spans),
    )


def spans_of(deployment: Deployment, state: EndpointState, moves: Sequence[ExecutionRecord]) -> list[Span]:
    """When it had traffic: by the recorded moves, the oldest first, and by the endpoint, which knows the last one."""
    own = f"{deployment_address(deployment.name)}/deployment/0"
    spans: list[Span] = []
    for move in moves:
        has = any(edge.artifact.name == own for edge in move.inputs)
        is_open = bool(spans) and spans[-1].until is None
        if has and not is_open:
            spans.append(Span(since=move.created_at))
        elif is_open and not has:
            spans[-1] = replace(spans[-1], until=move.created_at)
    is_open, has = bool(spans) and spans[-1].until is None, deployment.number in state.traffic.values()
    if has and not is_open:
        spans.append(Span(since=state.moved_at))
    if is_open and not has:
        spans[-1] = replace(spans[-1], until=state.moved_at)
    return spans
