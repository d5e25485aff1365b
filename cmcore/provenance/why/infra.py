"""What infra validation wrote down of a version, where its report is still here. Nothing is verified, only told."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from pydantic import JsonValue

from cmcore.lineage.store import LineageStore
from cmcore.registry.facts import VersionFacts
from cmcore.storage.location import is_local, local_path

REPORT, REPORT_BYTES = "infra_validation.json", 10**7


def infra_report(facts: VersionFacts, lineage: LineageStore) -> Mapping[str, JsonValue]:
    """The report of the validation that spoke for or against a version; empty where there was none, or it is gone."""
    name = facts.evidence.get("infra_blessing", "")
    artifact = lineage.artifact(name) if name else None
    if artifact is None or not is_local(artifact.uri):
        return {}
    try:
        with (Path(local_path(artifact.uri)) / REPORT).open("rb") as stream:
            report = json.loads(stream.read(REPORT_BYTES))
    except (OSError, ValueError, RecursionError):
        return {}
    return report if isinstance(report, dict) else {}


def infra_refusal(facts: VersionFacts, lineage: LineageStore) -> str:
    """Why infra validation did not bless a version; empty where it did, or where its report is not here any more."""
    return str(infra_report(facts, lineage).get("reason", "")) if facts.infra_blessed is False else ""
