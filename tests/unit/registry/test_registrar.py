from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
from pydantic import JsonValue

from cmcore import Context
from cmcore.artifacts import InfraBlessing, LocalFolder, RegisteredModel
from cmcore.components.component import Component
from cmcore.components.spec import ComponentSpec
from cmcore.document.model import load
from cmcore.document.text import read
from cmcore.errors import OutdatedError, RefusedError, UsageError
from cmcore.lineage.record import ArtifactRecord
from cmcore.registry import registrar as module
from cmcore.registry.facts import Origin, VersionFacts
from cmcore.registry.names import Reference
from cmcore.registry.registrar import RegisterModel, applied, holds, nothing_was_asked, registrar
from cmcore.registry.store import Registry
from cmcore.registry.values import Alias
from tests.unit.registry import folders
from tests.unit.registry.folders import BASELINE, MODEL

SPEC = Path(module.__file__).parents[1] / "component_specs" / "Registrar.yaml"
ORIGIN = Origin(run="r1", node="train", steps={"train": "c p"})
RECORD = ArtifactRecord(
    name="r1/train/1/model/0", type_name="Model", uri="file:///models/1", digest=MODEL, pipeline="flights"
)


@dataclass
class Call:
    """One call of the Registrar over small payloads: what it wrote and what it asked for."""

    folder: Path
    context: Context = field(default_factory=Context)

    def __call__(self, **changes: Any) -> dict[str, object]:
        arguments: dict[str, Any] = {
            "model": folders.model(self.folder), "evaluation": folders.evaluation(self.folder),
            "blessing": folders.blessing(self.folder), "schema": folders.schema(self.folder), "infra_blessing": None,
            "name": "flights", "require_blessing": True, "level": "", "reason": "", "alias": "", "properties": {},
        }  # fmt: skip
        (self.folder / "registered").mkdir()
        registered = RegisteredModel().bound(LocalFolder(self.folder / "registered"))
        registrar(**{**arguments, **changes}, registered=registered, context=self.context)
        found: dict[str, object] = json.loads((registered.path / "registered.json").read_text())
        return found

    @property
    def asked(self) -> list[Mapping[str, JsonValue]]:
        """The data of the intents."""
        return [intent.data for intent in self.context.intents]


@pytest.fixture
def call(tmp_path: Path) -> Call:
    return Call(tmp_path)


def test_a_blessed_model_is_asked_for_with_its_facts(call: Call) -> None:
    call(alias="candidate", properties={"ticket": 7})
    asked = RegisterModel.model_validate(call.asked[0])
    assert (asked.model, asked.facts.digest, asked.facts.blessed, asked.alias, asked.properties) == (
        "flights", MODEL, True, "candidate", {"ticket": 7},
    )  # fmt: skip


def test_the_intent_is_for_the_output(call: Call) -> None:
    call()
    assert [(intent.kind, intent.output) for intent in call.context.intents] == [("register-model", "registered")]


def test_what_is_written_tells_no_time_and_no_run(call: Call) -> None:
    assert call() == {"registered": True, "reason": "", "model": "flights", "digest": MODEL}


@pytest.mark.parametrize(
    ("blessing", "reason"),
    [
        (None, "no blessing of the model was given; set require_blessing to false to register it without"),
        (False, "the model is not blessed"),
    ],
)
def test_without_a_positive_blessing_nothing_is_asked_for(
    tmp_path: Path, call: Call, blessing: bool | None, reason: str
) -> None:
    (tmp_path / "other").mkdir()
    said = None if blessing is None else folders.blessing(tmp_path / "other", blessed=blessing)
    assert (call(blessing=said)["reason"], call.asked) == (reason, [])


def test_a_negative_infra_blessing_counts_too(tmp_path: Path, call: Call) -> None:
    said = InfraBlessing.at(tmp_path / "infra", blessed=False, model=MODEL)
    assert (call(infra_blessing=said)["reason"], call.asked) == ("the model is not blessed by infra validation", [])


def test_blessings_need_not_be_required(tmp_path: Path, call: Call) -> None:
    (tmp_path / "other").mkdir()
    call(blessing=folders.blessing(tmp_path / "other", blessed=False), require_blessing=False)
    assert RegisterModel.model_validate(call.asked[0]).facts.blessed is False


@pytest.mark.parametrize("wrong", [{"name": "Flights!"}, {"name": "../x"}, {"alias": "latest"}, {"alias": "A"}])
def test_names_that_the_registry_would_refuse_are_refused_at_once(call: Call, wrong: dict[str, str]) -> None:
    with pytest.raises(UsageError):
        call(**wrong)


def test_the_packaged_specification_fits_the_executor() -> None:
    spec = load(read(SPEC), ComponentSpec)
    work = Component(spec=spec).work
    assert set(spec.arguments) | set(spec.outputs) | {"context"} == set(work.__annotations__) - {"return"}


def test_only_an_execution_that_asked_for_nothing_holds_for_ever() -> None:
    said = [
        nothing_was_asked(parameters={}, outputs={"registered": {"version": version}}, input_digests={})
        for version in ("", "1.0.0")
    ]
    assert said == [True, False]


def asked(model: str = "flights", alias: str = "", **more: Any) -> RegisterModel:
    return RegisterModel(model=model, facts=VersionFacts(digest="sha256:theirs"), alias=alias, **more)


def test_a_version_has_what_the_driver_knows_of_the_model(registry: Registry) -> None:
    applied(asked(), registry, model=RECORD, origin=ORIGIN)
    facts = registry.version(Reference.parse("flights")).facts
    assert (facts.digest, facts.uri, facts.artifact, facts.origin) == (
        MODEL, "file:///models/1", "r1/train/1/model/0", ORIGIN,
    )  # fmt: skip


def test_the_output_names_the_version(registry: Registry) -> None:
    properties = applied(asked(), registry, model=RECORD, origin=ORIGIN)
    assert RegisteredModel.model_validate(properties) == RegisteredModel(model="flights", version="1.0.0", of=MODEL)


def test_applying_twice_is_the_same_as_once(registry: Registry) -> None:
    wanted = asked(alias="candidate", properties={"ticket": 7})
    first, entries = applied(wanted, registry, model=RECORD, origin=ORIGIN), list(registry.audit.entries())
    again = applied(wanted, registry, model=RECORD, origin=ORIGIN)
    assert (again, len(registry.versions("flights")), list(registry.audit.entries())) == (first, 1, entries)


def test_an_alias_moves_to_the_version_that_is_registered(registry: Registry) -> None:
    applied(asked(alias="candidate"), registry, model=RECORD, origin=ORIGIN)
    applied(asked(alias="candidate"), registry, model=replace(RECORD, digest=BASELINE), origin=ORIGIN)
    assert str(registry.version(Reference.parse("flights@candidate")).number) == "1.0.1"


def test_properties_are_those_of_the_version(registry: Registry) -> None:
    applied(asked(properties={"ticket": 7}), registry, model=RECORD, origin=ORIGIN)
    assert registry.version(Reference.parse("flights@1.0.0")).properties == {"ticket": 7}


def test_another_level_needs_its_reason(registry: Registry) -> None:
    applied(asked(), registry, model=RECORD, origin=ORIGIN)
    other = replace(RECORD, digest=BASELINE)
    with pytest.raises(UsageError, match="give a reason"):
        applied(asked(level="major"), registry, model=other, origin=ORIGIN)


def test_another_level_is_taken_with_its_reason(registry: Registry) -> None:
    applied(asked(), registry, model=RECORD, origin=ORIGIN)
    other = replace(RECORD, digest=BASELINE)
    properties = applied(asked(level="major", reason="the label changed"), registry, model=other, origin=ORIGIN)
    assert properties["version"] == "2.0.0"


class Contended:
    """A registry in which somebody else is faster with the alias, as often as a test wants."""

    def __init__(self, registry: Registry, times: int) -> None:
        self.register, self.version, self.describe = registry.register, registry.version, registry.describe
        self.policy = registry.policy
        self._registry, self._left = registry, times

    def alias(self, model: str, name: str) -> Alias | None:
        return self._registry.alias(model, name)

    def set_alias(self, reference: Reference, name: str, *, over: int) -> Alias:
        if self._left:
            self._left -= 1
            set_by_them = self._registry.set_alias(Reference.parse("flights@1.0.0"), name, over=over)
            self._registry.remove_alias("flights", name, over=set_by_them.generation)
            self._registry.set_alias(Reference.parse("flights@1.0.0"), name, over=0)
        return self._registry.set_alias(reference, name, over=over)


@pytest.fixture
def contended(registry: Registry) -> Callable[[int], Contended]:
    """The registry with one version, and as many lost races as a test wants."""
    applied(asked(), registry, model=RECORD, origin=ORIGIN)
    return lambda times: Contended(registry, times)


def test_an_alias_that_somebody_else_moves_meanwhile_is_moved_again(
    registry: Registry, contended: Callable[[int], Contended]
) -> None:
    other = replace(RECORD, digest=BASELINE)
    applied(asked(alias="candidate"), contended(1), model=other, origin=ORIGIN)
    assert str(registry.version(Reference.parse("flights@candidate")).number) == "1.0.1"


def test_a_race_that_never_ends_is_given_up(contended: Callable[[int], Contended]) -> None:
    with pytest.raises(OutdatedError):
        applied(asked(alias="candidate"), contended(1000), model=replace(RECORD, digest=BASELINE), origin=ORIGIN)


def test_a_registration_holds_while_the_registry_has_it_so(registry: Registry) -> None:
    wanted = asked(alias="candidate")
    assert holds(wanted, registry, applied(wanted, registry, model=RECORD, origin=ORIGIN)) == ""


def test_a_registration_in_another_registry_does_not_hold(registry: Registry) -> None:
    said = {"model": "flights", "version": "1.0.0", "of": MODEL}
    assert holds(asked(), registry, said) == "there is no model 'flights'; cm models lists them"


def test_a_registration_of_other_bytes_does_not_hold(registry: Registry) -> None:
    said = {**applied(asked(), registry, model=RECORD, origin=ORIGIN), "of": BASELINE}
    assert holds(asked(), registry, said) == f"flights@1.0.0 is {MODEL}, no longer {BASELINE}"


def test_a_registration_whose_alias_has_moved_does_not_hold(registry: Registry) -> None:
    wanted = asked(alias="candidate")
    said = applied(wanted, registry, model=RECORD, origin=ORIGIN)
    applied(wanted, registry, model=replace(RECORD, digest=BASELINE), origin=ORIGIN)
    assert holds(wanted, registry, said) == "flights@candidate is 1.0.1, not 1.0.0"


def test_a_registration_whose_alias_is_gone_does_not_hold(registry: Registry) -> None:
    said = applied(asked(), registry, model=RECORD, origin=ORIGIN)
    assert holds(asked(alias="candidate"), registry, said) == "flights@candidate is not set, not 1.0.0"


def test_an_alias_that_a_policy_guards_is_refused_before_there_is_a_version(registry: Registry) -> None:
    with pytest.raises(RefusedError, match="cm promote flights@VERSION --to production"):
        applied(asked(alias="production"), registry, model=RECORD, origin=ORIGIN)
    assert registry.models() == []
