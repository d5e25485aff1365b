"""Deployed: how a version came to answer under a name: who wanted it, by what configs, and when it had traffic."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from pydantic import JsonValue

from cmcore.errors import NotFoundError
from cmcore.lineage.record import ExecutionRecord
from cmcore.lineage.store import LineageStore
from cmcore.serving.store import Endpoints
from cmcore.serving.values import Deployment, EndpointState, Revision

MOVES_READ = 1000
ROUTE = "route"
SHOWN_MAX = 20
NAMED = re.compile(r"(?P<endpoint>.+?)-\d+\.\d+\.\d+-\d+(/\d+)?$")  # as `cmcore.serving.store.deployment_of` names them


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """A time with traffic, or with a variant that has no share of it; `until` is None where it goes on."""

    since: float
    until: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Routing:
    """The variants that were a deployment's from a time on."""

    at: float
    variants: frozenset[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Deployed:
    """One deployment: `revision` is the first that wanted it, `later` are the further ones.

    `identity` is the digest of everything that makes an answer: version, backend and both configs. `variant` is what it
    was made as, `variants` what it is now. `traffic` is when clients were sent to it, `without_share` when it was only
    loaded: as a variant with 0 %.
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
    without_share: tuple[Span, ...] = ()
    variants: tuple[str, ...] = ()


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


def siblings(text: str, endpoints: Endpoints) -> str:
    """What to tell somebody whose text reads as a deployment of an endpoint that there is, but is none of its.

    Empty for other texts.
    """
    named = NAMED.match(text)
    if named is None or named["endpoint"] not in endpoints.names():
        return ""
    known = [each.name for each in endpoints.deployments(named["endpoint"])]
    more = f"{len(known) - SHOWN_MAX} earlier ones and " if len(known) > SHOWN_MAX else ""
    return f"no deployment {text!r}; {named['endpoint']} has had {more}{', '.join(known[-SHOWN_MAX:]) or 'none'}"


def deployed(deployment: Deployment, endpoints: Endpoints, lineage: LineageStore) -> Deployed:
    """Everything about a deployment; raises NotFoundError where its endpoint is another project's."""
    state, revisions = endpoints.state(deployment.endpoint), endpoints.revisions(deployment.endpoint)
    moves = lineage.node_executions(f"endpoint-{deployment.endpoint}", ROUTE, limit=MOVES_READ)
    own = routings(deployment, state, moves)
    now = {name for source in (state.traffic, state.revision.wanted) for name, number in source.items()
           if number == deployment.number}  # fmt: skip
    found = deployed_of(deployment, revisions, spans_of(own, revisions))
    return replace(found, without_share=tuple(spans_of(own, revisions, share=False)), variants=tuple(sorted(now)))


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


def routings(deployment: Deployment, state: EndpointState, moves: Sequence[ExecutionRecord]) -> list[Routing]:
    """Which variants were this deployment, the oldest first: by the recorded moves, and by the endpoint, which knows
    the last one."""
    found = [
        Routing(at=move.created_at, variants=frozenset(variants_in(edge.artifact.properties, deployment.name)))
        for move in sorted(moves, key=lambda each: each.created_at)
        for edge in move.outputs
    ]
    last = frozenset(variant for variant, number in state.traffic.items() if number == deployment.number)
    return [*found, Routing(at=state.moved_at, variants=last)]


def variants_in(properties: Mapping[str, JsonValue], name: str) -> Iterator[str]:
    """The variants that an EndpointTraffic sends to the deployment of that name."""
    traffic = properties.get("traffic")
    for variant, to in traffic.items() if isinstance(traffic, dict) else ():
        if isinstance(to, dict) and to.get("name") == name:
            yield variant


def spans_of(own: Sequence[Routing], revisions: Sequence[Revision], *, share: bool = True) -> list[Span]:
    """When clients were sent to it, or (`share` false) when it was only loaded, without a share of the traffic.

    A share is what the newest document of that time says; a variant that it no longer has keeps the last one.
    """
    shares, variants, spans = dict[str, float](), frozenset[str](), list[Span]()
    changes: list[Revision | Routing] = sorted([*reversed(revisions), *own], key=lambda each: each.at)
    for change in changes:
        if isinstance(change, Revision):
            shares |= {variant.name: variant.share for variant in change.document.variants}
        else:
            variants = change.variants
        has = bool(variants) and share is any(shares.get(variant, 100.0) > 0 for variant in variants)
        is_open = bool(spans) and spans[-1].until is None
        if has and not is_open:
            spans.append(Span(since=change.at))
        elif is_open and not has:
            spans[-1] = replace(spans[-1], until=change.at)
    return spans
