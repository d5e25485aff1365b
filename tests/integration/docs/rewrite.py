"""Put what the commands of a page print today into the page: python -m tests.integration.docs.rewrite PAGE...

Outputs with `...` in them were shortened by hand and are left to you.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from shutil import rmtree

from tests.integration.docs.comparison import with_names
from tests.integration.docs.page import Difference, Reader


def rewritten(page: str, differences: Iterable[Difference]) -> str:
    """The page with the outputs that were printed; later blocks first, so that line numbers stay true."""
    lines = page.splitlines()
    for difference in reversed(list(differences)):
        if any("..." in line for line in difference.command.stated):
            print(difference)
            continue
        start = difference.block.line + difference.command.at
        printed = [f"{difference.block.indent}{line}".rstrip() for line in difference.printed.rstrip("\n").splitlines()]
        lines[start : start + len(difference.command.stated)] = printed
    return "\n".join(lines) + "\n"


@contextmanager
def short_home() -> Iterator[Path]:
    """A folder whose path is (below /tmp) as long as the reader's own in the pages, so that tables stay straight."""
    home = Path(tempfile.gettempdir(), "docs")
    home.mkdir()
    try:
        yield home
    finally:
        rmtree(home)


def main(paths: list[str]) -> None:
    """Rewrite each page in place."""
    for path in map(Path, paths):
        with short_home() as home:
            text = path.read_text(encoding="utf-8")
            reader = Reader(home, path.stem)
            text = rewritten(text, reader.follow(text))
            path.write_text(with_names(text, {now: stated for stated, now in reader.names.items()}), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
