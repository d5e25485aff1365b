"""DataFormatContract: what every data format keeps to; a subclass gives the format and data that the tool has made.

Nothing here knows which tool it is.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import BinaryIO

import pytest

from cmcore.datasets.file import DataFile
from cmcore.datasets.format import DataFormat, ForeignData
from cmcore.datasets.manifest import DataManifest
from cmcore.datasets.names import checked_file
from cmcore.datasets.taking import looked_at
from cmcore.errors import StorageError

CONTENT: Mapping[str, bytes] = {
    "flights-1.csv": b"day,late\n1,0\n",
    "notes/größe.txt": b"x\r\ny\r\n",
    "notes/deeper/same.csv": b"day,late\n1,0\n",
    "nothing": b"",
    "weights.bin": bytes(range(256)) * 5000,
}
HOSTILE = ("../outside", "/outside", "in/../../outside", "a\nb", "a\0b", "", "a//b", ".")


def offered(content: Mapping[str, bytes], name: str = "flights") -> ForeignData:
    """Files in memory as data to write."""

    def opener(held: bytes) -> Callable[[], BinaryIO]:
        return lambda: io.BytesIO(held)

    files = (DataFile(path=path, size=len(held), open=opener(held)) for path, held in content.items())
    return ForeignData(name=name, files=tuple(files))


def manifest_of(data: ForeignData) -> DataManifest:
    """Everything that data hold, read and checked."""
    return looked_at(data.files, where=data.name)


def contents(folder: Path) -> dict[str, tuple[bytes, int]]:
    """Every file under a folder with its bytes and its time of change."""
    files = (file for file in sorted(folder.rglob("*")) if file.is_file())
    return {str(file.relative_to(folder)): (file.read_bytes(), file.stat().st_mtime_ns) for file in files}


class DataFormatContract:
    """Subclass it, give the fixtures, and the suite is yours."""

    @pytest.fixture
    def data_format(self) -> DataFormat:
        """The format."""
        raise NotImplementedError(f"{type(self).__name__} must have a fixture data_format")

    @pytest.fixture
    def foreign(self, tmp_path: Path) -> Path:
        """A path with data as the tool itself has written them, two files or more, to be damaged at will."""
        raise NotImplementedError(f"{type(self).__name__} must have a fixture foreign")

    @pytest.fixture
    def damage(self, foreign: Path) -> Callable[[], None]:
        """What changes bytes of one of the files in `foreign`, everywhere where the tool keeps them."""
        raise NotImplementedError(f"{type(self).__name__} must have a fixture damage")

    @pytest.fixture
    def written(self, data_format: DataFormat, tmp_path: Path) -> Path:
        """Where the format has written CONTENT."""
        return data_format.write(offered(CONTENT), tmp_path / "written")

    def test_it_detects_what_the_tool_has_made(self, data_format: DataFormat, foreign: Path) -> None:
        assert data_format.detects(foreign)

    def test_it_detects_nothing_in_other_data(self, data_format: DataFormat, tmp_path: Path) -> None:
        (tmp_path / "plain").mkdir()
        (tmp_path / "plain" / "rows.csv").write_text("a\n1\n")
        assert not data_format.detects(tmp_path / "plain")
        assert not data_format.detects(tmp_path / "plain" / "rows.csv")

    def test_it_detects_nothing_where_nothing_is(self, data_format: DataFormat, tmp_path: Path) -> None:
        assert not data_format.detects(tmp_path / "missing")

    def test_what_the_tool_has_made_is_read_whole(self, data_format: DataFormat, foreign: Path) -> None:
        data = data_format.read(foreign)
        assert manifest_of(data).size == sum(file.size for file in data.files)

    def test_what_the_tool_has_made_has_safe_paths(self, data_format: DataFormat, foreign: Path) -> None:
        assert [checked_file(file.path, "data") for file in data_format.read(foreign).files]

    def test_reading_twice_gives_the_same(self, data_format: DataFormat, foreign: Path) -> None:
        assert manifest_of(data_format.read(foreign)) == manifest_of(data_format.read(foreign))

    def test_reading_changes_nothing(self, data_format: DataFormat, foreign: Path, tmp_path: Path) -> None:
        before = contents(tmp_path)
        manifest_of(data_format.read(foreign))
        assert contents(tmp_path) == before

    def test_damaged_bytes_are_not_handed_on(
        self, data_format: DataFormat, foreign: Path, damage: Callable[[], None]
    ) -> None:
        damage()
        with pytest.raises(StorageError):
            manifest_of(data_format.read(foreign))

    def test_reading_what_is_no_such_data_is_refused(self, data_format: DataFormat, tmp_path: Path) -> None:
        (tmp_path / "plain").mkdir()
        with pytest.raises(StorageError):
            data_format.read(tmp_path / "plain")

    def test_it_detects_what_it_has_written(self, data_format: DataFormat, written: Path) -> None:
        assert data_format.detects(written)

    def test_what_was_written_is_read_back(self, data_format: DataFormat, written: Path) -> None:
        assert manifest_of(data_format.read(written)) == manifest_of(offered(CONTENT))

    def test_the_name_is_kept(self, data_format: DataFormat, written: Path) -> None:
        assert data_format.read(written).name == "flights"

    def test_writing_twice_changes_nothing(self, data_format: DataFormat, written: Path, tmp_path: Path) -> None:
        before = contents(tmp_path)
        data_format.write(offered(CONTENT), tmp_path / "written")
        assert contents(tmp_path) == before

    def test_writing_leaves_other_data_alone(self, data_format: DataFormat, written: Path, tmp_path: Path) -> None:
        (tmp_path / "written" / "other.txt").write_text("mine")
        before = contents(tmp_path)
        data_format.write(offered({"a": b"1"}, name="another"), tmp_path / "written")
        assert contents(tmp_path).items() >= before.items()

    @pytest.mark.parametrize("path", HOSTILE)
    def test_a_hostile_path_is_not_written(self, data_format: DataFormat, tmp_path: Path, path: str) -> None:
        with pytest.raises(StorageError):
            data_format.write(offered({path: b"1"}), tmp_path / "written" / "inner")
        assert not any("outside" in name for name in contents(tmp_path))

    @pytest.mark.parametrize("name", HOSTILE)
    def test_a_hostile_name_is_not_written(self, data_format: DataFormat, tmp_path: Path, name: str) -> None:
        with pytest.raises(StorageError):
            data_format.write(offered(CONTENT, name=name), tmp_path / "written" / "inner")
        assert not any("outside" in found for found in contents(tmp_path))

    def test_a_source_that_fails_leaves_no_such_data(self, data_format: DataFormat, tmp_path: Path) -> None:
        def fails() -> BinaryIO:
            raise StorageError("a chunk is lost")

        data = ForeignData(name="flights", files=(DataFile(path="a", size=1, open=fails),))
        with pytest.raises(StorageError, match="a chunk is lost"):
            data_format.write(data, tmp_path / "written")
        with pytest.raises(StorageError):
            data_format.read(tmp_path / "written")
