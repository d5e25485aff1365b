"""The table store: what is inserted is found, the same again costs nothing, generations are switched whole."""

import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cmcore.errors import StorageError, UsageError
from cmcore_hps.serving import tables as stored
from cmcore_hps.serving.predictor import TableReader
from cmcore_hps.serving.sparse import sparse_folder
from cmcore_hps.serving.tables import TableStore

from .wdl import write_sparse

INT64 = st.integers(-(2**63), 2**63 - 1)


def put(store, name, folder):
    """Insert one table and switch to it."""
    tables = store.insert([(name, sparse_folder(folder))])
    return store.switch(tables, "", lambda _: folder)


def contents(store):
    """The current table as a dictionary of first numbers."""
    return {key: float(vector[0]) for key, vector in store.rows(store.current().tables[0])}


@given(first=st.dictionaries(INT64, st.integers(0, 999)), second=st.dictionaries(INT64, st.integers(0, 999)))
@settings(max_examples=25, deadline=None)
def test_an_update_adds_and_overwrites(tmp_path_factory, first, second):
    folder = tmp_path_factory.mktemp("store")
    first, second = {0: 1, **first}, {1: 2, **second}
    with TableStore(folder) as store:
        put(store, "t", write_sparse(folder / "a", list(first), np.array(list(first.values()))[:, None]))
        put(store, "t", write_sparse(folder / "b", list(second), np.array(list(second.values()))[:, None]))
        assert contents(store) == {**first, **second}


def test_the_same_again_is_the_same_generation(tmp_path):
    folder = write_sparse(tmp_path / "a", [1, 2], np.ones((2, 3)))
    with TableStore(tmp_path) as store:
        assert put(store, "t", folder) == put(store, "t", folder)


def test_the_same_again_reads_no_row(tmp_path):
    folder = write_sparse(tmp_path / "a", [1, 2], np.ones((2, 3)))
    told = []
    with TableStore(tmp_path) as store:
        put(store, "t", folder)
        store.insert([("t", sparse_folder(folder))], progress=lambda *each: told.append(each))
    assert told == []


def test_progress_ends_at_all_rows(tmp_path, monkeypatch):
    monkeypatch.setattr(stored, "TRANSACTION_BYTES", 64)
    monkeypatch.setattr("cmcore_hps.serving.sparse.BATCH_BYTES", 40)
    folder = write_sparse(tmp_path / "a", range(100), np.ones((100, 3)))
    told = []
    with TableStore(tmp_path) as store:
        store.insert([("t", sparse_folder(folder))], progress=lambda *each: told.append(each))
    assert (len(told) > 10, told[-1]) == (True, ("t", 100, 100))


def test_a_table_that_did_not_change_lies_there_once(tmp_path):
    same = write_sparse(tmp_path / "a", [1], [[1.0]])
    old, new = (write_sparse(tmp_path / name, [1], [[value]]) for name, value in (("b", 2.0), ("c", 3.0)))
    with TableStore(tmp_path) as store:
        first = store.insert([("same", sparse_folder(same)), ("other", sparse_folder(old))])
        store.switch(first, "", lambda _: tmp_path)
        second = store.insert([("same", sparse_folder(same)), ("other", sparse_folder(new))])
    assert (first[0] == second[0], first[1].slot == second[1].slot) == (True, False)


def test_what_is_inserted_is_not_seen_before_the_switch(tmp_path):
    with TableStore(tmp_path) as store:
        put(store, "t", write_sparse(tmp_path / "a", [1], [[1.0]]))
        store.insert([("t", sparse_folder(write_sparse(tmp_path / "b", [1], [[2.0]])))])
        assert contents(store) == {1: 1.0}


def test_a_wrong_sparse_model_changes_nothing(tmp_path):
    with TableStore(tmp_path) as store:
        before = put(store, "t", write_sparse(tmp_path / "a", [1], [[1.0]]))
        with pytest.raises(UsageError):
            put(store, "t", write_sparse(tmp_path / "b", [1, 2], [[1.0], [np.nan]]))
        assert (store.current(), contents(store)) == (before, {1: 1.0})


def test_another_width_is_refused(tmp_path):
    with TableStore(tmp_path) as store:
        put(store, "t", write_sparse(tmp_path / "a", [1], [[1.0]]))
        with pytest.raises(UsageError, match=r"vectors of 1 numbers, and .* of 2"):
            put(store, "t", write_sparse(tmp_path / "b", [1], [[1.0, 2.0]]))


def test_places_are_used_again(tmp_path):
    with TableStore(tmp_path) as store:
        made = [put(store, "t", write_sparse(tmp_path / str(each), [each], [[1.0 * each]])) for each in range(8)]
    assert len({generation.tables[0].slot for generation in made}) <= 3


def test_the_generation_before_stays_and_older_ones_go(tmp_path):
    with TableStore(tmp_path) as store:
        made = [put(store, "t", write_sparse(tmp_path / str(each), [each], [[1.0 * each]])) for each in range(4)]
        assert store.generations() == made[-2:]


def test_a_reader_is_told_that_its_generation_is_gone(tmp_path):
    with TableStore(tmp_path) as store:
        made = [put(store, "t", write_sparse(tmp_path / str(each), [each], [[1.0 * each]])) for each in range(4)]
    reader = TableReader(tmp_path)
    database = reader.database(made[0].tables[0].slot)
    with pytest.raises(LookupError, match=made[0].name):
        reader.vectors(made[0].name, database, np.array([1]), np.zeros((1, 1), np.float32))


@pytest.mark.integration
def test_a_kill_while_inserting_leaves_the_old_generation_and_the_next_insertion_works(tmp_path):
    old = write_sparse(tmp_path / "a", [1], np.ones((1, 8)))
    new = write_sparse(tmp_path / "b", range(200_000), np.ones((200_000, 8)))
    script = (
        "import os, sys; from pathlib import Path\n"
        "from cmcore_hps.serving import sparse, tables\n"
        "sparse.BATCH_BYTES = tables.TRANSACTION_BYTES = 2**18\n"
        "with tables.TableStore(Path(sys.argv[1])) as store:\n"
        "    die = lambda name, done, rows: done > rows / 2 and os._exit(9)\n"
        "    store.insert([('t', sparse.sparse_folder(Path(sys.argv[2])))], progress=die)\n"
    )
    with TableStore(tmp_path) as store:
        before = put(store, "t", old)
    killed = subprocess.run([sys.executable, "-c", script, tmp_path, new], check=False)
    with TableStore(tmp_path) as store:
        left = store.current()
        after = put(store, "t", new)
    assert (killed.returncode, left, after.tables[0].rows) == (9, before, 200_000)


@pytest.mark.integration
def test_two_writers_take_turns(tmp_path):
    folders = [write_sparse(tmp_path / str(each), range(each, each + 50_000), np.ones((50_000, 4))) for each in (0, 1)]
    script = (
        "import sys; from pathlib import Path\n"
        "from cmcore_hps.serving import sparse, tables\n"
        "sparse.BATCH_BYTES = tables.TRANSACTION_BYTES = 2**16\n"
        "with tables.TableStore(Path(sys.argv[1])) as store:\n"
        "    made = store.insert([('t', sparse.sparse_folder(Path(sys.argv[2])))])\n"
        "    store.switch(made, '', lambda name: Path(sys.argv[1]))\n"
    )
    writers = [subprocess.Popen([sys.executable, "-c", script, tmp_path, folder]) for folder in folders]
    codes = [writer.wait(60) for writer in writers]
    with TableStore(tmp_path) as store:
        assert (codes, sorted(contents(store))) == ([0, 0], list(range(50_001)))


def test_recalling_makes_the_generation_before_the_current_one(tmp_path):
    with TableStore(tmp_path) as store:
        made = [put(store, "t", write_sparse(tmp_path / str(each), [each], [[1.0]])) for each in range(2)]
        assert (store.recall(made[0], instead_of=made[1]), store.current()) == (True, made[0])


def test_recalling_leaves_a_later_deployment_alone(tmp_path):
    with TableStore(tmp_path) as store:
        made = [put(store, "t", write_sparse(tmp_path / str(each), [each], [[1.0]])) for each in range(3)]
        assert (store.recall(made[0], instead_of=made[1]), store.current()) == (False, made[2])


def test_a_generation_that_is_gone_cannot_be_recalled(tmp_path):
    with TableStore(tmp_path) as store:
        made = [put(store, "t", write_sparse(tmp_path / str(each), [each], [[1.0]])) for each in range(4)]
        with pytest.raises(StorageError, match=r"not in .* any more"):
            store.recall(made[0], instead_of=made[3])


def test_a_store_that_cannot_be_opened_is_left_unlocked(tmp_path, monkeypatch):
    monkeypatch.setattr(stored, "MAX_TABLES", 0)  # LMDB opens it so, and has no place for `meta`
    with pytest.raises(StorageError, match="cannot be opened"), TableStore(tmp_path):
        pass
    monkeypatch.undo()
    with TableStore(tmp_path, wait_s=0) as store:
        assert store.generations() == []


@pytest.mark.integration
def test_who_waits_too_long_is_told_who_has_the_store(tmp_path):
    script = (
        "import sys; from pathlib import Path\n"
        "from cmcore_hps.serving.tables import TableStore\n"
        "with TableStore(Path(sys.argv[1])):\n"
        "    print('here', flush=True); sys.stdin.read()\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script, tmp_path], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as holder:
        holder.stdout.readline()
        with pytest.raises(StorageError, match=rf"tables/writer has been held by process {holder.pid} for 0.2 s"):
            TableStore(tmp_path, wait_s=0.2).__enter__()
        holder.stdin.close()
