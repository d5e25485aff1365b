"""The names of payloads: URIs made from addresses and taken apart again, checked by a strict alphabet.

Nothing here touches a disk or a network.
"""

from __future__ import annotations

import re
from pathlib import PurePosixPath
from urllib.parse import quote, unquote

from cmcore.address import NAME, Address
from cmcore.errors import StorageError

KEY = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,62}")
DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
DECLARED = "declared:"  # how the digest of data begins whose importer declared it, so that nobody can check it
MANIFEST_SUFFIX = ".manifest.json"
LOCAL_SCHEME = "file://"
_URL = re.compile(r"([a-z][a-z0-9+.-]*)://(.*)", re.DOTALL)
_ATTEMPT = (
    rf"(?P<run>{NAME.pattern})/(?P<node>{NAME.pattern})(?:@(?P<item>{NAME.pattern}))?/(?P<attempt>[1-9][0-9]{{0,8}})"
)
_INDEX = r"(?:0|[1-9][0-9]{0,8})"
_PAYLOAD = re.compile(f"{_ATTEMPT}/{KEY.pattern}/{_INDEX}")
_ATTEMPT_OR_PAYLOAD = re.compile(f"{_ATTEMPT}(?:/{KEY.pattern}/{_INDEX})?")


def root_uri(root: str) -> str:
    """The canonical URI of a root: no slash at its end; raises StorageError for what is no place."""
    match = _URL.fullmatch(root)
    if match and match[1] != "file":
        return root.rstrip("/")
    path = local_path(root) if match else root
    if not path.startswith("/") or "\0" in path:
        raise StorageError(
            f"{root!r} is no place for payloads: expected an absolute path, a file:/// URL or an fsspec URL such as "
            "'s3://bucket/prefix'"
        )
    return LOCAL_SCHEME + quote(str(PurePosixPath(path)))


def is_local(uri: str) -> bool:
    """Whether a URI names a folder of this machine."""
    return uri.startswith((LOCAL_SCHEME, "/"))


def protocol(uri: str) -> str:
    """The fsspec protocol of a URL."""
    match = _URL.fullmatch(uri)
    if match is None:
        raise StorageError(f"{uri!r} is no URL: expected '<protocol>://...' or an absolute path")
    return match[1]


def local_path(uri: str) -> str:
    """The path behind a file URL (or the path itself)."""
    path = uri if uri.startswith("/") else unquote(uri.removeprefix(LOCAL_SCHEME))
    local = uri.startswith((LOCAL_SCHEME, "/")) and path.startswith("/")
    if not local or "\0" in path or not _is_text(path):
        raise StorageError(f"{uri!a} does not name a path of this machine: expected 'file:///absolute/path'")
    return path


def payload_uri(root: str, address: Address, key: str, index: int = 0) -> str:
    """Where an output of an attempt lies: `{root}/{run}/{node}[@{item}]/{attempt}/{key}/{index}`."""
    name = f"{address}/{key}/{index}"
    if "@" in address.node or _PAYLOAD.fullmatch(name) is None:
        raise StorageError(
            f"{name!r} cannot name a payload: run, node and item match {NAME.pattern}, the key {KEY.pattern}, "
            "attempts count from 1 and indices from 0"
        )
    return f"{root}/{name}"


def manifest_uri(uri: str) -> str:
    """Where the manifest of a payload lies: beside its folder, so that the folder holds only the payload."""
    return uri + MANIFEST_SUFFIX


def check_payload(root: str, uri: str) -> None:
    """Raise StorageError where a URI is no payload of this root."""
    if not _below(root, uri, _PAYLOAD):
        raise StorageError(f"{uri!r} is not a payload under {root!r}; data from elsewhere must be declared as imported")


def check_removable(root: str, uri: str) -> None:
    """Raise StorageError where a URI is neither an attempt nor a payload of this root."""
    if not _below(root, uri, _ATTEMPT_OR_PAYLOAD):
        raise StorageError(f"{uri!r} is neither an attempt nor a payload under {root!r}: it is not ours to delete")


def _below(root: str, uri: str, names: re.Pattern[str]) -> bool:
    return uri.startswith(root + "/") and names.fullmatch(uri.removeprefix(root + "/")) is not None


def check_digest(digest: str) -> str:
    """The digest itself; raises StorageError where it is none."""
    if DIGEST.fullmatch(digest) is None:
        raise StorageError(f"{digest!r} is no payload digest: expected 'sha256:' and 64 hexadecimal digits")
    return digest


def payload_tail(uri: str) -> str:
    """`run/slot/attempt/key/index`: what stays the same when a root is moved or mounted elsewhere."""
    return "/".join(uri.split("/")[-5:])


def checked_name(name: str, uri: str) -> str:
    """A file's name inside a payload in canonical form; raises StorageError where it could leave the payload."""
    parts = name.split("/")
    if not name or "\0" in name or any(part in ("", ".", "..") for part in parts) or not _is_text(name):
        raise StorageError(
            f"{name!r} cannot name a file of {uri!r}: expected a relative path in UTF-8, no part '.', '..' or empty"
        )
    return name


def _is_text(name: str) -> bool:
    return name.isascii() or not any("\ud800" <= char <= "\udfff" for char in name)
