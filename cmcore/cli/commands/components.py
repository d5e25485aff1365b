"""`cm components`: what components there are, and what one of them takes and gives."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import click

from cmcore.cli.invocation import Invocation

if TYPE_CHECKING:
    from cmcore.cli.output import Cell
    from cmcore.components.spec import ComponentSpec, ParameterSpec
    from cmcore.stack import Project

BOUNDS = (
    ("ge", ">="),
    ("gt", ">"),
    ("le", "<="),
    ("lt", "<"),
    ("min_length", "length >="),
    ("max_length", "length <="),
)


@click.command()
@click.argument("name", metavar="[NAME]", required=False)
@click.option("--json", "as_json", is_flag=True, help="The specs as JSON.")
@click.pass_context
def components(context: click.Context, name: str | None, as_json: bool) -> None:
    """List components, or show what one takes and gives.

    Components come from plugins and from the project's folder component_specs. Python components need no name here:
    NAME may also be an import path, package.module:name.

    \b
    Examples:
      cm components
      cm components Trainer

    \b
    Exit codes: 0 shown, 64 no such component, 65 its spec is wrong.
    """
    from cmcore.cli.output import echo_json

    with (context.find_object(Invocation) or Invocation()).project() as project:
        if name:
            spec = found_spec(project, name)
            echo_json(spec.model_dump(mode="json", exclude_defaults=True)) if as_json else show_spec(spec)
        elif as_json:
            known = {each: found_spec(project, each) for each in sorted(project.catalog.components)}
            echo_json({each: spec.model_dump(mode="json", exclude_defaults=True) for each, spec in known.items()})
        else:
            list_specs(project)


def found_spec(project: Project, name: str) -> ComponentSpec:
    """The spec of a component by name or import path."""
    from cmcore.pipelines.load import import_from

    import_from(project.roots())
    return project.catalog.component(name).spec


def list_specs(project: Project) -> None:
    """A line for each component; one whose spec is wrong says so."""
    from cmcore.cli.output import echo_table
    from cmcore.errors import CmError

    rows: list[list[Cell]] = []
    for name in sorted(project.catalog.components):
        try:
            spec = found_spec(project, name)
        except CmError as error:
            rows.append([name, ("broken", "red"), "", str(error)])
            continue
        rows.append([name, ", ".join(spec.inputs), ", ".join(spec.outputs), spec.summary])
    if rows:
        echo_table(["component", "inputs", "outputs", "what it does"], rows)
    else:
        click.echo("no components by name; write them in Python, put specs into component_specs, or install a plugin")


def show_spec(spec: ComponentSpec) -> None:
    """Everything that a node of this component is given and gives."""
    from cmcore.cli.output import echo_pairs, echo_table, heading

    click.echo(click.style(spec.name, bold=True) + (f"  {spec.summary}" if spec.summary else ""))
    needs = spec.resources.model_dump(exclude_defaults=True)
    told = ", ".join(f"{key}={value}" for key, value in needs.items())
    effect = "" if spec.effect == "none" else spec.effect
    echo_pairs({"executor": spec.executor, "effect": effect, "resources": told}, indent="  ")
    inputs: list[list[Cell]] = [
        [key, f"list of {it.type}" if it.list else it.type, "optional" if it.optional else "required", it.description]
        for key, it in spec.inputs.items()
    ]
    parameters: list[list[Cell]] = [
        [key, allowed(it), "required" if it.required else json.dumps(it.default, ensure_ascii=False), it.description]
        for key, it in spec.parameters.items()
    ]
    outputs: list[list[Cell]] = [
        [key, it.type, "may be NaN" if it.allow_nan else "", it.description] for key, it in spec.outputs.items()
    ]
    for title, rows, third in (("Inputs", inputs, ""), ("Parameters", parameters, "default"), ("Outputs", outputs, "")):
        if rows:
            heading(title)
            echo_table(["name", "type", third, ""], rows, indent=2)


def allowed(parameter: ParameterSpec) -> str:
    """The type of a parameter with its bounds."""
    if parameter.enum is not None:
        return " | ".join(json.dumps(value) for value in parameter.enum)
    stated = parameter.model_dump(exclude_none=True)
    bounds = [f"{sign} {stated[key]:g}" for key, sign in BOUNDS if key in stated]
    pattern = [f"like {parameter.pattern}"] if parameter.pattern else []
    return ", ".join([parameter.type, *bounds, *pattern])
