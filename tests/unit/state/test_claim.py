"""The decision about a lease, as a table and as properties; no database is touched."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cmcore.state.claim import Standing, Tenure, refusal, standing
from cmcore.state.clock import Instant
from cmcore.state.holder import Holder

BOB = Holder(host="box", boot_id="boot-1", pid=4711, process_started="1@1", actor="bob")
TENURE = Tenure(token=3, held=True, holder=BOB, epoch="boot-1", acquired_at_s=100.0, expires_at_s=110.0)


@pytest.mark.parametrize(
    ("held", "epoch", "now_s", "gone", "expected"),
    [
        (True, "boot-1", 105.0, False, Standing.HELD),
        (True, "boot-1", 109.999, False, Standing.HELD),
        (True, "boot-1", 110.0, False, Standing.EXPIRED),
        (True, "boot-1", 105.0, True, Standing.ABANDONED),
        (True, "boot-1", 111.0, True, Standing.EXPIRED),
        (True, "boot-2", 5.0, False, Standing.EXPIRED),
        (True, "boot-2", 105.0, True, Standing.EXPIRED),
        (False, "boot-1", 105.0, False, Standing.FREE),
        (False, "boot-2", 105.0, True, Standing.FREE),
    ],
)
def test_a_lease_stands(held: bool, epoch: str, now_s: float, gone: bool, expected: Standing) -> None:
    tenure = replace(TENURE, held=held)
    assert standing(tenure, now=Instant(epoch=epoch, seconds=now_s), holder_is_gone=gone) is expected


SECONDS = st.floats(min_value=0, max_value=1e9)


@given(acquired_at_s=SECONDS, ttl_s=st.floats(min_value=0.001, max_value=1e6), waited=st.floats(0, 1, exclude_max=True))
def test_a_living_holder_keeps_its_lease_for_its_whole_time(acquired_at_s: float, ttl_s: float, waited: float) -> None:
    tenure = replace(TENURE, acquired_at_s=acquired_at_s, expires_at_s=acquired_at_s + ttl_s)
    now = Instant(epoch="boot-1", seconds=min(acquired_at_s + waited * ttl_s, tenure.expires_at_s - 1e-4))
    assert standing(tenure, now=now, holder_is_gone=False) is Standing.HELD


@given(seconds=SECONDS, later_s=SECONDS, gone=st.booleans(), held=st.booleans())
def test_what_may_be_taken_now_may_be_taken_later(seconds: float, later_s: float, gone: bool, held: bool) -> None:
    tenure = replace(TENURE, held=held)
    early = standing(tenure, now=Instant(epoch="boot-1", seconds=seconds), holder_is_gone=gone)
    late = standing(tenure, now=Instant(epoch="boot-1", seconds=seconds + later_s), holder_is_gone=gone)
    assert late is not Standing.HELD or early is Standing.HELD


@given(seconds=SECONDS, gone=st.booleans(), held=st.booleans())
def test_no_lease_outlives_a_reboot(seconds: float, gone: bool, held: bool) -> None:
    now = Instant(epoch="boot-2", seconds=seconds)
    assert standing(replace(TENURE, held=held), now=now, holder_is_gone=gone) is not Standing.HELD


def test_a_refusal_says_who_holds_the_lease_for_how_long_and_what_to_do() -> None:
    assert refusal("run/r-1", TENURE, now=Instant(epoch="boot-1", seconds=103.0)) == (
        "'run/r-1' has been held by bob@box pid 4711 for 3.0 s, and that lease runs another 7.0 s. "
        "Wait for it, or end process 4711 on box."
    )
