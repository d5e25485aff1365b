"""Model files that must be refused, and some that must not: each a folder's files, built here, none ever loaded.

The names say the class or the CVE. What runs on loading would only touch a file called CANARY_EXECUTED.
"""

from __future__ import annotations

import bz2
import gzip
import io
import json
import lzma
import marshal
import os
import pickle
import random
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Mapping

import cloudpickle  # type: ignore[import-untyped] # it has no types
import numpy as np

Files = Mapping[str, bytes]
COMMAND = "touch CANARY_EXECUTED"
NOISE = random.Random(3).randbytes


class Evil:
    """An object whose pickle runs a command."""

    def __init__(self, function: Callable[..., object] = os.system, *arguments: object) -> None:
        self.call = function, arguments or (COMMAND,)

    def __reduce__(self) -> tuple[Callable[..., object], tuple[object, ...]]:
        return self.call


def pickled(protocol: int = 4, thing: object = None) -> bytes:
    """A pickle that runs a command."""
    return pickle.dumps(Evil() if thing is None else thing, protocol)


def zipped(files: Files, method: int = zipfile.ZIP_STORED) -> bytes:
    """A zip archive."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", method) as archive:
        for name, content in files.items():
            archive.writestr(zipfile.ZipInfo(name), content, method)
    return stream.getvalue()


def tarred(*members: tuple[tarfile.TarInfo, bytes]) -> bytes:
    """A tar archive."""
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as archive:
        for info, content in members:
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return stream.getvalue()


def member(name: str, kind: bytes = tarfile.REGTYPE, target: str = "", mode: int = 0o644) -> tarfile.TarInfo:
    """The header of a tar's entry."""
    info = tarfile.TarInfo(name)
    info.type, info.linkname, info.mode = kind, target, mode
    return info


def array(values: object, *, objects: bool = False) -> bytes:
    """A .npy file."""
    stream = io.BytesIO()
    made = np.empty(1, dtype=object) if objects else np.asarray(values)
    if objects:
        made[0] = values
    np.save(stream, made, allow_pickle=objects)
    return stream.getvalue()


def torch(inner: bytes) -> bytes:
    """The zip that torch.save writes: stored entries under one folder."""
    return zipped({"archive/data.pkl": inner, "archive/byteorder": b"little", "archive/version": b"3\n"})


def legacy_torch(inner: bytes) -> bytes:
    """What torch.save wrote before 1.6: five pickles one after the other, then storages."""
    numbers = (0x1950A86A20F9469CFC6C, 1001, {"little_endian": True})
    return b"".join(pickle.dumps(each, 2) for each in numbers) + inner + pickle.dumps(["0"], 2) + bytes(64)


def varint(value: int) -> bytes:
    """A Protocol Buffers number."""
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*out, value])


def message(number: int, content: bytes) -> bytes:
    """A Protocol Buffers field of bytes."""
    return varint(number << 3 | 2) + varint(len(content)) + content


def onnx(location: str = "", domain: str = "", where: str = "initializer") -> bytes:
    """A small ONNX model, with external data at `location` or an operator of `domain`."""
    tensor = message(8, b"w")
    if location:
        tensor += message(13, message(1, b"location") + message(2, location.encode())) + b"\x70\x01"
    holders = {
        "initializer": message(5, tensor),
        "constant": message(1, message(4, b"Constant") + message(5, message(1, b"value") + message(5, tensor))),
        "subgraph": message(1, message(4, b"If") + message(5, message(1, b"then") + message(6, message(5, tensor)))),
        "sparse": message(15, message(1, tensor)),
    }
    node = message(1, message(1, b"x") + message(2, b"y") + message(4, b"Op") + message(7, domain.encode()))
    graph = node + message(2, b"g") + holders[where]
    return b"\x08\x08" + message(2, b"test") + message(7, graph) + message(8, message(1, b"") + b"\x10\x11")


def safetensors(tensors: Mapping[str, object], data: bytes, length: int | None = None) -> bytes:
    """A safetensors file; `length` is what it claims for its header."""
    header = json.dumps(tensors).encode()
    return struct.pack("<Q", len(header) if length is None else length) + header + data


def tensor(begin: int, end: int, shape: list[int] | None = None) -> dict[str, object]:
    """An entry of a safetensors header."""
    return {"dtype": "F32", "shape": [(end - begin) // 4] if shape is None else shape, "data_offsets": [begin, end]}


def keras(config: object) -> bytes:
    """A `.keras` archive."""
    return zipped({"metadata.json": b"{}", "config.json": json.dumps(config).encode(), "model.weights.h5": b""})


def hdf5(config: bytes) -> bytes:
    """The beginning of an HDF5 file, then what h5py stores as `model_config`."""
    return b"\x89HDF\r\n\x1a\n" + bytes(88) + config + bytes(100)


def mlmodel(flavor: str) -> bytes:
    """An MLmodel file with these lines as its python_function flavour."""
    return b"flavors:\n  python_function:\n" + "".join(f"    {line}\n" for line in flavor.splitlines()).encode()


def with_flags(archive: bytes, flags: int) -> bytes:
    """A zip whose directory claims other flags than its entries."""
    at = archive.rfind(b"PK\1\2")
    return archive[: at + 8] + struct.pack("<H", flags) + archive[at + 10 :]


def with_bad_checksum(archive: bytes) -> bytes:
    """A zip whose only entry's checksum is wrong: strict readers stop, torch goes on."""
    at = archive.rfind(b"PK\1\2")
    return archive[: at + 16] + b"\xde\xad\xbe\xef" + archive[at + 20 :]


def renamed_entry(archive: bytes, old: bytes, new: bytes) -> bytes:
    """A zip whose entry has another name in its own header than in the directory."""
    return archive.replace(old, new, 1)


def nested(depth: int, inner: bytes) -> bytes:
    """A zip in a zip in a zip."""
    for _ in range(depth):
        inner = zipped({"inner.zip": inner}, zipfile.ZIP_DEFLATED)
    return inner


def link_entry(name: str, target: str) -> bytes:
    """A zip with a symbolic link."""
    info = zipfile.ZipInfo(name)
    info.create_system, info.external_attr = 3, 0o120777 << 16
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr(info, target)
    return stream.getvalue()


def skops(types: list[tuple[str, str]]) -> bytes:
    """A skops archive that names these types."""
    nodes = [{"__class__": name, "__module__": module, "__loader__": "TypeNode"} for module, name in types]
    tree = {"__class__": "list", "__module__": "builtins", "__loader__": "ListNode", "content": nodes}
    return zipped({"schema.json": json.dumps(tree).encode()}, zipfile.ZIP_DEFLATED)


LAMBDA = {"class_name": "Lambda", "config": {"function": ["4wEAAAA=", None, None]}}
OPERATOR_CALL = b"\x8c\x02os\x8c\x06system\x93\x8c\x15touch CANARY_EXECUTED\x85R."
ZERO_INSTANCE = b"(S'touch CANARY_EXECUTED'\nios\nsystem\n."
ENVIRON_SET = b"cos\nenviron\nS'PATH'\nS'/evil'\ns."
JOBLIB_DATA: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.compress,
    "zlib": zlib.compress,
    "bz2": bz2.compress,
    "xz": lzma.compress,
}

PICKLES: dict[str, Files] = {
    **{f"pickle protocol {number}": {"model.pkl": pickled(number)} for number in range(6)},
    **{f"pickle protocol {number} without a name": {"data": pickled(number)} for number in range(6)},
    **{f"pickle protocol {number} behind junk": {"w.bin": NOISE(999) + pickled(number)} for number in range(6)},
    **{f"pickle protocol {number} before junk": {"w.bin": pickled(number)[:-1] + bytes(99)} for number in range(6)},
    **{f"harmless pickle protocol {number}": {"model.pkl": pickle.dumps({"a": [1.5]}, number)} for number in range(6)},
    **{f"joblib compressed by {how}": {"model.joblib": make(pickled())} for how, make in JOBLIB_DATA.items()},
    **{f"joblib compressed by {how} protocol 0": {"m": make(pickled(0))} for how, make in JOBLIB_DATA.items()},
    "pickle named onnx (CVE-2024-37052)": {"model.onnx": pickled()},
    "pickle named safetensors": {"model.safetensors": pickled()},
    "pickle named txt, protocol 0": {"README.txt": pickled(0)},
    "pickle without the protocol opcode": {"m.bin": OPERATOR_CALL},
    "pickle that instantiates by INST": {"m.bin": ZERO_INSTANCE},
    "pickle that instantiates by INST behind junk": {"m.bin": b"junk " + ZERO_INSTANCE},
    "pickle that only sets an item": {"m.bin": ENVIRON_SET},
    "pickle that breaks after its call": {"m.bin": pickled()[:-1] + b"\xff\xff"},
    "pickle with hexadecimal integers": {"m.bin": b"I0x10\n0" + pickled(0)},
    "pickle with octal escapes in a string": {"m.bin": b"S'\\N\\101'\n0" + pickled(0)},
    "pickle with a list as arguments": {"m.bin": b"cos\nsystem\n(lVx\naR."},
    "pickle with duplicated arguments": {"m.bin": b"\x80\x02cos\nsystem\nU\x02id\x8520cos\nsystem\nU\x02id\x85R."},
    "pickle of lambda layers (cloudpickle)": {"python_model.pkl": cloudpickle.dumps(lambda row: row)},
    "pickle by dill": {"m.dill": b"\x80\x04\x8c\x0adill._dill\x8c\x0c_create_type\x93)R."},
    "pickle by numpy's own gadget": {"m.pkl": b"\x80\x04cnumpy.testing._private.utils\nrunstring\nX\x01\0\0\0a}\x86R."},
    "pickle that reaches through a dot": {"m.pkl": b"\x80\x04\x8c\x07logging\x8c\x09os.system\x93\x8c\x02id\x85R."},
    "torch zip (CVE-2025-32434)": {"model.pt": torch(pickled(2))},
    "torch zip named bin": {"pytorch_model.bin": torch(pickled(2))},
    "torch zip with another entry's name": {"m.pt": zipped({"archive/data.jpg": pickled(2)})},
    "torch before 1.6": {"model.pth": legacy_torch(pickled(2))},
    "torch export archive pt2": {"model.pt2": zipped({"p/data/sample_inputs/model.pt": torch(pickled(2))})},
    "zip in zip": {"model.zip": nested(2, zipped({"m.pkl": pickled()}))},
    "zip in zip named onnx": {"model.onnx": nested(1, zipped({"m": pickled()}))},
    "zip behind an image": {"logo.png": b"\x89PNG\r\n\x1a\n" + bytes(500) + zipped({"m.pkl": pickled()})},
    "zip deflated": {"m.zip": zipped({"m": pickled()}, zipfile.ZIP_DEFLATED)},
    "zip by bzip2": {"m.zip": zipped({"m": pickled()}, zipfile.ZIP_BZIP2)},
    "zip by lzma": {"m.zip": zipped({"m": pickled()}, zipfile.ZIP_LZMA)},
    "pickle in a gap of a zip": {"m.zip": b"PK\3\4 junk" + pickled() + zipped({"a.txt": b"a"})},
    "gzip in zip in gzip": {"m.gz": gzip.compress(zipped({"a.gz": gzip.compress(pickled())}))},
    "two gzip members": {"m.gz": gzip.compress(b"text") + gzip.compress(b" " * 9 + pickled())},
    "tar": {"m.tar": tarred((member("model/m.pkl"), pickled()))},
    "tar.gz (SageMaker)": {"model.tar.gz": gzip.compress(tarred((member("m.joblib"), zlib.compress(pickled()))))},
    "npy of objects": {"data.npy": array({"a": 1}, objects=True)},
    "npy of objects that runs": {"data.npy": array(Evil(), objects=True)},
    "npz of objects": {"data.npz": zipped({"a.npy": array(Evil(), objects=True)})},
    "npz of objects, compressed": {"d.npz": zipped({"a.npy": array(Evil(), objects=True)}, zipfile.ZIP_DEFLATED)},
    "npy with an escaped type": {"a.npy": array([1.5]).replace(b"'<f8'", b"'\\x4f'")},
    "skops with a pickle inside": {"m.skops": zipped({"schema.json": b"{}", "1.pkl": pickled()})},
    "skops with an array of objects": {"m.skops": zipped({"schema.json": b"{}", "1.npy": array(Evil(), objects=True)})},
    "serialised Java": {"model.ser": b"\xac\xed\0\5sr" + bytes(50)},
    "serialised R": {"model.rds": gzip.compress(b"X\n\0\0\0\3\0\4\1\2" + bytes(50))},
}  # fmt: skip

CODE: dict[str, Files] = {
    "keras Lambda (CVE-2024-3660)": {"m.keras": keras({"class_name": "Functional", "config": {"layers": [LAMBDA]}})},
    "keras module (CVE-2025-1550)": {"m.keras": keras({"class_name": "Popen", "module": "subprocess", "config": {}})},
    "keras function of keras": {"m.keras": keras({"class_name": "function", "module": "keras.saving", "config": "x"})},
    "keras TorchModuleWrapper (CVE-2025-49655)": {"m.keras": keras([{"class_name": "TorchModuleWrapper"}])},
    "keras Lambda in HDF5": {"m.h5": hdf5(json.dumps({"config": LAMBDA}).encode())},
    "keras module in HDF5": {"m.h5": hdf5(b'{"class_name": "system", "module": "os"}')},
    "keras Lambda in HDF5 behind a user block": {"m": bytes(512) + hdf5(json.dumps(LAMBDA).encode())},
    "SavedModel that writes files": {"saved_model.pb": b"\x08\1\x12" + message(2, message(2, b"WriteFile"))},
    "SavedModel that calls Python": {"saved_model.pb": b"\x08\1\x12" + message(2, message(2, b"PyFunc"))},
    "loader module": {"MLmodel": mlmodel("loader_module: evil")},
    "loader module of mlflow that loads code": {"MLmodel": mlmodel("loader_module: mlflow.pyfunc.model")},
    "code paths": {"MLmodel": mlmodel("loader_module: mlflow.onnx\ncode: code")},
    "model from code": {"MLmodel": mlmodel("loader_module: mlflow.onnx\nmodel_code_path: agent.py")},
    "Python source in a code folder": {"code/evil.py": b"import os\n"},
    "Python source in a zip": {"code.whl": zipped({"evil/__init__.py": b"import os\n"})},
    "Python byte code": {"m.dat": b"\xa7\r\r\n" + bytes(12) + marshal.dumps(compile("1", "x", "eval"))},
    "hidden program": {".weights": b"\x7fELF\2\1\1" + bytes(60)},
    "shared library named bin": {"ops.bin": b"\x7fELF\2\1\1" + bytes(60)},
    "Windows program": {"m.onnx.data": b"MZ" + bytes(60)},
    "script": {"weights": b"#!/bin/sh\ntouch CANARY_EXECUTED\n"},
    "skops that names os": {"m.skops": skops([("os", "system")])},
    "skops that names builtins.eval": {"m.skops": skops([("builtins", "eval")])},
    "skops that names operator": {"m.skops": skops([("operator", "methodcaller")])},
}  # fmt: skip

OPAQUE: dict[str, Files] = {
    "joblib compressed by lz4": {"model.joblib": b"\x04\x22\x4d\x18" + bytes(50)},
    "joblib compressed by zstd": {"model.joblib": b"\x28\xb5\x2f\xfd" + bytes(50)},
    "joblib's first format": {"model.joblib": b"ZF0x1c2               " + zlib.compress(pickled())},
    "7z": {"model.pt": b"7z\xbc\xaf\x27\x1c" + bytes(50)},
    "rar": {"model.pt": b"Rar!\x1a\x07\x01\0" + bytes(50)},
}  # fmt: skip

HOSTILE: dict[str, Files] = {
    "zip slip (CVE-2025-62156)": {"m.zip": zipped({"../../evil": b"x"})},
    "zip with an absolute name": {"m.zip": zipped({"/etc/cron.d/evil": b"x"})},
    "zip with a drive": {"m.zip": zipped({"C:\\evil": b"x"})},
    "zip with a backslash": {"m.zip": zipped({"a\\..\\..\\evil": b"x"})},
    "zip with a symbolic link": {"m.zip": link_entry("a", "/etc/passwd")},
    "zip with a name 5000 long": {"m.zip": zipped({"a" * 5000: b"x"})},
    "zip with a NUL in a name": {"m.zip": renamed_entry(zipped({"aXb.txt": b"x"}), b"aXb", b"a\0b")},
    "zip with one name twice": {"m.zip": zipped({"aa": b"x", "ab": b"y"}).replace(b"ab", b"aa")},
    "zip with two names of one entry": {"m.zip": renamed_entry(zipped({"a.txt": b"x"}), b"a.txt", b"b.pkl")},
    "zip with an encrypted entry": {"m.pt": with_flags(torch(pickled(2)), 1)},
    "zip with a wrong checksum": {"m.zip": with_bad_checksum(zipped({"a": b"x" * 99}, zipfile.ZIP_DEFLATED))},
    "zip cut short": {"m.pt": torch(pickled(2))[:-30]},
    "tar slip (CVE-2025-15031)": {"m.tar": tarred((member("../../evil"), b"x"))},
    "tar with an absolute name": {"m.tar": tarred((member("/etc/evil"), b"x"))},
    "tar with a symbolic link (GO-2025-4223)": {"m.tar": tarred((member("a", tarfile.SYMTYPE, "/etc"), b""))},
    "tar with a hard link": {"m.tar": tarred((member("a", tarfile.LNKTYPE, "/etc/passwd"), b""))},
    "tar with a device": {"m.tar": tarred((member("a", tarfile.CHRTYPE), b""))},
    "tar with a pipe": {"m.tar": tarred((member("a", tarfile.FIFOTYPE), b""))},
    "tar with a set-user-id file": {"m.tar": tarred((member("a", mode=0o4755), b"x"))},
    "tar past PATH_MAX (CVE-2025-4517)": {"m.tar": tarred((member("a/" * 3000 + "b"), b"x"))},
    "tar slip by an extended header": {"m.tar": tarred((member("x" * 120 + "/../../../e"), b"x"))},
    "gzip cut short": {"m.gz": gzip.compress(NOISE(999))[:-20]},
    "safetensors that lies about its length": {"m.safetensors": safetensors({}, b"", length=1 << 40)},
    "safetensors that overlaps": {"m.safetensors": safetensors({"a": tensor(0, 8), "b": tensor(4, 12)}, bytes(12))},
    "safetensors with a gap": {"m.safetensors": safetensors({"a": tensor(0, 4), "b": tensor(8, 12)}, bytes(12))},
    "safetensors beyond its end": {"m.safetensors": safetensors({"a": tensor(0, 400)}, bytes(4))},
    "safetensors with a wrong shape": {"m.safetensors": safetensors({"a": tensor(0, 8, [3])}, bytes(8))},
    "safetensors with data after the end": {"m": safetensors({"a": tensor(0, 8)}, bytes(99))},
    "safetensors nested too deep": {"m.safetensors": struct.pack("<Q", 60_000) + b"[" * 60_000},
    "safetensors with a key twice": {
        "m.safetensors": struct.pack("<Q", 111)
        + b'{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}'
        + bytes(4)
    },
    "onnx that reads /etc/passwd (CVE-2022-25882)": {"m.onnx": onnx("/etc/passwd")},
    "onnx that leaves the folder (CVE-2024-5187)": {"m.onnx": onnx("../../../etc/passwd")},
    "onnx that leaves the folder later": {"m.onnx": onnx("weights/../../secret")},
    "onnx that leaves by a constant": {"m.onnx": onnx("../secret", where="constant")},
    "onnx that leaves in a subgraph": {"m.onnx": onnx("../secret", where="subgraph")},
    "onnx that leaves by a sparse tensor": {"m.onnx": onnx("../secret", where="sparse")},
    "onnx under another name": {"weights": onnx("../secret")},
    "onnx in a zip": {"m.zip": zipped({"m": onnx("../secret")})},
    "onnx that is none": {"m.onnx": b"\xff\xff\xff\xff"},
    "MLmodel that leaves the folder": {"MLmodel": mlmodel("loader_module: mlflow.onnx\ndata: ../../secret.onnx")},
    "MLmodel with an absolute path": {"MLmodel": mlmodel("loader_module: mlflow.onnx\ndata: /etc/passwd")},
    "MLmodel with a tag": {"MLmodel": b"flavors: !!python/object/apply:os.system [id]\n"},
    "MLmodel with aliases": {"MLmodel": b"a: &a [x]\nflavors: *a\n"},
    "keras that reads a file (CVE-2025-12058)": {
        "m.keras": keras({"class_name": "StringLookup", "module": "keras.layers", "config": {"vocabulary": "/etc/x"}})
    },
    "keras Lambda in HDF5 behind escapes": {"m.h5": hdf5(b'{"class_name": "\\u004cambda"}')},
    "npy whose header is a bomb": {"a.npy": b"\x93NUMPY\2\0" + struct.pack("<L", 1 << 31) + b"("},
    "npy whose header nests": {"a.npy": b"\x93NUMPY\1\0" + struct.pack("<H", 9000) + b"(" * 9000},
    "name with a control character": {"evil\x1b[2J.onnx": onnx()},
}  # fmt: skip

SAFE: dict[str, tuple[Files, str]] = {
    "onnx": ({"model.onnx": onnx()}, "onnx"),
    "onnx with data beside it": ({"model.onnx": onnx("weights/w.bin"), "weights/w.bin": NOISE(999)}, "onnx"),
    "onnx with operators of its own": ({"model.onnx": onnx(domain="com.acme")}, "onnx"),
    "safetensors": ({"model.safetensors": safetensors({"a": tensor(0, 8)}, NOISE(8))}, "safetensors"),
    "safetensors without tensors": ({"m": safetensors({"__metadata__": {"format": "pt"}}, b"")}, "safetensors"),
    "safetensors without a name": ({"m": safetensors({"a": tensor(0, 8)}, bytes(8))}, "safetensors"),
    "skops": ({"m.skops": skops([("sklearn.linear_model._logistic", "LogisticRegression")])}, "skops"),
    "npy": ({"a.npy": array([[1.5, 2.5]])}, "npy"),
    "npy with fields": ({"a.npy": array(np.zeros(3, dtype=[("a", "<f4"), ("b", "<i8", (2,))]))}, "npy"),
    "npz": ({"a.npz": zipped({"a.npy": array([1.5])}, zipfile.ZIP_DEFLATED)}, "npz"),
    "keras": ({"m.keras": keras({"class_name": "Dense", "module": "keras.layers", "config": {"units": 1}})}, "keras"),
    "hdf5 weights": ({"w.h5": hdf5(b"dense/kernel")}, "hdf5"),
    "SavedModel": ({"saved_model.pb": b"\x08\1\x12" + message(2, message(2, b"MatMul"))}, "savedmodel"),
    "lightgbm": ({"model.txt": b"tree\nversion=v4\nnum_class=1\n"}, "lightgbm"),
    "xgboost json": ({"model.json": b'{"learner": {}}'}, "json"),
    "MLmodel": ({"MLmodel": mlmodel("loader_module: mlflow.onnx\ndata: model.onnx\nenv: conda.yaml")}, "mlmodel"),
    "labels that look like an import": ({"labels.txt": b"cat\ndog\nNature\nbird\n"}, "text"),
    "text that looks like an instance": ({"notes.txt": b"see (index\nfoo\n) and ($R)\n"}, "text"),
    "empty file": ({"__empty__": b""}, "empty"),
    "tar of harmless files": ({"m.tar": tarred((member("a/b.json"), b"{}"))}, "tar"),
    "gzip of text": ({"m.txt.gz": gzip.compress(b"hello\n" * 99)}, "gzip"),
    "parquet": ({"x.parquet": b"PAR1" + NOISE(99)}, "parquet"),
}  # fmt: skip

REFUSED: dict[str, tuple[Files, str]] = {
    **{name: (files, "pickle") for name, files in PICKLES.items()},
    **{name: (files, "code") for name, files in CODE.items()},
    **{name: (files, "opaque") for name, files in OPAQUE.items()},
    **{name: (files, "hostile") for name, files in HOSTILE.items()},
}
