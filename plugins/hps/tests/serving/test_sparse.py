"""Sparse model folders: read in order whatever their order, and refused with the name of what is wrong."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cmcore.errors import UsageError
from cmcore_hps.serving.sparse import sparse_folder

from .wdl import write_sparse

INT64 = st.integers(-(2**63), 2**63 - 1)


def test_the_width_is_that_of_the_files(tmp_path):
    found = sparse_folder(write_sparse(tmp_path / "s", [5, 3], np.ones((2, 4))))
    assert (found.rows, found.width) == (2, 4)


@given(keys=st.lists(INT64, min_size=1, max_size=60, unique=True), at_once=st.integers(1, 70))
@settings(max_examples=60, deadline=None)
def test_every_row_comes_once_in_ascending_order_however_small_the_passes(tmp_path_factory, keys, at_once):
    folder = write_sparse(tmp_path_factory.mktemp("s"), keys, np.arange(len(keys) * 2).reshape(-1, 2))
    batches = list(sparse_folder(folder).batches(at_once))
    seen = np.concatenate([batch for batch, _ in batches])
    vectors = np.concatenate([vectors for _, vectors in batches])
    assert seen.tolist() == sorted(np.array(keys, np.int64).view(np.uint64).tolist())
    assert {key: row[0] for key, row in zip(seen.view(np.int64).tolist(), vectors.tolist(), strict=True)} == {
        key: 2 * place for place, key in enumerate(keys)
    }


@pytest.mark.parametrize("at_once", [1, 2, 100])
def test_a_key_that_is_there_twice_is_refused_by_name(tmp_path, at_once):
    folder = write_sparse(tmp_path / "s", [7, -9, 7, 4], np.ones((4, 2)))
    with pytest.raises(UsageError, match=r"keys more than once: 7;"):
        list(sparse_folder(folder).batches(at_once))


@pytest.mark.parametrize("wrong", [np.nan, np.inf, -np.inf])
def test_numbers_that_are_not_finite_are_refused_with_their_key(tmp_path, wrong):
    folder = write_sparse(tmp_path / "s", [7, -9], [[1, 1], [1, wrong]])
    with pytest.raises(UsageError, match=r"not finite, for the keys -9"):
        list(sparse_folder(folder).batches())


@pytest.mark.parametrize(
    ("key_bytes", "vector_bytes", "told"),
    [(0, 0, "0 bytes"), (12, 8, "12 bytes"), (16, 12, "one to one"), (16, 0, "one to one")],
)
def test_files_that_do_not_fit_together_are_refused(tmp_path, key_bytes, vector_bytes, told):
    (tmp_path / "key").write_bytes(bytes(key_bytes))
    (tmp_path / "emb_vector").write_bytes(bytes(vector_bytes))
    with pytest.raises(UsageError, match=told):
        sparse_folder(tmp_path)


def test_a_folder_without_the_files_is_refused(tmp_path):
    with pytest.raises(UsageError, match="is no sparse model"):
        sparse_folder(tmp_path)
