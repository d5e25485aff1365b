"""The cache before the store: it never answers what was not put in, holds what it says, and forgets the oldest."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cmcore_hps.serving.predictor import WAYS, KeyCache

INT64 = st.integers(-(2**63), 2**63 - 1)
BATCHES = st.lists(st.lists(INT64, min_size=1, max_size=50, unique=True), min_size=1, max_size=20)


def vectors_of(keys):
    """A vector that only its key has."""
    return np.stack([keys % 1009, keys % 4093], axis=1).astype(np.float32)


def put(cache, keys):
    """Insert keys with their vectors."""
    keys = np.array(keys, np.int64)
    cache.insert(keys, vectors_of(keys))


def found(cache, keys):
    """Which keys are found, and whether those have their own vectors."""
    keys = np.array(keys, np.int64)
    out = np.full((len(keys), 2), -1, np.float32)
    has = cache.find(keys, out)
    return has, bool((out[has] == vectors_of(keys)[has]).all() and (out[~has] == -1).all())


@given(rows=st.integers(0, 200), batches=BATCHES)
@settings(max_examples=80, deadline=None)
def test_what_is_found_has_its_own_vector_whatever_went_before(rows, batches):
    cache = KeyCache(rows, 2)
    right = []
    for batch in batches:
        right.append(found(cache, batch)[1])
        put(cache, batch)
        right.append(found(cache, batch)[1])
    assert all(right)


@given(rows=st.integers(0, 200), batches=BATCHES)
@settings(max_examples=80, deadline=None)
def test_rows_are_counted_and_bounded(rows, batches):
    cache = KeyCache(rows, 2)
    for batch in batches:
        put(cache, batch)
    assert len(set(cache.keys().tolist())) == len(cache.keys()) == cache.rows <= cache.capacity < rows + WAYS + 1


def test_an_empty_cache_does_not_know_the_key_zero():
    assert not found(KeyCache(16, 2), [0])[0].any()


def test_the_least_recently_used_goes_first():
    cache = KeyCache(WAYS, 2)  # one set
    put(cache, range(WAYS))
    found(cache, range(1, WAYS))
    put(cache, [100])
    assert found(cache, [0, 1, 100])[0].tolist() == [False, True, True]


@pytest.mark.parametrize("keys", [np.arange(100_000), np.arange(100_000) * 2**20, np.arange(100_000) * 997 - 7])
def test_regular_ids_spread_over_the_sets(keys):
    cache = KeyCache(100_000, 1)
    cache.insert(keys, np.zeros((len(keys), 1), np.float32))
    assert cache.rows > 0.88 * len(keys)
