"""`cm predict`: rows to an endpoint, answers back. Requests go straight to the model server, as any client's do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

import click

from cmcore.cli.invocation import Invocation

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pydantic import JsonValue

    from cmcore.inference.request import InferenceRequest, InferenceResponse
    from cmcore.serving.backend import Placement
    from cmcore.serving.document import Protocol
    from cmcore.serving.values import Deployment
    from cmcore.stack import Project

SAMPLE_ROWS_MAX = 8
COLUMNS_SHOWN = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """Where the rows come from; one of the three."""

    file: str | None
    data: str | None
    sample: bool


@click.command()
@click.argument("endpoint", metavar="ENDPOINT")
@click.option("--rows", "file", default=None, metavar="FILE", help="JSON list, JSON lines or CSV; - is standard input.")
@click.option("--data", default=None, metavar="JSON", help="One row as an object, or several as a list.")
@click.option("--sample", is_flag=True, help="The example that was recorded with the model.")
@click.option("--variant", default="", metavar="NAME", help="Which variant.  [default: the one with traffic]")
@click.option("--grpc", is_flag=True, help="By gRPC instead of REST.")
@click.option("--id", "request_id", default="", metavar="TEXT", help="The request's id; it comes back in the answer.")
@click.option("--timeout", "timeout_s", default=30.0, show_default=True, type=click.FloatRange(0), metavar="SECONDS")
@click.option("--json", "as_json", is_flag=True, help="The protocol's own answer.")
@click.pass_context
def predict(
    context: click.Context,
    endpoint: str,
    *,
    file: str | None,
    data: str | None,
    sample: bool,
    variant: str,
    grpc: bool,
    request_id: str,
    timeout_s: float,
    as_json: bool,
) -> None:
    """Ask an endpoint for predictions.

    Rows are objects by column. They are checked against the model's interface before anything is sent: a missing column
    and a value of another type are errors with their row, and nothing is guessed. Columns that the model does not have
    are left out, and named. Null is a missing number in columns of floats only. The request goes to the address that
    cm status shows, by the Open Inference Protocol, as from any other client; the answer names the model that gave it,
    of which cm why tells the rest.

    \b
    Examples:
      cm predict delays --sample
      cm predict delays --data '{"distance": 1400, "carrier": "UA"}'
      cm predict delays --rows flights.csv --json
      jq -c '.[]' flights.json | cm predict delays --rows - --grpc

    \b
    Exit codes: 0 answered, 64 the rows are not what the model takes, 65 the server refused the request, 66 no such
    endpoint or variant, 69 the server cannot be reached, or not in time, 70 the model or its server failed.
    """
    from cmcore.cli.output import echo_json
    from cmcore.cli.view.summary import respoken

    given = Given(file=file, data=data, sample=sample)
    if (file is not None) + (data is not None) + sample != 1:
        raise click.UsageError("give rows by exactly one of --rows, --data and --sample", context)
    with (context.find_object(Invocation) or Invocation()).project() as project:
        deployment = asked(project, endpoint, variant)
        request = request_for(deployment.placement, given, request_id)
        answer = answer_of(project, deployment, request, grpc=grpc, timeout_s=timeout_s)
    if as_json:
        echo_json(answer.document())
    else:
        show(answer)
        click.echo(respoken(f"\nwhy this answer: cm why {answer.model_name}"), err=True)


def asked(project: Project, endpoint: str, variant: str) -> Deployment:
    """The deployment behind a variant, or behind the one with the traffic; raises NotFoundError."""
    from cmcore.document.wording import did_you_mean
    from cmcore.errors import NotFoundError

    state = project.endpoints.state(endpoint)
    name = variant or state.revision.document.main.name
    if not variant and name not in state.traffic and len(state.traffic) == 1:
        name = next(iter(state.traffic))  # its successor under another name is not warm yet
    number = state.traffic.get(name)
    deployment = state.deployment(number) if number is not None else None
    if deployment is None:
        known = ", ".join(state.traffic)
        hint = did_you_mean(name, state.traffic) if known else "; see cm status " + endpoint
        raise NotFoundError(f"nothing is served at {endpoint} as {name!r}{hint} (variants: {known or 'none'})")
    return deployment


def request_for(placement: Placement, given: Given, request_id: str) -> InferenceRequest:
    """The request that the rows make; raises UsageError."""
    from cmcore.cli.given_rows import GivenRows, objects, parsed, rows_in
    from cmcore.errors import UsageError
    from cmcore.inference.acceptance import refusals
    from cmcore.inference.sample import recorded_rows, request_of
    from cmcore.inference.strict import extra_columns, strict_request

    if given.sample:
        rows = recorded_rows(placement.folder)[:SAMPLE_ROWS_MAX]
        if not rows:
            raise UsageError(f"{placement.name} has no recorded example (input_example.json); give rows by --data")
        request = request_of(rows if placement.interface.batched else rows[:1], placement.interface, id=request_id)
    else:
        if given.file is not None:
            found = rows_in(given.file)
        else:
            value = parsed(given.data or "", "--data")
            found = GivenRows(rows=objects(value if isinstance(value, list) else [value], "--data"))
        if extra := extra_columns(found.rows, placement.interface):
            click.echo(left_out(extra), err=True)
        request = strict_request(found.rows, placement.interface, texts=found.texts, id=request_id)
    limit = placement.inference.batching.max_batch_size
    if problems := refusals(request, placement.interface, max_rows=limit):
        raise UsageError(f"{placement.name} does not take this: {'; '.join(problems)}")
    return request


def left_out(columns: Sequence[str]) -> str:
    """What is told of columns that the model does not have."""
    from cmcore.cli.view.wording import one_line

    more = f" and {len(columns) - COLUMNS_SHOWN} more" if len(columns) > COLUMNS_SHOWN else ""
    return one_line(f"left out, as the model has no such columns: {', '.join(columns[:COLUMNS_SHOWN])}{more}", 500)


def address(project: Project, deployment: Deployment, protocol: Protocol) -> tuple[str, str]:
    """Where the deployment answers, and under which name; raises ServingError where it does not."""
    from cmcore.errors import ServingError
    from cmcore.stack.serving import status

    found = status(project, deployment.endpoint)
    variants = cast("list[Mapping[str, JsonValue]]", found["variants"])
    where = next((it for it in variants if it["model"] == deployment.name), None)
    if where is None:
        raise ServingError(f"{deployment.name} has lost its traffic just now; ask again")
    if not where[protocol.value]:
        raise ServingError(f"the server of {deployment.name} cannot be asked: {found['reason'] or 'it is away'}")
    return str(where[protocol.value]), str(where["model"])


def answer_of(
    project: Project,
    deployment: Deployment,
    request: InferenceRequest,
    *,
    grpc: bool,
    timeout_s: float,
) -> InferenceResponse:
    """The server's answer; raises ServingError, InferenceError, UsageError for a protocol that is not offered."""
    from cmcore.errors import UsageError
    from cmcore.inference.client import RestClient
    from cmcore.serving.document import Protocol

    protocol = Protocol.GRPC if grpc else Protocol.REST
    offered = project.endpoints.state(deployment.endpoint).revision.document.protocols
    if protocol not in offered:
        raise UsageError(f"{deployment.endpoint} offers {', '.join(offered)}, not {protocol}")
    url, model = address(project, deployment, protocol)
    if grpc:
        backend = project.backend(deployment.backend)
        return backend.infer(deployment.name, request, protocol=protocol, timeout_s=timeout_s)
    with RestClient(url, timeout_s=timeout_s) as client:
        return client.infer(model, request)


def show(answer: InferenceResponse) -> None:
    """A row for each row that was asked for, a column for each output."""
    from cmcore.cli.output import echo_table

    rows = max((tensor.shape[0] if tensor.shape else 1 for tensor in answer.outputs), default=0)
    columns = [cells(list(tensor.data), rows) for tensor in answer.outputs]
    table = [[str(number), *(column[number - 1] for column in columns)] for number in range(1, rows + 1)]
    echo_table(["row", *(tensor.name for tensor in answer.outputs)], table)


def cells(data: list[bool | int | float | str], rows: int) -> list[str]:
    """The elements of an output, those of each row together."""
    from cmcore.cli.view.wording import one_line

    width = len(data) // rows if rows else 0
    parts = [data[index * width : (index + 1) * width] for index in range(rows)]
    return [one_line(", ".join(f"{it:.6g}" if isinstance(it, float) else str(it) for it in part)) for part in parts]
