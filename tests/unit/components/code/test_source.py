"""What one file says: its digest and its imports."""

from __future__ import annotations

import ast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cmcore.components.code.source import Import, parsed

LITERALS = st.one_of(st.integers(), st.floats(), st.text(), st.binary(), st.booleans(), st.none())


def digest(text: str) -> str:
    return parsed(text.encode("utf-8", "surrogatepass"), file="x.py").digest


@given(first=LITERALS, second=LITERALS)
def test_two_literals_have_one_digest_only_if_they_are_written_alike(first: object, second: object) -> None:
    assert (digest(f"x = {first!a}") == digest(f"x = {second!a}")) == (ascii(first) == ascii(second))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("f(a, b)", "f((a, b))"),
        ("x = [a, [b]]", "x = [[a], b]"),
        ("x = 'y'", "x = y"),
        ("if a:\n    b\nc", "if a:\n    b\n    c"),
        ("x = 1", "x = True"),
        ("x = 1", "x = 1.0"),
        ("def f(a, /): ...", "def f(a): ..."),
        ("async def f(): ...", "def f(): ..."),
        ("from . import a", "from .. import a"),
        ("global_ = '1\\x00'", "global_ = '1'"),
    ],
)
def test_different_programs_have_different_digests(one: str, other: str) -> None:
    assert digest(one) != digest(other)


@given(seed=st.sampled_from(["def f(a, *b, c=1, **d):\n    return [x async for x in a if x]", "x: int = (yield)"]))
def test_writing_a_program_anew_does_not_change_its_digest(seed: str) -> None:
    assert digest(ast.unparse(ast.parse(seed))) == digest(seed)


def test_an_integer_longer_than_python_prints_is_read() -> None:
    assert digest(f"x = 0x{'f' * 5000}") != digest(f"x = 0x{'e' * 5000}")


def test_imports_are_found_once_with_level_and_names() -> None:
    source = parsed(b"import a.b\nfrom ..c import d, e\nimport a.b\nimport_module('..f', __package__)\n", file="x.py")
    assert set(source.imports) == {
        Import(module="a.b"),
        Import(module="c", level=2, names=("d", "e")),
        Import(module="f", level=2),
    }


@pytest.mark.parametrize("call", ["import_module(name)", "import_module()", "import_module('')", "f('a')"])
def test_calls_that_name_no_module_import_nothing(call: str) -> None:
    assert parsed(call.encode(), file="x.py").imports == ()


def test_all_is_read_where_it_is_literal() -> None:
    assert parsed(b"__all__ = ['a']\n__all__ += ('b', c)\n__all__ = names()\n", file="x.py").exported == ("a", "b")
