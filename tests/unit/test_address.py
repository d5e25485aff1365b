"""Addresses: names of attempts, and back."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cmcore.address import Address

names = st.from_regex(r"[a-z0-9][a-z0-9._-]{0,20}", fullmatch=True)


@given(run=names, node=names, item=st.just("") | names, attempt=st.integers(1, 10**6))
def test_an_address_is_read_back_from_its_text(run: str, node: str, item: str, attempt: int) -> None:
    address = Address(run=run, node=node, item=item, attempt=attempt)
    assert Address.parse(str(address)) == address


def test_the_slot_is_the_same_for_every_attempt() -> None:
    assert Address(run="r", node="n", attempt=1).slot == Address(run="r", node="n", attempt=7).slot


@pytest.mark.parametrize("text", ["", "run", "run/node", "run/node/first", "a/b/c/d"])
def test_other_text_is_no_address(text: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        Address.parse(text)
