"""Every case of the corpus, what a report says, and what a scan does not do."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from cmcore.artifacts.artifact import ALLOWABLE_FORMATS
from cmcore.errors import RefusedError, StorageError, UsageError
from cmcore.scanning.budget import Limits
from cmcore.scanning.finding import Verdict
from cmcore.scanning.scan import ALLOWABLE, scan_folder
from tests.unit.scanning.conftest import Laid
from tests.unit.scanning.corpus import CODE, HOSTILE, OPAQUE, PICKLES, REFUSED, SAFE, legacy_torch, onnx, pickled, torch

ROOT = Path(__file__).parents[3]
NUMPY_PICKLE = b"\x80\x04cnumpy\ndtype\nX\x02\0\0\0f8\x85R."


@pytest.mark.parametrize("name", REFUSED)
def test_what_must_not_be_loaded_is_refused(laid: Laid, name: str) -> None:
    files, _ = REFUSED[name]
    assert [file.path for file in scan_folder(laid(files)).refused]


@pytest.mark.parametrize("name", [*CODE, *OPAQUE])
def test_what_may_be_allowed_passes_where_it_is(laid: Laid, name: str) -> None:
    files, danger = REFUSED[name]
    assert scan_folder(laid(files), allowed=[danger]).safe


@pytest.mark.parametrize("name", HOSTILE)
def test_what_is_hostile_passes_nowhere(laid: Laid, name: str) -> None:
    assert not scan_folder(laid(HOSTILE[name]), allowed=ALLOWABLE).safe


@pytest.mark.parametrize("name", [name for name in PICKLES if "harmless" in name])
def test_a_pickle_of_data_passes_where_pickles_are_allowed(laid: Laid, name: str) -> None:
    assert scan_folder(laid(PICKLES[name]), allowed=["pickle"]).safe


@pytest.mark.parametrize("make", [bytes, torch, legacy_torch])
def test_a_pickle_of_a_model_passes_where_pickles_are_allowed(laid: Laid, make: type[bytes]) -> None:
    assert scan_folder(laid({"m": make(NUMPY_PICKLE)}), allowed=["pickle"]).safe


@pytest.mark.parametrize("protocol", range(6))
def test_a_pickle_that_runs_commands_passes_nowhere(laid: Laid, protocol: int) -> None:
    assert not scan_folder(laid({"m.pkl": pickled(protocol)}), allowed=ALLOWABLE).safe


def test_functions_in_a_pickle_need_both_to_be_allowed(laid: Laid) -> None:
    folder = laid(PICKLES["pickle of lambda layers (cloudpickle)"])
    assert [scan_folder(folder, allowed=allowed).safe for allowed in (["pickle"], ["pickle", "code"])] == [False, True]


@pytest.mark.parametrize("name", SAFE)
def test_what_is_harmless_is_safe_and_its_format_named(laid: Laid, name: str) -> None:
    files, form = SAFE[name]
    report = scan_folder(laid(files))
    assert (report.safe, report.files[0].format) == (True, form)


def test_what_nobody_knows_is_told_apart_from_what_is_safe(laid: Laid) -> None:
    (file,) = scan_folder(laid({"weights": bytes(range(1, 250))})).files
    assert (file.verdict, file.format) == (Verdict.UNKNOWN, "unknown")


def test_operators_of_others_are_listed(laid: Laid) -> None:
    (file,) = scan_folder(laid({"m.onnx": onnx(domain="com.acme")})).files
    assert file.reason == "needs operators of com.acme"


def test_types_that_a_skops_loader_must_trust_are_listed(laid: Laid) -> None:
    from tests.unit.scanning.corpus import skops

    (file,) = scan_folder(laid({"m.skops": skops([("acme.models", "Net"), ("sklearn.svm", "SVC")])})).files
    assert file.reason == "whoever loads it must trust acme.models.Net"


def test_a_report_lists_every_file_in_order(laid: Laid) -> None:
    report = scan_folder(laid({"b.txt": b"b", "a/c.txt": b"c", "a.txt": b"a"}))
    assert [file.path for file in report.files] == ["a.txt", "a/c.txt", "b.txt"]


def test_a_refusal_names_every_file_and_what_to_do(laid: Laid) -> None:
    report = scan_folder(laid({"a.pkl": NUMPY_PICKLE, "b.onnx": onnx(), "c/d.py": b"1\n"}))
    with pytest.raises(RefusedError) as raised:
        report.check("the model flights")
    assert str(raised.value) == (
        "the model flights holds 2 files that must not be loaded; store the model as ONNX, safetensors or skops; leave "
        "code out of the model and install it as a package; or publish it as an artifact type that allows pickle and "
        "code\n  a.pkl: a pickle that imports numpy.dtype\n  c/d.py: code (.py)"
    )


def test_a_safe_report_raises_nothing(laid: Laid) -> None:
    scan_folder(laid({"b.onnx": onnx()})).check("the model")


def test_a_report_is_json(laid: Laid) -> None:
    assert scan_folder(laid({"a.pkl": NUMPY_PICKLE}), allowed=["pickle"]).document() == {
        "safe": True,
        "allowed": ["pickle"],
        "files": [
            {
                "path": "a.pkl",
                "format": "pickle",
                "verdict": "safe",
                "reason": "a pickle that imports numpy.dtype (allowed: pickle)",
            }
        ],
    }


def test_one_file_can_be_scanned_alone(laid: Laid) -> None:
    (file,) = scan_folder(laid({"a.pkl": NUMPY_PICKLE}) / "a.pkl").files
    assert (file.path, file.verdict) == ("a.pkl", Verdict.REFUSED)


def test_an_empty_folder_is_safe(tmp_path: Path) -> None:
    assert scan_folder(tmp_path).safe


def test_a_folder_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="No such file"):
        scan_folder(tmp_path / "nowhere")


def test_types_and_scans_agree_on_what_may_be_allowed() -> None:
    assert ALLOWABLE_FORMATS == ALLOWABLE


def test_hostile_files_cannot_be_allowed(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="'hostile' cannot be allowed; what can: pickle, code, opaque"):
        scan_folder(tmp_path, allowed=["hostile"])


def test_a_link_is_refused_and_not_followed(laid: Laid, tmp_path: Path) -> None:
    folder = laid({"a.txt": b"a"})
    (tmp_path / "secret.pkl").write_bytes(pickled())
    (folder / "b").symlink_to(tmp_path / "secret.pkl")
    assert scan_folder(folder).refused[0].reason == f"a symbolic link to '{tmp_path}/secret.pkl'"


def test_a_linked_folder_is_refused_and_not_entered(laid: Laid, tmp_path: Path) -> None:
    folder = laid({"a.txt": b"a"})
    (folder / "etc").symlink_to("/etc")
    assert [file.path for file in scan_folder(folder).files] == ["a.txt", "etc"]


def test_a_pipe_is_refused_and_not_opened(laid: Laid) -> None:
    folder = laid({"a.txt": b"a"})
    os.mkfifo(folder / "pipe")
    assert scan_folder(folder).refused[0].reason == "a device, pipe or socket"


def test_a_socket_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)  # its name may not be long
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind("s")
        assert scan_folder(tmp_path).refused[0].reason == "a device, pipe or socket"


def test_a_set_user_id_file_is_refused(laid: Laid) -> None:
    folder = laid({"a.txt": b"a"})
    (folder / "a.txt").chmod(0o4755)
    assert scan_folder(folder).refused[0].reason == "a set-user-id or set-group-id file"


def test_too_many_files_are_refused(laid: Laid) -> None:
    report = scan_folder(laid({f"{number}.txt": b"a" for number in range(9)}), limits=Limits(files=5))
    assert [file.reason for file in report.refused] == ["more than 5 files"]


def test_folders_too_deep_are_refused(laid: Laid) -> None:
    report = scan_folder(laid({"a/b/c/d.txt": b"a"}), limits=Limits(folders=2))
    assert [(file.path, file.reason) for file in report.refused] == [("a/b/c", "folders more than 2 deep")]


def test_a_scan_that_takes_too_long_refuses_what_it_has_not_seen(laid: Laid) -> None:
    ticks = iter(range(10_000))
    report = scan_folder(laid({"a.txt": b"a", "b.txt": b"b"}), limits=Limits(seconds=0), clock=lambda: next(ticks))
    assert [file.path for file in report.refused] == ["a.txt", "b.txt"]


AUDIT = """
import encodings.cp437, encodings.unicode_escape, sys
from pathlib import Path
sys.path.insert(0, {folder!r})
from cmcore.scanning.scan import scan_folder
seen = []
def hook(event, arguments):
    if event in ("pickle.find_class", "import", "exec", "marshal.loads", "os.system", "subprocess.Popen",
                 "ctypes.dlopen", "os.exec", "os.posix_spawn", "socket.connect", "cpython.run_file", "code.__new__"):
        seen.append((event, str(arguments[0])[:80]))
    if event == "open" and (arguments[2] or 0) & 3:
        seen.append(("open for writing", str(arguments[0])))
sys.addaudithook(hook)
modules = set(sys.modules)
report = scan_folder(Path({folder!r}))
print(len(report.files), sum(f.verdict == "refused" for f in report.files))
print(sorted(set(seen)))
fresh = [vars(sys.modules[name]).get("__file__") or "" for name in set(sys.modules) - modules]
print([file for file in fresh if file.startswith({folder!r})])
"""


def test_nothing_of_a_folder_is_unpickled_imported_executed_or_written(tmp_path: Path) -> None:
    folder = tmp_path / "model"
    for number, (files, _) in enumerate([*REFUSED.values(), *SAFE.values()]):
        for name, content in files.items():
            target = folder / str(number) / name
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content)
    done = subprocess.run(
        [sys.executable, "-c", AUDIT.format(folder=str(folder))],
        cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True, text=True, check=True,
    )  # fmt: skip
    count, events, modules = done.stdout.splitlines()
    assert (count.split()[1], events, modules) == (str(len(REFUSED)), "[]", "[]")
    assert not list(tmp_path.rglob("CANARY_EXECUTED"))
