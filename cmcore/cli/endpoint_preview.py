"""What a change of an endpoint would come to, before it is made: keys, versions, deployments. Nothing changes here."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

import click
from pydantic import JsonValue, ValidationError

from cmcore.cli.view.wording import one_line
from cmcore.components.spec import first_error
from cmcore.document.model import load
from cmcore.document.text import read
from cmcore.errors import NotFoundError, UsageError
from cmcore.serving.difference import Difference, differences
from cmcore.serving.document import Endpoint, Variant
from cmcore.serving.store import USABLE, Candidate, resolved_of
from cmcore.serving.values import Revision
from cmcore.stack import Project
from cmcore.stack.endpoints import candidates, version_meant, whole
from cmcore.stack.validated import blessed_otherwise


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    """What is wanted now (None: the endpoint is new), what would be, which deployment each variant would be (a new one
    where it has no name yet), and in what infra validation blessed a variant's version for something else."""

    before: Revision | None
    document: Endpoint
    resolved: dict[str, str]
    deployments: dict[str, str]
    blessed_otherwise: dict[str, list[Difference]] = field(default_factory=dict)
    candidates: Sequence[Candidate] = ()

    @property
    def differences(self) -> list[Difference]:
        """The keys and versions that would change; none for a new endpoint."""
        if self.before is None:
            return []
        after = Revision(
            endpoint=self.document.name,
            number=self.before.number + 1,
            document=self.document,
            wanted={},
            resolved=self.resolved,
            actor="",
            at=0.0,
        )
        return differences(self.before, after)

    @property
    def seen(self) -> int:
        """The revision that the change is based on; 0 where there is none."""
        return self.before.number if self.before else 0

    def wanted(self, project: Project, reason: str) -> Revision:
        """Want what was shown, with these very versions; raises OutdatedError where somebody was faster."""
        return project.endpoints.apply(self.document, self.candidates, reason=reason, over=self.seen)

    def as_json(self) -> dict[str, JsonValue]:
        """For programs."""
        return {
            "endpoint": self.document.name,
            "revision": self.seen,
            "wanted": dict(self.resolved),
            "deployments": dict(self.deployments),
            "differences": [asdict(it) for it in self.differences],
            "blessed_otherwise": {name: [asdict(it) for it in each] for name, each in self.blessed_otherwise.items()},
        }


def preview(project: Project, document: Endpoint) -> Preview:
    """What a document would come to; raises RefusedError with everything against it, NotFoundError."""
    document = whole(document, project.folder)
    found = candidates(project, document)
    before = newest_revision(project, document.name)
    return Preview(
        before=before,
        document=document,
        resolved=resolved_of(found),
        deployments={it.variant: used_again(project, document.name, it) for it in found},
        candidates=found,
        blessed_otherwise={it.name: unlike for it in document.variants if (unlike := otherwise(project, document, it))},
    )


def otherwise(project: Project, document: Endpoint, variant: Variant) -> list[Difference]:
    """In what infra validation tried the variant's version otherwise, where the document asks for its blessing."""
    if not document.infra_blessing:
        return []
    return blessed_otherwise(project, document, variant, version_meant(project, variant.model))


def used_again(project: Project, endpoint: str, candidate: Candidate) -> str:
    """The name of the deployment that means just the same, and is there; empty where there is none."""
    known = project.endpoints.deployments(endpoint)
    return next((it.name for it in known if it.state in USABLE and it.identity == candidate.identity), "")


def newest_revision(project: Project, name: str) -> Revision | None:
    """What is wanted of an endpoint now; None where there is none of that name."""
    try:
        return project.endpoints.state(name).revision
    except NotFoundError:
        return None


def preview_lines(found: Preview) -> list[str]:
    """The change for people."""
    name = click.style(found.document.name, bold=True)
    if found.before is None:
        lines = [f"{name} is new"]
    elif found.differences:
        lines = [f"{name}, revision {found.before.number}, would change:", *difference_lines(found.differences)]
    else:
        lines = [f"{name} says this already, at revision {found.before.number}"]
    for variant, there in found.deployments.items():
        version = found.resolved[variant]
        lines.append(f"  {variant} is {version}: {f'{there} goes on' if there else 'a new deployment'}")
        if unlike := found.blessed_otherwise.get(variant):
            lines += [
                "  infra validation blessed it for something else:",
                *(f"  {it}" for it in difference_lines(unlike)),
            ]
    return lines


def difference_lines(found: Sequence[Difference]) -> list[str]:
    """Each key with what was and what will be."""
    return [f"  {it.key}: {shown(it.before)} → {shown(it.after)}" for it in found]


def shown(value: JsonValue) -> str:
    """A value of the document on one line."""
    if value is None:
        return "not there"
    return one_line(value if isinstance(value, str) and value else json.dumps(value, ensure_ascii=False))


def document_in(file: Path) -> Endpoint:
    """The endpoint's document in a file; raises DocumentError."""
    return load(read(file), Endpoint)


def altered(document: Endpoint, *, model: str, backend: str) -> Endpoint:
    """The document with another version for the variant that has the traffic, or on another backend."""
    said = document.model_dump(mode="json")
    main = next(it for it in said["variants"] if it["name"] == document.main.name)
    main["model"] = model or main["model"]
    said["backend"] = backend or said["backend"]
    try:
        return Endpoint.model_validate_json(json.dumps(said))
    except ValidationError as error:
        raise UsageError(f"{document.name} cannot be changed so: {first_error(error)}") from error
