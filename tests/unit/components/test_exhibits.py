"""Images, tables and files become the bytes that are kept."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from cmcore.components import exhibits
from cmcore.errors import UsageError

PNG = b"\x89PNG\r\n\x1a\n" + b"\0" * 8


class Drawing:
    """What matplotlib's figures can do."""

    def savefig(self, fname: io.BytesIO, *, format: str) -> None:  # noqa: A002 # matplotlib's own name
        fname.write(PNG + format.encode())


class Photo:
    """What Pillow's images can do."""

    def save(self, fp: io.BytesIO, format: str) -> None:  # noqa: A002 # Pillow's own name
        fp.write(PNG + format.encode())


@pytest.mark.parametrize(
    ("content", "media_type"),
    [
        (PNG, "image/png"), (b"\xff\xd8\xff\xe0", "image/jpeg"), (b"GIF89a", "image/gif"),
        (b"RIFF\0\0\0\0WEBP", "image/webp"), (b"  <svg xmlns='x'/>", "image/svg+xml"),
    ],
)  # fmt: skip
def test_an_image_is_known_by_its_first_bytes(content: bytes, media_type: str) -> None:
    assert exhibits.image(content).media_type == media_type


@pytest.mark.parametrize("given", [Drawing(), Photo()], ids=["figure", "picture"])
def test_figures_and_pictures_become_png(given: exhibits.Image) -> None:
    assert exhibits.image(given).suffix == ".png"


def test_an_image_may_be_a_file(tmp_path: Path) -> None:
    (tmp_path / "plot").write_bytes(PNG)
    assert exhibits.image(tmp_path / "plot").content == PNG


def test_bytes_that_are_no_image_are_refused() -> None:
    with pytest.raises(UsageError, match="these 5 bytes begin with b'hello'"):
        exhibits.image(b"hello")


def test_something_else_is_refused_by_its_type() -> None:
    with pytest.raises(UsageError, match="not int"):
        exhibits.image(7)  # type: ignore[arg-type] # the claim


def test_rows_become_columns_and_gaps_are_empty() -> None:
    assert exhibits.table([{"a": 1}, {"a": 2, "b": 3}]).content == b"a,b\n1,\n2,3\n"


def test_columns_of_unequal_length_are_refused() -> None:
    with pytest.raises(UsageError, match="of one length"):
        exhibits.table({"a": [1], "b": [1, 2]})
