"""The three readers differ: the same file, another verdict."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from cmcore_hps.config import Checked, Dialect, checked
from cmcore_hps.config.parameter_server import VolatileDatabase
from cmcore_hps.config.spelling import DatabaseType

GOLDEN = Path(__file__).parents[1] / "golden"
HPS = json.loads((GOLDEN / "accepted-hps" / "ps.json").read_text())
HUGECTR = json.loads((GOLDEN / "accepted-hugectr" / "ps.json").read_text())
PBTXT = (GOLDEN / "accepted-hps" / "config.pbtxt").read_bytes()


def read(document: object, dialect: Dialect | None = None, pbtxt: bytes | None = None) -> Checked:
    return checked(json.dumps(document).encode(), pbtxt, None, dialect=dialect)


def rules(outcome: Checked) -> set[str]:
    return {finding.rule for finding in outcome.findings}


@pytest.mark.parametrize(
    ("dialect", "found"),
    [(Dialect.HUGECTR, "E4-required"), (Dialect.HPS, "E4-required"), (Dialect.LIBRARY, "")],
)
def test_a_batch_size_is_required_by_the_backends_only(dialect: Dialect, found: str) -> None:
    base = HUGECTR if dialect is Dialect.HUGECTR else HPS
    entry = {key: value for key, value in base["models"][0].items() if key != "max_batch_size"}
    pointers = {
        each.rule for each in read({**base, "models": [entry]}, dialect).findings if "max_batch" in each.pointer
    }
    assert pointers == ({found} if found else set())


@pytest.mark.parametrize(
    ("dialect", "taken"),
    [
        (Dialect.HUGECTR, DatabaseType.PARALLEL_HASH_MAP),
        (Dialect.HPS, DatabaseType.DISABLED),
        (Dialect.LIBRARY, DatabaseType.DISABLED),
    ],
)
def test_an_empty_database_is_written_as_its_reader_starts_with_it(dialect: Dialect, taken: DatabaseType) -> None:
    server = read({**(HUGECTR if dialect is Dialect.HUGECTR else HPS), "volatile_db": {}}, dialect).parameter_server
    assert server is not None
    assert server.volatile_db == VolatileDatabase(type=taken)


@pytest.mark.parametrize(("dialect", "refused"), [(Dialect.HPS, True), (Dialect.LIBRARY, False)])
def test_a_database_of_several_processes_is_known_to_the_library_only(dialect: Dialect, refused: bool) -> None:
    outcome = read({**HPS, "volatile_db": {"type": "multi_process_hash_map"}}, dialect)
    assert bool(outcome.errors) == refused


@pytest.mark.parametrize(("dialect", "found"), [(Dialect.HPS, True), (Dialect.LIBRARY, False)])
def test_a_wrong_neighbour_matters_to_the_hps_backend_only(dialect: Dialect, found: bool) -> None:
    entries = [{**HPS["models"][0], "model": "dcn", "gpucache": []}, HPS["models"][0]]
    assert ("E4-neighbour" in rules(read({**HPS, "models": entries}, dialect))) == found


@pytest.mark.parametrize(
    ("document", "pbtxt", "dialect"),
    [
        (HPS, PBTXT, Dialect.HPS),
        (HPS, PBTXT.replace(b'"hps"', b'"hugectr"'), Dialect.HUGECTR),
        (HPS, None, Dialect.LIBRARY),
        (HUGECTR, None, Dialect.HUGECTR),
        (HUGECTR["models"][0], None, Dialect.HUGECTR),
        ({}, None, Dialect.LIBRARY),
    ],
)
def test_the_reader_is_the_one_that_the_files_speak_for(
    document: object, pbtxt: bytes | None, dialect: Dialect
) -> None:  # fmt: skip
    assert read(document, None, pbtxt).dialect is dialect


def test_a_fragment_takes_the_size_of_its_keys_from_the_inputs() -> None:
    pbtxt = (GOLDEN / "accepted-hugectr" / "config.pbtxt").read_bytes()
    pbtxt = pbtxt.replace(b"TYPE_INT64", b"TYPE_UINT32").replace(
        b'"embeddingkey_long_type" value { string_value: "true"',
        b'"embeddingkey_long_type" value { string_value: "false"',
    )
    outcome = read(HUGECTR["models"][0], None, pbtxt)
    assert outcome.parameter_server is not None
    assert (outcome.parameter_server.supportlonglong, outcome.errors) == (False, ())


def test_without_tritonclient_a_pbtxt_is_refused_with_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "tritonclient.grpc.model_config_pb2", None)
    (finding,) = checked(None, PBTXT, None).findings
    assert (finding.rule, finding.fix) == ("E5-pbtxt-library", "pip install 'tritonclient[grpc]'")


def test_without_tritonclient_a_parameter_server_is_still_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "tritonclient.grpc.model_config_pb2", None)
    assert read(HPS, Dialect.HPS).errors == ()


def test_a_password_is_in_no_message() -> None:
    document = {
        **HPS,
        "volatile_db": {"type": "redis", "password": "hunter2", "pasword": "hunter2", "num_partitions": 8},
    }
    assert "hunter2" not in "".join(map(str, read(document, Dialect.HPS).findings))


def test_findings_of_a_path_name_the_path(tmp_path: Path) -> None:
    path = tmp_path / "ps.json"
    path.write_text("{")
    assert {finding.file for finding in checked(path, None, None).findings} == {str(path)}


def test_an_unknown_key_is_answered_with_the_one_that_is_meant() -> None:
    outcome = read({**HPS, "peristent_db": {}}, Dialect.LIBRARY)
    assert "did you mean 'persistent_db'?" in {finding.fix for finding in outcome.findings}


@pytest.mark.parametrize("source", [None, Path("/nowhere/ps.json"), Path("/"), Path("a\0b")])
def test_no_path_ends_in_an_exception(source: Path | None) -> None:
    assert {finding.rule for finding in checked(source, source, source).findings} <= {"E4-text-missing"}


def test_the_configurations_import_without_protobuf() -> None:
    program = "import sys, cmcore_hps.config; print({'tritonclient', 'google.protobuf'} & sys.modules.keys())"
    assert (
        subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout == "set()\n"
    )
