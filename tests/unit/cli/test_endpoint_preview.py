"""What a change of an endpoint would come to."""

from __future__ import annotations

import click
import pytest

from cmcore.cli.endpoint_preview import Preview, altered, preview_lines, shown
from cmcore.serving.difference import Difference
from cmcore.serving.document import DeploymentConfig, Endpoint, Variant
from cmcore.serving.values import Revision
from cmcore.stack.endpoints import follows_alias

DOCUMENT = Endpoint(
    name="delays",
    backend="triton",
    variants=(Variant(model="delays@production"), Variant(name="next", model="delays@latest", share=0)),
)
BEFORE = Revision(
    endpoint="delays", number=3, document=DOCUMENT, wanted={"main": 1, "next": 2},
    resolved={"main": "delays@1.0.0", "next": "delays@1.1.0"}, actor="ada", at=0.0,
)  # fmt: skip


def lines(**changes: object) -> list[str]:
    """What people see of a preview."""
    plain = Preview(
        before=BEFORE, document=DOCUMENT, resolved=dict(BEFORE.resolved), deployments={"main": "d-1", "next": ""}
    )
    fields = {name: getattr(plain, name) for name in ("before", "document", "resolved", "deployments")}
    return [click.unstyle(line) for line in preview_lines(Preview(**{**fields, **changes}))]


def test_a_new_endpoint_is_told_as_new() -> None:
    assert lines(before=None)[0] == "delays is new"


def test_a_document_that_is_wanted_already_is_told_as_such() -> None:
    assert lines()[0] == "delays says this already, at revision 3"


def test_a_variant_that_is_there_goes_on_and_another_is_a_new_deployment() -> None:
    assert lines()[1:] == ["  main is delays@1.0.0: d-1 goes on", "  next is delays@1.1.0: a new deployment"]


def test_a_version_that_an_alias_means_by_now_is_told() -> None:
    told = lines(resolved={**BEFORE.resolved, "main": "delays@1.2.0"})
    assert "  variants.main: version: delays@1.0.0 → delays@1.2.0" in told


def test_a_key_that_changes_is_told_with_both_values() -> None:
    document = DOCUMENT.model_copy(update={"deployment": DeploymentConfig(instances=2)})
    assert "  deployment.instances: 1 → 2" in lines(document=document)


def test_a_blessing_for_something_else_is_told_with_the_variant() -> None:
    unlike = [Difference(key="backend", before="triton", after="ray")]
    assert lines(blessed_otherwise={"main": unlike})[2:4] == [
        "  infra validation blessed it for something else:", "    backend: triton → ray",
    ]  # fmt: skip


@pytest.mark.parametrize(("value", "text"), [(None, "not there"), ("", '""'), ("a\nb", "a b"), ([1], "[1]"), (0, "0")])
def test_a_value_is_shown_on_one_line(value: object, text: str) -> None:
    assert shown(value) == text  # type: ignore[arg-type] # JSON by parameter


def test_another_model_is_that_of_the_variant_with_the_traffic() -> None:
    changed = altered(DOCUMENT, model="delays@1.9.0", backend="")
    assert [it.model for it in changed.variants] == ["delays@1.9.0", "delays@latest"]


def test_nothing_altered_is_the_same_document() -> None:
    assert altered(DOCUMENT, model="", backend="") == DOCUMENT


def test_another_backend_leaves_the_rest() -> None:
    assert altered(DOCUMENT, model="", backend="ray") == DOCUMENT.model_copy(update={"backend": "ray"})


@pytest.mark.parametrize(
    ("models", "follows"),
    [
        (["delays@1.0.0"], False),
        (["delays@1.0.0", "delays@production"], True),
        (["delays@1.0.0", "delays"], True),
        (["delays@latest"], True),
    ],
)
def test_a_document_follows_aliases_unless_it_names_exact_versions(models: list[str], follows: bool) -> None:
    variants = [Variant(name=f"v{it}", model=model, share=0 if it else 100) for it, model in enumerate(models)]
    document = Endpoint(name="delays", backend="triton", variants=tuple(variants))
    assert follows_alias(document) is follows
