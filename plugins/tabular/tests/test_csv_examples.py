from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest

from cmcore import Context
from cmcore.artifacts import Examples, Files
from cmcore_tabular import csv_examples, dataset
from cmcore_tabular.csv_examples import csv_example_gen
from cmcore_tabular.dataset import load_split, spans_of
from cmcore_tabular.errors import TabularError

PEAK = """
import resource, sys
from pathlib import Path
from cmcore.artifacts import Examples, Files, Statistics
from cmcore_tabular import CsvExampleGen, StatisticsGen, csv_examples
csv_examples.BLOCK_BYTES = 1 << 18
folder, size = Path(sys.argv[1]), int(sys.argv[2])
(folder / "files").mkdir(parents=True)
with (folder / "files" / "a.csv").open("w") as stream:
    stream.write("id,number,text\\n")
    for block in range(size * 18):
        stream.write("".join(f"{block * 40000 + n},{n % 977}.5,text{n % 31}\\n" for n in range(40000)))
examples = Examples.at(folder / "examples")
CsvExampleGen(files=Files.at(folder / "files"), examples=examples)
StatisticsGen(examples=examples, statistics=Statistics.at(folder / "statistics"))
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


def generate(folder: Path, **changes: object) -> tuple[Examples, dict[str, object]]:
    arguments: dict[str, object] = {
        "pattern": "*.csv", "spans": "all", "splits": {"train": 2, "eval": 1}, "key": [], "required": [],
        "null_values": ["", "NA"], "types": {},
    }  # fmt: skip
    examples = Examples.at(folder.parent / "examples")
    values = csv_example_gen(
        files=Files.at(folder),
        examples=examples,
        context=Context(),
        **{**arguments, **changes},  # type: ignore[arg-type] # a table of arguments
    )
    return examples, values


@pytest.fixture
def files(tmp_path: Path) -> Path:
    folder = tmp_path / "files"
    folder.mkdir()
    (folder / "p-1.csv").write_text("id,name,label\n" + "".join(f"{n},n{n},{n % 2}\n" for n in range(100)))
    (folder / "p-2.csv").write_text('id,name,label\n100,"a, ""b""\nc",1\n101,NA,\n102,z,0\n')
    return folder


def test_every_row_is_written_once_or_counted_as_dropped(files: Path) -> None:
    examples, values = generate(files, pattern="p-{span}.csv", required=["label"])
    ids = sorted([*load_split(examples, "train")["id"], *load_split(examples, "eval")["id"]])
    assert (ids, values) == ([n for n in range(103) if n != 101], {"rows": 102, "dropped_rows": 1})


def test_the_report_says_what_became_of_the_rows_of_each_span(files: Path) -> None:
    examples, _ = generate(files, pattern="p-{span}.csv", required=["label"])
    report = json.loads((examples.path / "import.json").read_text())
    assert [(each["span"], each["rows_read"], each["rows_dropped"]) for each in report["spans"]] == [
        (1, 100, {"label is missing": 0}), (2, 3, {"label is missing": 1}),
    ]  # fmt: skip


def test_quotes_commas_and_line_ends_in_values_survive(files: Path) -> None:
    examples, _ = generate(files, pattern="p-{span}.csv", spans="2", splits={"all": 1})
    assert load_split(examples, "all")["name"].to_list() == ['a, "b"\nc', None, "z"]


def test_spans_are_files_of_their_own(files: Path) -> None:
    examples, _ = generate(files, pattern="p-{span}.csv")
    assert (list(spans_of(examples, "train")), examples.span, examples.splits) == ([1, 2], 2, ["eval", "train"])


def test_types_are_the_same_in_all_spans(files: Path) -> None:
    (files / "p-3.csv").write_text("id,name,label\n1.5,x,1\n")
    examples, _ = generate(files, pattern="p-{span}.csv")
    assert {pl.read_parquet_schema(file)["id"] for file in spans_of(examples, "train").values()} == {pl.Float64()}


def test_small_blocks_change_nothing_but_memory(files: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = [file.read_bytes() for file in spans_of(generate(files, pattern="p-{span}.csv")[0], "train").values()]
    monkeypatch.setattr(csv_examples, "BLOCK_BYTES", 256)
    monkeypatch.setattr(dataset, "BATCH_ROWS", 16)
    small = generate(files, pattern="p-{span}.csv")[0]
    assert pl.concat(map(pl.read_parquet, whole)).equals(load_split(small, "train"))


def stored(path: Path, frame: pl.DataFrame, rows: int) -> bytes:
    sink = dataset.ParquetSink(path, dataset.arrow_schema(frame))
    for part in frame.iter_slices(rows):
        sink.write(part)
    sink.close()
    return path.read_bytes()


def test_bytes_do_not_depend_on_how_rows_are_cut_into_batches(tmp_path: Path) -> None:
    frame = pl.DataFrame({"a": range(150_000)})
    assert stored(tmp_path / "one", frame, 150_000) == stored(tmp_path / "many", frame, 7_000)


@pytest.mark.integration
def test_memory_does_not_grow_with_the_rows(tmp_path: Path) -> None:
    """Peak memory of a process that reads 15 MB and of one that reads 60 MB, in blocks of 256 KiB."""
    peaks = [int(subprocess.check_output([sys.executable, "-c", PEAK, str(tmp_path / str(n)), str(n)])) for n in (1, 4)]
    assert peaks[1] < peaks[0] * 1.25


def test_a_split_without_rows_is_a_file_without_rows(files: Path) -> None:
    examples, _ = generate(files, pattern="p-{span}.csv", spans="2", key=["label"], splits={"a": 1, "b": 1, "c": 50})
    assert [load_split(examples, split).columns for split in "abc"] == [["id", "name", "label"]] * 3


def test_other_columns_in_one_file_are_named(files: Path) -> None:
    (files / "p-3.csv").write_text("id,label\n1,1\n")
    with pytest.raises(TabularError, match=r"p-1.csv and p-3.csv have different columns: name"):
        generate(files, pattern="p-{span}.csv")


def test_a_broken_row_names_its_file(files: Path) -> None:
    (files / "p-3.csv").write_text("id,name,label\n1,x\n")
    with pytest.raises(TabularError, match=r"p-3.csv is not the CSV"):
        generate(files, pattern="p-{span}.csv")


@pytest.mark.parametrize("parameter", ["key", "required"])
def test_unknown_columns_are_named(files: Path, parameter: str) -> None:
    with pytest.raises(TabularError, match=f"{parameter}: no column lable"):
        generate(files, **{parameter: ["lable"]})
