"""What the page about serving says of states and conditions is what the code has. `CM_GOLDEN=1` writes it."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

from cmcore.serving.controller import FIRST_WAIT_S, LONGEST_WAIT_S
from cmcore.serving.document import Draining
from cmcore.serving.states import TRANSITIONS, DeploymentState
from cmcore.serving.status import Condition
from cmcore.stack.serving import CONTROLLER_TTL_S

FILE = Path(__file__).parents[3] / "docs" / "explanation" / "serving.md"
DIAGRAM = re.compile(r"(?<=```mermaid\n).*?(?=```\n)", re.DOTALL)
LIFE = re.compile(r"^\| `([A-Z]+)` \| ([^|\n]+) \|[^|\n]*\|$", re.MULTILINE)


def diagram() -> str:
    """The life of a deployment as Mermaid draws it."""
    return "".join(f"{line}\n" for line in ["stateDiagram-v2", *arrows()])


def arrows() -> Iterator[str]:
    """One for each change, from where nothing is declared yet to where nothing more happens."""
    yield f"    [*] --> {next(iter(TRANSITIONS))}"
    for state, changes in TRANSITIONS.items():
        for change, following in changes.items():
            yield f"    {state} --> {following}: {change}"
        if state.final:
            yield f"    {state} --> [*]"


def row(state: str, meaning: str) -> str:
    """A state's row of the table."""
    changes = TRANSITIONS[DeploymentState(state)]
    told = ", ".join(f"{change} → `{following}`" for change, following in changes.items()) or "nothing more"
    return f"| `{state}` | {meaning} | {told} |"


def written(page: str) -> str:
    """The page with diagram and changes as the code has them."""
    drawn = DIAGRAM.sub(lambda _: diagram(), page, count=1)
    return LIFE.sub(lambda found: row(found[1], found[2]), drawn)


def test_golden_diagram_and_changes_are_those_of_the_code() -> None:
    page = FILE.read_text(encoding="utf-8")
    if "CM_GOLDEN" in os.environ:
        FILE.write_text(written(page), encoding="utf-8")
    assert FILE.read_text(encoding="utf-8") == written(page)


def test_every_state_has_its_row_in_the_order_of_the_code() -> None:
    assert [found[1] for found in LIFE.finditer(FILE.read_text(encoding="utf-8"))] == list(DeploymentState)


def test_every_condition_has_its_row_in_the_order_of_the_code() -> None:
    page = FILE.read_text(encoding="utf-8").split("\n## The condition of an endpoint\n")[1].split("\n## ")[0]
    assert re.findall(r"^\| `([A-Z]+)` \|", page, re.MULTILINE) == list(Condition)


def test_the_times_are_those_of_the_code() -> None:
    page = FILE.read_text(encoding="utf-8")
    draining = Draining()
    said = (
        f"after {FIRST_WAIT_S:g} s",
        f"at most {LONGEST_WAIT_S:g} s",
        f"A lease lasts {CONTROLLER_TTL_S:g} s",
        f"`draining.quiet_s` ({draining.quiet_s:g} s)",
        f"`draining.timeout_s` ({draining.timeout_s:g} s)",
    )
    assert [words for words in said if words not in page] == []
