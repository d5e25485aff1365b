"""`cm recycle`: nothing of an endpoint is served any more. What stays is told; the steps are serving's."""

from __future__ import annotations

from functools import partial

import click

from cmcore.cli.change_options import ChangeOptions, change_options
from cmcore.cli.invocation import Invocation


@click.command()
@click.argument("endpoint", metavar="ENDPOINT")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--forget", is_flag=True, help="Take what is on a server that is away for gone, and do not wait for it.")
@change_options(replaces=False)
@click.pass_context
def recycle(
    context: click.Context,
    endpoint: str,
    *,
    yes: bool,
    forget: bool,
    options: ChangeOptions,
) -> None:
    """Stop serving an endpoint, and give back what it used.

    What is served drains (requests that are under way are answered), is unloaded and removed from the server; a local
    server that nothing is left on is stopped. Registered versions, the endpoint's revisions, its lineage and the
    embedding tables of a parameter server stay: cm rollback serves it again.

    A server that is away is tried again until it is back. For one that never comes back there is --forget; what it
    holds is then nobody's.

    \b
    Examples:
      cm recycle delays
      cm recycle delays --yes --reason 'replaced by arrivals'
      cm recycle delays --yes --forget --reason 'gpu-3 was given back'

    \b
    Exit codes: 0 nothing of it is served any more, 64 nobody can be asked, 66 no such endpoint, 69 the server cannot be
    reached in time, 75 somebody changed the endpoint meanwhile, 130 the answer was no.
    """
    from cmcore.cli.endpoints import agreed, carry_out
    from cmcore.cli.view.summary import respoken

    with (context.find_object(Invocation) or Invocation()).changing() as project:
        state = project.endpoints.state(endpoint)
        if not options.as_json:
            served = ", ".join(map(str, state.deployments)) or "nothing"
            click.echo(f"{endpoint} serves {served}")
        agreed(f"Stop serving {endpoint}?", yes=yes)
        if options.wait:  # what cannot be acted on here is told before anything is written down
            for name in {it.backend for it in state.deployments}:
                project.backend(name)
        want = partial(project.endpoints.recycle, endpoint, reason=options.reason, forget=forget)
        code = carry_out(project, endpoint, want, options)
        if code == 0 and not options.as_json:
            stays = "registered versions, revisions, lineage and embedding tables stay"
            click.echo(respoken(f"{stays}; to serve it again: cm rollback {endpoint}"))
    context.exit(code)
