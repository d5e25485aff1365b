"""Blocks of a page are found with their titles, folders, commands and reasons."""

from __future__ import annotations

import pytest

from tests.integration.docs.blocks import Block, blocks, commands, edited

PAGE = """\
# A page

<!-- test: folder lab -->
```python title="a.py"
x = 1
```

<!-- test: exit 3 -->
```console
$ one
says one
$ two \\
> more
```

1. in a list

    ```console
    $ three
    ```

<!-- test: skip it needs a server -->
```console
$ four
```

<!-- test: instead quietly five -->
```console
$ five
```
"""


@pytest.fixture
def found() -> list[Block]:
    return list(blocks(PAGE))


def test_a_title_names_the_file(found: list[Block]) -> None:
    assert (found[0].title, found[0].text) == ("a.py", "x = 1\n")


def test_what_a_comment_says_holds_for_the_next_block_only(found: list[Block]) -> None:
    assert [(block.folder, block.exit_code, block.skip) for block in found] == [
        ("lab", 0, ""), ("", 3, ""), ("", 0, ""), ("", 0, "it needs a server"), ("", 0, ""),
    ]  # fmt: skip


def test_commands_are_apart_from_what_they_print(found: list[Block]) -> None:
    assert [(command.text, command.stated) for command in commands(found[1])] == [
        ("one", ("says one",)),
        ("two \\\nmore", ()),
    ]


def test_an_indented_block_loses_its_indent(found: list[Block]) -> None:
    assert found[2].lines == ("$ three",)


def test_a_command_can_stand_in_for_a_block(found: list[Block]) -> None:
    assert [command.text for command in commands(found[4])] == ["quietly five"]


def test_a_block_knows_its_line(found: list[Block]) -> None:
    assert [block.line for block in found[:2]] == [4, 9]


def test_a_fence_that_is_never_closed_is_refused() -> None:
    with pytest.raises(ValueError, match="line 1 is never closed"):
        list(blocks("```python\nx = 1\n"))


def diff(*lines: str) -> Block:
    return Block(line=1, language="diff", title="a.py", lines=lines)


def test_a_diff_replaces_the_lines_that_it_shows() -> None:
    assert edited("a\nb\nc\n", diff(" a", "-b", "+B")) == "a\nB\nc\n"


def test_a_diff_whose_lines_are_not_there_is_refused() -> None:
    with pytest.raises(ValueError, match="0 places"):
        edited("a\n", diff("-b", "+B"))
