"""What the registry knows, as plain data for programs: the JSON of the commands. How people see it is theirs."""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import JsonValue

from cmcore.registry.values import Alias, Approval, AuditEntry, Finding, Held, Link, Model, ModelVersion, Move, Note


def model_document(model: Model, newest: ModelVersion | None, aliases: Sequence[Alias]) -> dict[str, JsonValue]:
    """A model with its newest version and its aliases."""
    return {
        "model": model.name,
        "newest": str(newest.number) if newest else None,
        "aliases": {alias.name: alias_document(alias) for alias in aliases},
        "properties": dict(model.properties),
        "created_at": model.created_at,
        "actor": model.actor,
    }


def alias_document(alias: Alias) -> dict[str, JsonValue]:
    """An alias; its generation is what a change of it must name."""
    return {
        "version": str(alias.version),
        "generation": alias.generation,
        "set_at": alias.set_at,
        "actor": alias.actor,
    }


def version_document(version: ModelVersion) -> dict[str, JsonValue]:
    """A version with the level that was taken, the one that was computed, and what was looked at for it."""
    return {
        "model": version.model,
        "version": str(version.number),
        "level": version.level.value,
        "bump": {
            "level": version.bump.level.value,
            "reason": version.bump.reason,
            "over": str(version.bump.over) if version.bump.over else None,
            "findings": [finding_document(finding) for finding in version.bump.findings],
        },
        "override": version.override,
        "aliases": [*version.aliases],
        "properties": dict(version.properties),
        "facts": version.facts.model_dump(mode="json"),
        "created_at": version.created_at,
        "actor": version.actor,
    }


def finding_document(finding: Finding) -> dict[str, JsonValue]:
    """One thing that was looked at."""
    return {"rule": finding.rule, "holds": finding.holds, "found": finding.found}


def approval_document(approval: Approval) -> dict[str, JsonValue]:
    """Somebody's word."""
    return {
        "environment": approval.environment,
        "actor": approval.actor,
        "verdict": approval.verdict.value,
        "reason": approval.reason,
        "at": approval.at,
        "expires_at": approval.expires_at,
    }


def note_document(note: Note) -> dict[str, JsonValue]:
    """A remark."""
    return {"actor": note.actor, "at": note.at, "text": note.text}


def link_document(link: Link) -> dict[str, JsonValue]:
    """Where else something is to be found."""
    return {"rel": link.rel, "url": link.url}


def move_document(move: Move) -> dict[str, JsonValue]:
    """One change of an alias."""
    return {
        "alias": move.alias,
        "version": str(move.version) if move.version else None,
        "from_version": str(move.from_version) if move.from_version else None,
        "generation": move.generation,
        "at": move.at,
        "actor": move.actor,
        "reason": move.reason,
    }


def held_document(held: Held | None) -> dict[str, JsonValue] | None:
    """Which version an alias meant."""
    if held is None:
        return None
    return {"version": str(held.version), "actor": held.actor, "since": held.since, "reason": held.reason}


def entry_document(entry: AuditEntry) -> dict[str, JsonValue]:
    """An entry of the audit log, with everything that its hash covers."""
    return {
        "seq": entry.seq,
        "at": entry.at,
        "actor": entry.actor,
        "action": entry.action,
        "model": entry.model,
        "version": entry.version,
        "data": dict(entry.data),
        "previous": entry.previous,
        "hash": entry.hash,
    }
