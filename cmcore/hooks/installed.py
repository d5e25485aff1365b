"""Which plugins are there: entry points of installed distributions, and cmcore's own modules. Imports none of them."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.metadata import EntryPoint, PackageMetadata, PackageNotFoundError, entry_points, version
from types import ModuleType

from packaging.utils import canonicalize_name

from cmcore.hooks.specs import GROUP
from cmcore.hooks.status import Candidate


def installed_candidates() -> tuple[Candidate, ...]:
    """The entry points of the group, in order of name.

    Of several with one name, that of the distribution called `cmcore-NAME` comes first.
    """
    found = {_candidate(point) for point in entry_points(group=GROUP)}
    return tuple(sorted(found, key=_precedence))


def builtin_candidates(modules: Sequence[ModuleType | str]) -> tuple[Candidate, ...]:
    """Modules that go through the same door without an entry point, in the order given."""
    names = [module if isinstance(module, str) else module.__name__ for module in modules]
    return tuple(_builtin_candidate(name) for name in names)


def _candidate(point: EntryPoint) -> Candidate:
    metadata = _metadata(point)
    return Candidate(
        name=point.name,
        distribution=_field(metadata, "Name"),
        version=_field(metadata, "Version"),
        module=point.value,
    )


def _metadata(point: EntryPoint) -> PackageMetadata | None:
    """One look at the metadata, since every access parses its file again; None for a damaged distribution."""
    try:
        return point.dist.metadata if point.dist else None
    except FileNotFoundError:  # raised by the importlib_metadata backport, which serves everybody once it is imported
        return None


def _field(metadata: PackageMetadata | None, field: str) -> str:
    return metadata[field] if metadata and field in metadata else ""


def _precedence(candidate: Candidate) -> tuple[str, bool, str]:
    distribution = canonicalize_name(candidate.distribution)
    return candidate.name, distribution != canonicalize_name(f"cmcore-{candidate.name}"), distribution


def _builtin_candidate(module: str) -> Candidate:
    distribution = module.partition(".")[0]
    try:
        found = version(distribution)
    except PackageNotFoundError:  # run from a source tree
        distribution, found = "", ""
    return Candidate(name=module, distribution=distribution, version=found, module=module)
