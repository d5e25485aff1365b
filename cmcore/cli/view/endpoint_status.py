"""An endpoint's status for people, as lines: a row for each in a list, or all about one. What it is, is serving's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, cast

import click
from pydantic import JsonValue

from cmcore.cli.output import table_lines
from cmcore.cli.view.wording import ago, one_line
from cmcore.serving.status import Condition

if TYPE_CHECKING:
    from cmcore.cli.output import Cell

Document = Mapping[str, JsonValue]
COLORS = {
    Condition.READY: "green", Condition.UPDATING: "cyan", Condition.DEGRADED: "yellow", Condition.FAILED: "red",
    Condition.RECYCLING: "cyan", Condition.RECYCLED: "bright_black",
}  # fmt: skip
NOBODY = "nobody: a server that dies stays dead, and aliases are not followed; cm serve does both"


def infer_url(variant: Document) -> str:
    """Where a POST of a request is answered; empty where REST is not offered, or its server is away."""
    return f"{variant['rest']}/v2/models/{variant['model']}/infer" if variant["rest"] else ""


def address_lines(document: Document) -> list[str]:
    """Each variant with its version and where clients ask for it."""
    lines: list[str] = []
    for variant in parts(document, "variants"):
        share = f"{variant['share']:g} %"
        lines.append(f"  {click.style(str(variant['variant']), bold=True)}  {share}  {variant['version']}")
        if url := infer_url(variant):
            lines.append(f"    REST  POST {url}")
        if variant["grpc"]:
            metadata = cast("Mapping[str, str]", variant["metadata"])
            told = "".join(f", metadata {key}={value}" for key, value in metadata.items())
            lines.append(f"    gRPC  {variant['grpc']}, model {variant['model']}{told}")
    return lines


def overview_lines(documents: Sequence[Document]) -> list[str]:
    """A row for each variant of each endpoint."""
    rows: list[list[Cell]] = []
    for document in documents:
        found = parts(document, "variants") or [{}]
        for index, variant in enumerate(found):
            requests = next((it["requests"] for it in named(document, variant)), None)
            rows.append(
                [
                    "" if index else str(document["endpoint"]),
                    "" if index else condition_cell(document),
                    "" if index else str(document["revision"]),
                    "" if index else str(document["backend"]),
                    str(variant.get("variant", "")),
                    str(variant.get("version", "")),
                    answered(requests),
                    (infer_url(variant) or str(variant["grpc"])) if variant else "",
                ]
            )
    heads = ["endpoint", "condition", "revision", "backend", "variant", "version", "answered", "address"]
    reasons = [f"{it['endpoint']}{wants(it)}: {one_line(str(it['reason']), 500)}" for it in documents if it["reason"]]
    return [*table_lines(heads, rows), *([""] if reasons else []), *reasons]


def detail_lines(document: Document, now: float) -> list[str]:
    """All about one endpoint."""
    revised = cast("Document", document["revised"])
    why = f": {one_line(str(revised['reason']))}" if revised["reason"] else ""
    since = ago(now - cast("float", revised["at"]))
    pairs = {
        "revision": f"{document['revision']} by {revised['by']}, {since}{why}",
        "backend": str(document["backend"]),
        "wanted": wanted_told(document),
        "reason": one_line(str(document["reason"]), 2000),
        "kept by": str(document["kept_by"]) or NOBODY,
    }
    heading = f"{click.style(str(document['endpoint']), bold=True)}  {styled(document)}"
    lines = [heading, *(f"  {name:<8}  {value}" for name, value in pairs.items() if value)]
    if addresses := address_lines(document):
        lines += ["", click.style("Variants", bold=True), *addresses]
    if rows := [deployment_row(it, document, now) for it in parts(document, "deployments")]:
        heads = ["name", "variant", "state", "since", "traffic", "answered", "failed", "pending", "reason"]
        lines += ["", click.style("Deployments", bold=True), *table_lines(heads, rows, indent=2)]
    return lines


def wanted_told(document: Document) -> str:
    """The versions that are wanted, where they are not just those that clients reach."""
    wanted = cast("Mapping[str, str]", document["wanted"])
    served = {str(it["variant"]): str(it["version"]) for it in parts(document, "variants")}
    return "" if wanted == served else ", ".join(f"{name} {version}" for name, version in wanted.items())


def wants(document: Document) -> str:
    """The versions that are wanted, to go on with."""
    told = wanted_told(document)
    return f" wants {told}" if told else ""


def deployment_row(it: Document, document: Document, now: float) -> list[Cell]:
    """One line of the table of deployments. Its variants are those that it is now; one that has not had traffic yet, or
    has it no more, is told as what it was made for."""
    requests = cast("Mapping[str, int] | None", it["requests"])
    counts = [str(requests[key]) if requests else "" for key in ("answered", "failed", "pending")]
    since = ago(now - cast("float", it["since"]))
    now_is = [each for each in parts(document, "variants") if it["has_traffic"] and each["model"] == it["name"]]
    has = "" if not it["has_traffic"] else "yes" if any(each["share"] for each in now_is) or not now_is else "0 %"
    return [
        str(it["name"]),
        ", ".join(str(each["variant"]) for each in now_is) or str(it["variant"]),
        str(it["state"]),
        since,
        has,
        *counts,
        one_line(str(it["reason"]), 500),
    ]


def condition_cell(document: Document) -> Cell:
    """The condition in its colour."""
    condition = Condition(str(document["condition"]))
    return (condition.value, COLORS[condition])


def styled(document: Document) -> str:
    """The condition in its colour, for a line."""
    condition = Condition(str(document["condition"]))
    return click.style(condition.value, fg=COLORS[condition])


def answered(requests: JsonValue) -> str:
    """How many requests were answered; empty where nobody knows."""
    return str(requests["answered"]) if isinstance(requests, dict) else ""


def named(document: Document, variant: Document) -> list[Document]:
    """The deployment that a variant is."""
    model = variant.get("model")
    return [it for it in parts(document, "deployments") if it["has_traffic"] and it["name"] == model]


def parts(document: Document, key: str) -> list[Document]:
    """A list of objects in the status."""
    return cast("list[Document]", document[key])
