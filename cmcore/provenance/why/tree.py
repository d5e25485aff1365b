"""An explanation as a tree of lines for people. Colours are the command line's."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from pydantic import JsonValue

from cmcore.filters.moment import written
from cmcore.provenance.why.deployed import Deployed, Span
from cmcore.provenance.why.explanation import Explanation, Records, Standing, Step, Training, Use
from cmcore.registry.facts import Measure
from cmcore.registry.values import Approval, Move

DIGEST_SHOWN = 19
VALUE_SHOWN = 60
PACKAGES_SHOWN = 5
USES_SHOWN = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Branch:
    """A line with those below it."""

    text: str
    below: tuple[Branch, ...] = ()


def branch(text: str, *below: Branch | str) -> Branch:
    """A line with lines below it."""
    return Branch(text=text, below=tuple(Branch(text=each) if isinstance(each, str) else each for each in below))


def tree(found: Explanation) -> Branch:
    """The whole account, top down."""
    digest = found.records.version.facts.digest if found.records else found.artifact.digest if found.artifact else ""
    name = str(found.records.version) if found.records else found.artifact.name if found.artifact else found.asked
    kind = (
        found.artifact.type_name if found.artifact else found.records.version.facts.type_name if found.records else ""
    )
    top = Branch(text=f"{name}  {kind} {digest[:DIGEST_SHOWN]}", below=tuple(_parts(found)))
    return (
        top if found.deployed is None else replace(served(found.deployed), below=(*served(found.deployed).below, top))
    )


def served(found: Deployed) -> Branch:
    """The deployment, whose version is told below it."""
    again = f"; wanted by {_listed('revision', found.later)} too" if found.later else ""
    why = f": {found.why}" if found.why else ""
    refused = f": {found.reason}" if found.reason else ""
    configs = {"deployment config": found.deployment, "inference config": found.inference}
    below: list[Branch | str] = [
        f"deployed by {found.actor}, {written(found.at)}, revision {found.revision}{why}{again}",
        f"backend {found.backend}, flavor {found.flavor}",
        *(f"{name}: {value(dict(config))}" for name, config in configs.items() if config),
        f"version, backend and configs: {found.identity[:DIGEST_SHOWN]}",
        *([f"with {', '.join(found.others)}"] if found.others else []),
        *(
            ["the endpoint demands a blessing by infra validation, which the version has"]
            if found.infra_blessing
            else []
        ),
        f"{found.state} since {written(found.since)}{refused}",
        *_times(found),
    ]
    was = "" if found.variants else "once "
    variants = _listed("variant", found.variants or (found.variant,))
    return branch(f"{found.name}  {was}{variants} of endpoint {found.endpoint}", *below)


def _times(found: Deployed) -> Iterator[str]:
    told = [(span.since, _span(span)) for span in found.traffic]
    told += [(span.since, _span_at_zero(span)) for span in found.without_share]
    yield from (text for _, text in sorted(told))
    if not found.traffic:
        yield "it never had traffic"


def _listed(noun: str, these: Sequence[object]) -> str:
    return f"{noun}{'' if len(these) == 1 else 's'} {', '.join(map(str, these))}"


def _span(span: Span) -> str:
    if span.until is None:
        return f"it has the traffic since {written(span.since)}"
    return f"it had the traffic from {written(span.since)} to {written(span.until)}"


def _span_at_zero(span: Span) -> str:
    until = f"from {written(span.since)} to {written(span.until)}" if span.until else f"since {written(span.since)}"
    return f"it {'was' if span.until else 'is'} loaded at 0 % {until}"


def lines(top: Branch) -> list[str]:
    """A tree as text."""
    return [top.text, *_below(top, "")]


def _below(parent: Branch, indent: str) -> Iterator[str]:
    for position, child in enumerate(parent.below, start=1):
        corner, rail = ("└── ", "    ") if position == len(parent.below) else ("├── ", "│   ")
        yield f"{indent}{corner}{child.text}"
        yield from _below(child, indent + rail)


def _parts(found: Explanation) -> Iterator[Branch]:
    if found.records:
        yield _version(found.records)
        yield from _people(found.records)
        yield from _evaluation(found.records)
    elif found.versions:
        yield branch("registered", *found.versions)
    if found.artifact is not None and found.artifact.deleted:
        yield branch("its payload was deleted", str(found.artifact.facts.get("deleted_reason") or "no reason given"))
    if found.training:
        yield _training(found.training, found)
    else:
        yield branch("training: no recorded run made it; it came from outside")
    if found.data:
        yield branch(
            "data", *(_data(each.artifact.uri, each.artifact.digest, each.standing, each.found) for each in found.data)
        )
    if found.uses:
        yield _since(found.uses)


def _version(records: Records) -> Branch:
    version = records.version
    over = f" over {version.bump.over}" if version.bump.over else ""
    level = version.level.value.upper()
    below: list[Branch | str] = []
    if version.override:
        below.append(f"{version.bump.level.value.upper()} was computed ({version.bump.reason}), and overruled")
    below += [f"{'✔' if each.holds else '✘'} {each.rule}: {each.found}" for each in version.bump.findings]
    if version.aliases:
        below.append(f"aliases: {', '.join(version.aliases)}")
    below.append(f"registered by {version.actor}, {written(version.created_at)}")
    below += [f"{link.rel}: {link.url}" for link in records.links]
    below += [f"note of {note.actor}, {written(note.at)}: {note.text}" for note in records.notes]
    return branch(f"version {version.number}: {level}{over}: {version.override or version.bump.reason}", *below)


def _people(records: Records) -> Iterator[Branch]:
    if records.approvals:
        yield branch("approvals", *map(_approval, records.approvals))
    if records.moves:
        yield branch("promotions and aliases", *(_move(move, records) for move in records.moves))


def _approval(said: Approval) -> str:
    until = f", until {written(said.expires_at)}" if said.expires_at else ""
    reason = f": {said.reason}" if said.reason else ""
    return f"{said.verdict.value} for {said.environment} by {said.actor}, {written(said.at)}{until}{reason}"


def _move(move: Move, records: Records) -> str:
    reason = f": {move.reason}" if move.reason else ""
    by = f"by {move.actor}, {written(move.at)}{reason}"
    if move.version == records.version.number:
        return f"{move.alias} {by}{f' (before: {move.from_version})' if move.from_version else ''}"
    return f"no longer {move.alias} {by}{f' (since: {move.version})' if move.version else ''}"


def _evaluation(records: Records) -> Iterator[Branch]:
    facts = records.version.facts
    blessings = [
        f"{word}: {'yes' if said else 'no'}"
        for word, said in (("blessed", facts.blessed), ("blessed by infra validation", facts.infra_blessed))
        if said is not None
    ]
    if records.infra_refusal:
        blessings[-1] += f": {records.infra_refusal}"
    if facts.evaluation is None:
        if blessings:
            yield branch("evaluation", *blessings)
        return
    metrics = [f"{name} {measured(it)}" for name, it in facts.evaluation.metrics.items()]
    differences = [f"{name} {it.value:+.4g}{_interval(it)}" for name, it in facts.evaluation.differences.items()]
    compared: list[Branch | str] = []
    if differences:
        compared.append(branch(f"against {facts.evaluation.baseline[:DIGEST_SHOWN]}, paired", *differences))
    where = f": {facts.evaluation.artifact}" if facts.evaluation.artifact else ""
    yield branch(f"evaluation{where}", *blessings, *metrics, *compared)


def measured(measure: Measure) -> str:
    """A metric with its interval."""
    return f"{measure.value:.4g}{_interval(measure)}"


def _interval(measure: Measure) -> str:
    if measure.low is None or measure.high is None:
        return ""
    return f" ({measure.low:.4g} to {measure.high:.4g})"


def _training(training: Training, found: Explanation) -> Branch:
    below: list[Branch | str] = [_code(training)]
    if training.parameters:
        shown = [f"{name} = {value(it.value)} ({it.layer})" for name, it in training.parameters.items()]
        below.append(branch("parameters", *shown))
    below.append(branch("steps", *map(_step, training.steps)))
    below += _environment(training)
    for each in found.reproductions:
        verdict = "reproduced" if each.verified else "not reproduced"
        below.append(f"{verdict}, {written(each.at)}: {each.equal} of {each.ran} nodes equal")
    if training.command:
        below.append(f"command: {' '.join(training.command)}")
    by = f"by {training.actor}, {written(training.at)}"
    return branch(f"training: {training.pipeline}, node {training.node} of run {training.run}, {by}", *below)


def _code(training: Training) -> str:
    version = training.code_version
    commit, branch_name = str(version.get("commit") or ""), str(version.get("branch") or "")
    if not commit:
        return f"code: no commit ({version.get('reason') or 'not recorded'}); its files are kept with the run"
    on = f" on {branch_name}" if branch_name else ""
    dirty = ", with uncommitted changes, which are kept with the run" if version.get("dirty") else ""
    return f"code: commit {commit[:12]}{on}{dirty}"


def _step(step: Step) -> Branch:
    parameters = [f"{name} = {value(it)}" for name, it in step.parameters.items()]
    told = ", ".join(f"{name} = {value(it)}" for name, it in step.values.items())
    return branch(
        f"{step.node} ({step.component})", *([f"code {step.code[:DIGEST_SHOWN]}"] if step.code else []), *parameters,
        *([f"gave {told}"] if told else []),
    )  # fmt: skip


def _environment(training: Training) -> Iterator[Branch]:
    then = training.environment
    if then is None:
        return
    count = len(training.changes)
    differing = [f"{it.what}: {it.then} then, {it.now} now" for it in training.changes[:PACKAGES_SHOWN]]
    more = [f"and {count - PACKAGES_SHOWN} more"] if count > PACKAGES_SHOWN else []
    now = f"{count} {'thing' if count == 1 else 'things'} different today" if count else "the same today"
    yield branch(
        f"environment: {then.implementation} {then.python}, {len(then.packages)} packages; {now}", *differing, *more
    )


def _data(uri: str, digest: str, standing: Standing, found: str) -> Branch:
    return branch(f"{uri} {digest[:DIGEST_SHOWN]}: {standing.value} today{f' ({found})' if found else ''}")


def _since(uses: Sequence[Use]) -> Branch:
    more = [f"and {len(uses) - USES_SHOWN} more: cm lineage --down"] if len(uses) > USES_SHOWN else []
    return branch("what was made of it", *map(_use, uses[:USES_SHOWN]), *more)


def _use(use: Use) -> str:
    outputs = ", ".join(each.type_name for each in use.outputs)
    return f"{use.node} ({use.component}) of run {use.run}, {written(use.at)}{f': {outputs}' if outputs else ''}"


def value(found: JsonValue) -> str:
    """A value on one line, cut where it would fill the screen."""
    text = json.dumps(found, ensure_ascii=False)
    return text if len(text) <= VALUE_SHOWN else f"{text[: VALUE_SHOWN - 1]}…"
