"""B1, B9: names by which registries and model servers were attacked, wherever a name can be said."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from cmcore.address import Address
from cmcore.datasets.names import Reference as DataReference
from cmcore.registry.facts import VersionFacts
from cmcore.registry.gates import Evidence
from cmcore.registry.names import Reference, VersionNumber
from cmcore.registry.values import Verdict
from cmcore.retention.pins import PinKind
from cmcore.stack import Project
from tests.integration.security.arena import Arena
from tests.integration.security.corpus import NAMES

pytestmark = pytest.mark.integration

FIRST = VersionNumber(1, 0, 0)
WORDS = Reference(model="words", version=FIRST)
FACTS = VersionFacts(digest="sha256:" + "0" * 64)

AT_CLI: dict[str, Callable[[str], Sequence[str]]] = {
    "models": lambda name: ["models", "--", name],
    "models, version": lambda name: ["models", "--", f"{name}@1.0.0"],
    "models, alias": lambda name: ["models", "--", f"words@{name}"],
    "register": lambda name: ["register", "words-nothing/train/model", f"--as={name}"],
    "describe": lambda name: ["describe", "--", name, "owner=ada"],
    "note": lambda name: ["note", "--", name, "text"],
    "approve": lambda name: ["approve", "--for", "production", "--", f"{name}@1.0.0"],
    "approve, environment": lambda name: ["approve", "words@1.0.0", f"--for={name}"],
    "promote": lambda name: ["promote", "--to", "staging", "--", f"{name}@1.0.0"],
    "promote, environment": lambda name: ["promote", "words@1.0.0", f"--to={name}"],
    "alias": lambda name: ["alias", "--", "words@1.0.0", name],
    "alias, model": lambda name: ["alias", "--", f"{name}@1.0.0", "best"],
    "history": lambda name: ["history", "--", name],
    "card": lambda name: ["card", "--", name],
    "why": lambda name: ["why", "--", f"{name}@1.0.0"],
    "pin": lambda name: ["pin", "--", name],
    "sign": lambda name: ["sign", "version", "--key", "nothing", "--", f"{name}@1.0.0"],
    "sign verify": lambda name: ["sign", "verify", "--", f"{name}@1.0.0"],
    "sign show": lambda name: ["sign", "show", "--", f"{name}@1.0.0"],
    "scan": lambda name: ["scan", "--", f"{name}@1.0.0"],
    "policy show": lambda name: ["policy", "show", "--", name],
    "audit show": lambda name: ["audit", "show", f"--model={name}"],
    "data snapshot": lambda name: ["data", "snapshot", "rows", f"--name={name}"],
    "data checkout": lambda name: ["data", "checkout", "--", f"{name}@1", "out"],
    "data checkout, version": lambda name: ["data", "checkout", "--", f"rows@{name}", "out"],
    "data list": lambda name: ["data", "list", "--", name],
    "data show": lambda name: ["data", "show", "--", name],
    "data verify": lambda name: ["data", "verify", "--", name],
    "show": lambda name: ["show", "--", name],
    "logs": lambda name: ["logs", "--", name],
    "resume": lambda name: ["resume", "--", name],
    "reproduce": lambda name: ["reproduce", "--", name],
    "tag": lambda name: ["tag", "--", name, "team=x"],
    "compare": lambda name: ["compare", "--", name],
    "lineage": lambda name: ["lineage", "--", name],
    "run": lambda name: ["run", "--", name],
    "plan": lambda name: ["plan", "--", name],
    "cache why": lambda name: ["cache", "why", "--", "train.py", name],
}  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("place", AT_CLI)
def test_a_hostile_name_is_refused_at_the_command_line(
    arena: Arena, capfd: pytest.CaptureFixture[str], place: str, name: str
) -> None:
    arena.assert_refused(arena.at_cli(AT_CLI[place](NAMES[name]), capfd))


AT_PYTHON: dict[str, Callable[[Project, str], object]] = {
    "Reference.parse": lambda _, name: Reference.parse(name),
    "Reference.parse, version": lambda _, name: Reference.parse(f"words@{name}"),
    "VersionNumber.parse": lambda _, name: VersionNumber.parse(name),
    "create": lambda project, name: project.registry.create(name),
    "register": lambda project, name: project.registry.register(name, FACTS),
    "version": lambda project, name: project.registry.version(Reference(model=name)),
    "version, alias": lambda project, name: project.registry.version(Reference(model="words", alias=name)),
    "describe": lambda project, name: project.registry.describe(Reference(model=name, version=FIRST), {"owner": "ada"}),
    "note": lambda project, name: project.registry.note(Reference(model=name), "text"),
    "link": lambda project, name: project.registry.link(Reference(model=name), "home", "https://example.org/"),
    "set_alias": lambda project, name: project.registry.set_alias(WORDS, name, over=0),
    "set_alias, model": lambda project, name: project.registry.set_alias(
        Reference(model=name, version=FIRST), "best", over=0
    ),
    "remove_alias": lambda project, name: project.registry.remove_alias("words", name, over=0),
    "promote": lambda project, name: project.registry.promote(WORDS, name, over=0, evidence=Evidence(facts=FACTS)),
    "approve": lambda project, name: project.registry.approve(WORDS, name, Verdict.APPROVED),
    "withdraw": lambda project, name: project.registry.withdraw(WORDS, name),
    "history": lambda project, name: project.registry.history(name),
    "DataReference.parse": lambda _, name: DataReference.parse(name),
    "DataReference.parse, version": lambda _, name: DataReference.parse(f"rows@{name}"),
    "snapshot": lambda project, name: project.datasets.snapshot(Path("rows"), name),
    "get": lambda project, name: project.datasets.get(DataReference(dataset=name)),
    "manifest": lambda project, name: project.datasets.manifest(project.datasets.get(DataReference(dataset=name))),
    "uri_of, run": lambda project, name: project.payloads.uri_of(Address(run=name, node="n"), "k"),
    "uri_of, node": lambda project, name: project.payloads.uri_of(Address(run="r", node=name), "k"),
    "uri_of, item": lambda project, name: project.payloads.uri_of(Address(run="r", node="n", item=name), "k"),
    "uri_of, key": lambda project, name: project.payloads.uri_of(Address(run="r", node="n"), name),
    "output": lambda project, name: project.payloads.output(Address(run=name, node="n"), "k"),
    "tracking.run": lambda project, name: project.tracking.run(name),
    "tracking.tag": lambda project, name: project.tracking.tag(name, {"team": "x"}, actor="ada"),
    "tracking.note": lambda project, name: project.tracking.note(name, "text", actor="ada"),
    "unpin": lambda project, name: project.pins.unpin(PinKind.RUN, name),
}
HARMLESS = {"device", "device with a suffix", "dot behind, a twin of a name", "capitals, a twin of a name"}
"""What names of runs, nodes, keys and components may be: it is never a file's name alone, and no twin can be made."""


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("place", [place for place in AT_PYTHON if not place.startswith(("uri_of", "output"))])
def test_a_hostile_name_is_refused_in_python(arena: Arena, opened: Project, place: str, name: str) -> None:
    arena.assert_refused(arena.at_python(lambda: AT_PYTHON[place](opened, NAMES[name])))


@pytest.mark.parametrize("name", [name for name in NAMES if name not in HARMLESS])
@pytest.mark.parametrize("place", [place for place in AT_PYTHON if place.startswith(("uri_of", "output"))])
def test_a_hostile_name_makes_no_uri(arena: Arena, opened: Project, place: str, name: str) -> None:
    arena.assert_refused(arena.at_python(lambda: AT_PYTHON[place](opened, NAMES[name])))


@pytest.mark.parametrize("name", NAMES)
def test_the_lineage_knows_no_hostile_name(arena: Arena, opened: Project, name: str) -> None:
    lineage, asked = opened.lineage, NAMES[name]
    outcome = arena.at_python(lambda: [lineage.artifact(asked), lineage.execution(asked), lineage.run(asked)])
    assert outcome.said == "[None, None, None]" or outcome.code == 74
    arena.assert_unharmed(outcome)


def test_the_lineage_does_not_cut_names_at_nul(arena: Arena, opened: Project) -> None:
    (model,) = opened.lineage.artifacts_by_uri(arena.uri)
    cut = [opened.lineage.artifact(model.name + "\0x"), *opened.lineage.artifacts_by_uri(arena.uri + "\0x")]
    assert cut == [None]


PIPELINE = "kind: Pipeline\nname: {pipeline}\nnodes:\n  {node}:\n    component: {component}\n    with: {{{key}: hi}}\n"
USUAL = {"pipeline": "words", "node": "train", "component": "train:train", "key": "word"}
POLICY = "kind: RegistryPolicy\nmodel: {model}\nenvironments:\n  {environment}: {{protected: true}}\n"
USUAL_POLICY = {"model": "words", "environment": "qa"}


def yaml_text(text: str) -> str:
    """A text as YAML in double quotes, whatever is in it."""
    escaped = (f"\\U{ord(letter):08x}" if not letter.isalnum() or not letter.isascii() else letter for letter in text)
    return f'"{"".join(escaped)}"'


@pytest.mark.parametrize("name", [name for name in NAMES if name not in HARMLESS])
@pytest.mark.parametrize("place", USUAL)
def test_a_hostile_name_in_a_pipeline_is_refused(
    arena: Arena, capfd: pytest.CaptureFixture[str], tmp_path: Path, place: str, name: str
) -> None:
    document = tmp_path / "attack.yaml"
    document.write_text(PIPELINE.format(**{**USUAL, place: yaml_text(NAMES[name])}), encoding="utf-8")
    arena.assert_refused(arena.at_cli(["run", str(document)], capfd))


@pytest.mark.parametrize("name", [name for name in NAMES if name != "glob"])  # which means every model
@pytest.mark.parametrize("place", USUAL_POLICY)
def test_a_hostile_name_in_a_policy_is_refused(
    arena: Arena, capfd: pytest.CaptureFixture[str], tmp_path: Path, place: str, name: str
) -> None:
    document = tmp_path / "policy.yaml"
    document.write_text(POLICY.format(**{**USUAL_POLICY, place: yaml_text(NAMES[name])}), encoding="utf-8")
    arena.assert_refused(arena.at_cli(["policy", "apply", "--reason", "attack", str(document)], capfd))


SPEC = (
    "kind: Component\nname: {name}\nexecutor: {executor}\nparameters:\n  {parameter}: {{type: str}}\n"
    "outputs: {{{output}: Model}}\n"
)
USUAL_SPEC = {"name": "thing", "executor": "train:train", "parameter": "word", "output": "model"}


@pytest.mark.parametrize("name", [name for name in NAMES if name not in HARMLESS])
@pytest.mark.parametrize("place", USUAL_SPEC)
def test_a_hostile_name_in_a_component_is_refused(
    arena: Arena, capfd: pytest.CaptureFixture[str], tmp_path: Path, place: str, name: str
) -> None:
    document = tmp_path / "thing.yaml"
    document.write_text(SPEC.format(**{**USUAL_SPEC, place: yaml_text(NAMES[name])}), encoding="utf-8")
    arena.assert_refused(arena.at_cli(["validate", str(document)], capfd))


def test_what_is_usual_is_accepted(arena: Arena, capfd: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    (tmp_path / "pipeline.yaml").write_text(PIPELINE.format(**USUAL))
    (tmp_path / "thing.yaml").write_text(SPEC.format(**USUAL_SPEC))
    assert arena.at_cli(["validate", str(tmp_path)], capfd).code == 0
