"""B9, B18: words for shells and databases in values. Values are values: no command is run, no other row is found."""

from __future__ import annotations

import ast
from collections.abc import Callable
from pathlib import Path

import pytest

from cmcore.filters.parse import parse
from cmcore.stack import Project
from tests.integration.security.arena import Arena

pytestmark = pytest.mark.integration

ROOT = Path(__file__).parents[3]
SOURCES = sorted(
    path
    for folder in ("cmcore", "plugins", "examples", "benchmarks")
    for path in (ROOT / folder).rglob("*.py")
    if "/tests/" not in str(path)
)
SHELLS = {"system", "popen", "getoutput", "getstatusoutput", "create_subprocess_shell", "spawnl", "spawnlp"}
UNPICKLERS = {
    "pickle.load",
    "pickle.loads",
    "joblib.load",
    "marshal.loads",
    "dill.load",
    "cloudpickle.load",
    "torch.load",
}
VALUES = [
    "zz' OR 1=1", "zz' OR '1'='1", "zz'; DROP TABLE runs; --", 'zz" OR ""="', "zz') OR (1=1", "\\' OR 1=1 --", "%",
    "_____",
    "zz' UNION SELECT name FROM sqlite_master --", "' || (SELECT group_concat(actor) FROM runs) || '", "\0' OR 1=1",
]  # fmt: skip


def quoted(value: str) -> str:
    """The value as a filter writes it."""
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'


FOUND: dict[str, Callable[[Project, str], object]] = {
    "runs by state": lambda project, value: project.tracking.search(parse(f"state = {quoted(value)}")),
    "runs by tag": lambda project, value: project.tracking.search(parse(f"tags.team = {quoted(value)}")),
    "runs by tag's name": lambda project, value: project.tracking.search(parse(f"tags.{quoted(value)} = 'x'")),
    "runs by parameter": lambda project, value: project.tracking.search(parse(f"params.word = {quoted(value)}")),
    "runs by one of": lambda project, value: project.tracking.search(parse(f"run in ({quoted(value)})")),
    "versions by model": lambda project, value: project.registry.versions(where=parse(f"model = {quoted(value)}")),
    "versions by property": lambda project, value: project.registry.versions(
        where=parse(f"properties.owner = {quoted(value)}")
    ),
    "versions by property's name": lambda project, value: project.registry.versions(
        where=parse(f"properties.{quoted(value)} = 'x'")
    ),
    "versions by metric's name": lambda project, value: project.registry.versions(
        where=parse(f"metrics.{quoted(value)} > 0")
    ),
    "versions by data": lambda project, value: project.registry.versions(where=parse(f"data = {quoted(value)}")),
    "versions by alias": lambda project, value: project.registry.versions(where=parse(f"alias = {quoted(value)}")),
    "versions of a model": lambda project, value: project.registry.versions(value),
    "artifacts by name": lambda project, value: project.lineage.artifact(value) or [],
    "artifacts by uri": lambda project, value: project.lineage.artifacts_by_uri(value),
    "artifacts by type": lambda project, value: project.lineage.latest(value),
    "executions by run": lambda project, value: project.lineage.executions(value),
    "executions by cache key": lambda project, value: project.lineage.cached(value),
    "executions by node": lambda project, value: project.lineage.node_executions(value, value),
    "runs by pipeline": lambda project, value: project.lineage.runs(pipeline=value),
    "data by name": lambda project, value: project.datasets.versions(value),
    "audit by model": lambda project, value: list(project.registry.audit.entries(model=value)),
}


@pytest.mark.parametrize("value", VALUES)
@pytest.mark.parametrize("place", FOUND)
def test_a_value_finds_what_is_equal_to_it_and_nothing_else(
    arena: Arena, opened: Project, place: str, value: str
) -> None:
    outcome = arena.at_python(lambda: FOUND[place](opened, value))
    arena.assert_unharmed(outcome)
    assert (outcome.code, outcome.said) == (0, "[]") or outcome.code == 64, outcome.said


@pytest.mark.parametrize("value", [value for value in VALUES if "\0" not in value])
@pytest.mark.parametrize("command", ["search", "models --where"])
def test_a_filter_at_the_command_line_finds_nothing_else(
    arena: Arena, capfd: pytest.CaptureFixture[str], command: str, value: str
) -> None:
    field = {"search": "tags.team", "models --where": "properties.owner"}[command]
    outcome = arena.at_cli([*command.split(), f"{field} = {quoted(value)}", "--json"], capfd)
    arena.assert_unharmed(outcome)
    assert (outcome.code, outcome.said.strip()) == (0, "[]")


@pytest.mark.parametrize("value", VALUES)
@pytest.mark.parametrize("order", ["{}", "metrics.auc {}", "{} desc"])
def test_an_order_is_a_field_or_refused(arena: Arena, opened: Project, order: str, value: str) -> None:
    outcome = arena.at_python(lambda: opened.registry.versions(order_by=order.format(value)))
    arena.assert_refused(outcome, [64])


def test_the_database_is_still_there(opened: Project) -> None:
    assert [model.name for model in opened.registry.models()] == ["words"]


def calls_in(source: Path) -> list[ast.Call]:
    """Every call in a file."""
    return [node for node in ast.walk(ast.parse(source.read_text())) if isinstance(node, ast.Call)]


def asks_a_shell(call: ast.Call) -> bool:
    """Whether a call hands words to a shell."""
    named = isinstance(call.func, ast.Attribute) and call.func.attr in SHELLS
    return any(each.arg == "shell" for each in call.keywords) or (named and ast.unparse(call.func) != "platform.system")


def unpickles(call: ast.Call) -> bool:
    """Whether a call loads a pickle, or what is one inside."""
    return isinstance(call.func, ast.Attribute) and ast.unparse(call.func) in UNPICKLERS


@pytest.mark.parametrize("fault", [asks_a_shell, unpickles])
def test_no_source_file_does_it(fault: Callable[[ast.Call], bool]) -> None:
    found = [
        f"{path.relative_to(ROOT)}: {ast.unparse(call)}" for path in SOURCES for call in calls_in(path) if fault(call)
    ]
    assert (found, len(SOURCES) > 300) == ([], True)


@pytest.mark.parametrize(
    ("fault", "text"),
    [
        (asks_a_shell, "subprocess.run('ls', shell=True)"),
        (asks_a_shell, "os.system('ls')"),
        (unpickles, "pickle.loads(b'')"),
        (unpickles, "joblib.load('x')"),
    ],
)
def test_it_would_be_found(fault: Callable[[ast.Call], bool], text: str) -> None:
    (statement,) = ast.parse(text).body
    assert isinstance(statement, ast.Expr)
    assert isinstance(statement.value, ast.Call)
    assert fault(statement.value)
