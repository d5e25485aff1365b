"""Names of payloads: made from addresses, and nothing else gets through the door."""

from __future__ import annotations

import pytest

from cmcore.address import Address
from cmcore.errors import StorageError
from cmcore.storage.location import (
    check_digest,
    check_payload,
    check_removable,
    checked_name,
    is_local,
    local_path,
    payload_tail,
    payload_uri,
    root_uri,
)

ROOT = "s3://bucket/prefix"


@pytest.mark.parametrize(
    ("root", "uri"),
    [
        ("/data/x/", "file:///data/x"),
        ("file:///data/x", "file:///data/x"),
        ("/data/a b", "file:///data/a%20b"),
        ("file:///data/a%20b", "file:///data/a%20b"),
        ("s3://bucket/prefix/", "s3://bucket/prefix"),
    ],
)
def test_a_root_has_one_spelling(root: str, uri: str) -> None:
    assert root_uri(root) == uri


@pytest.mark.parametrize("root", ["relative", "", "~/x", "file://host/share", "file:relative", "/a\0b"])
def test_what_is_no_place_is_no_root(root: str) -> None:
    with pytest.raises(StorageError, match="expected"):
        root_uri(root)


@pytest.mark.parametrize("uri", ["http://x", "file:x", "file://etc/passwd", "x"])
def test_only_file_urls_with_a_path_name_local_paths(uri: str) -> None:
    with pytest.raises(StorageError, match="file:///absolute/path"):
        local_path(uri)


@pytest.mark.parametrize(
    ("uri", "local"), [("file:///x", True), ("/x", True), ("s3://x", False), ("memory://x", False)]
)
def test_local_places_are_told_from_remote_ones(uri: str, local: bool) -> None:
    assert is_local(uri) is local


def test_a_payload_lies_under_run_node_attempt_key_and_index() -> None:
    assert payload_uri(ROOT, Address(run="r", node="n"), "model") == f"{ROOT}/r/n/1/model/0"


def test_an_item_stands_beside_its_node() -> None:
    address = Address(run="r", node="n", item="3fa9", attempt=2)
    assert payload_uri(ROOT, address, "model", 4) == f"{ROOT}/r/n@3fa9/2/model/4"


NOT_NAMES = [
    "../x", "..%2fx", "a/../../b", "a\\..\\b", "/abs", "C:\\x", ".", "..", "a\0b", "a" * 256, "a\n", " a", "a ",
    "\u202ea", "\uff0e\uff0e\uff0f", "e\u0301", "\ud800", "\U0001f600", "A", "a@b",
]  # fmt: skip


@pytest.mark.parametrize("name", NOT_NAMES)
@pytest.mark.parametrize("part", ["run", "node", "item"])
def test_a_strange_name_in_an_address_is_refused(name: str, part: str) -> None:
    with pytest.raises(StorageError, match="cannot name a payload"):
        payload_uri(ROOT, Address(**{"run": "r", "node": "n", part: name}), "model")  # type: ignore[arg-type] # names only


@pytest.mark.parametrize("key", [*(name for name in NOT_NAMES if name != "A"), "", "0", "a.b"])
def test_a_strange_key_is_refused(key: str) -> None:
    with pytest.raises(StorageError, match="cannot name a payload"):
        payload_uri(ROOT, Address(run="r", node="n"), key)


@pytest.mark.parametrize(("attempt", "index"), [(0, 0), (-1, 0), (1, -1), (10**9, 0)])
def test_numbers_out_of_range_are_refused(attempt: int, index: int) -> None:
    with pytest.raises(StorageError, match="cannot name a payload"):
        payload_uri(ROOT, Address(run="r", node="n", attempt=attempt), "model", index)


@pytest.mark.parametrize(
    "tail",
    [
        "", "/r/n/1/k", "/r/n/1/k/0/../../x", "/r/n/1/k/%2e%2e", "/r/n/1/k/0/", "/r/n/1/k/0?x", "/r/n/1/k/0#/../x",
        "/r/n/01/k/0", "/r/n/1/k/00", "/r/n/1/k/0\n", "-other/r/n/1/k/0", "//r/n/1/k/0",
    ],
)  # fmt: skip
def test_what_is_no_payload_of_the_root_is_refused(tail: str) -> None:
    with pytest.raises(StorageError, match="declared as imported"):
        check_payload(ROOT, ROOT + tail)


@pytest.mark.parametrize("tail", ["", "/r", "/r/n", "/r/n/1/k", "/r/n/1/k/0/f", "/../x/n/1"])
def test_only_attempts_and_payloads_may_be_removed(tail: str) -> None:
    with pytest.raises(StorageError, match="not ours to delete"):
        check_removable(ROOT, ROOT + tail)


@pytest.mark.parametrize("tail", ["/r/n/1", "/r/n@i/12/k/0"])
def test_attempts_and_payloads_may_be_removed(tail: str) -> None:
    check_removable(ROOT, ROOT + tail)


@pytest.mark.parametrize("name", ["a", "a/b.c", "...", "a..b", "-", "e\u0301", "a\nb", " "])
def test_a_relative_name_may_be_anything_that_stays(name: str) -> None:
    assert checked_name(name, "u") == name


@pytest.mark.parametrize("digest", ["", "sha256:", "sha256:" + "g" * 64, "sha256:../" + "a" * 61, "a" * 64])
def test_what_is_no_digest_is_refused(digest: str) -> None:
    with pytest.raises(StorageError, match="is no payload digest"):
        check_digest(digest)


def test_the_tail_of_a_payload_outlives_a_move_of_the_root() -> None:
    address = Address(run="r", node="n")
    assert payload_tail(payload_uri(ROOT, address, "k")) == payload_tail(payload_uri("file:///x", address, "k"))
