"""An explanation as a Mermaid flowchart: data, steps, model, version, and who moved aliases to it or deployed it."""

from __future__ import annotations

from collections.abc import Iterator

from cmcore.filters.moment import written
from cmcore.provenance.why.explanation import Explanation

MODEL, VERSION, DEPLOYED = "model", "version", "deployed"


def picture(found: Explanation) -> str:
    """The flowchart, from left to right."""
    return (
        "\n".join(
            ["flowchart LR", *(f"    {line}" for line in (*_making(found), *_registered(found), *_served(found)))]
        )
        + "\n"
    )


def _making(found: Explanation) -> Iterator[str]:
    if found.artifact is None:
        return
    yield f'{MODEL}["{quoted(f"{found.artifact.type_name} {found.artifact.digest[:19]}")}"]'
    readers = {each.artifact.name or each.artifact.uri: f"data{number}" for number, each in enumerate(found.data)}
    for number, each in enumerate(found.data):
        yield f'data{number}[("{quoted(f"{each.artifact.uri} {each.artifact.digest[:19]}")}")]'
    steps = found.training.steps if found.training else ()
    for number, step in enumerate(steps):
        yield f'step{number}(["{quoted(f"{step.node} ({step.component})")}"])'
    made_by = {artifact.name: f"step{number}" for number, step in enumerate(steps) for artifact in step.outputs}
    for number, step in enumerate(steps):
        for name in dict.fromkeys(step.inputs):
            if source := made_by.get(name) or readers.get(name):
                yield f"{source} --> step{number}"
    if maker := made_by.get(found.artifact.name):
        yield f"{maker} --> {MODEL}"


def _registered(found: Explanation) -> Iterator[str]:
    if found.records is None:
        return
    version = found.records.version
    yield f'{VERSION}[["{quoted(str(version))}"]]'
    if found.artifact is not None:
        yield f'{MODEL} -- "{quoted(f"registered by {version.actor}")}" --> {VERSION}'
    there = {move.alias: move for move in found.records.moves if move.version == version.number}
    for number, name in enumerate(version.aliases):
        yield f'alias{number}{{{{"{quoted(name)}"}}}}'
        move = there.get(name)
        label = f'-- "{quoted(f"{move.actor}, {written(move.at)}")}" -->' if move else "-->"
        yield f"{VERSION} {label} alias{number}"


def _served(found: Explanation) -> Iterator[str]:
    it = found.deployed
    if it is None:
        return
    yield f'{DEPLOYED}[/"{quoted(f"{it.name} on {it.backend}")}"/]'
    yield f'{VERSION} -- "{quoted(f"deployed by {it.actor}, {written(it.at)}")}" --> {DEPLOYED}'
    if it.traffic:
        yield f'endpoint(("{quoted(it.endpoint)}"))'
        yield f'{DEPLOYED} -- "{quoted(f"traffic since {written(it.traffic[-1].since)}")}" --> endpoint'


def quoted(text: str) -> str:
    """Text inside a Mermaid label."""
    return text.replace("#", "#35;").replace('"', "#quot;")
