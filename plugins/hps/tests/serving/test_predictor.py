"""The predictor: vectors as the sparse models have them, defaults and insertion as HPS documents them, counted."""

import json
import subprocess
import sys
import threading

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cmcore_hps.config.triton_model import TensorConfig, TritonModel
from cmcore_hps.serving import folder as folders
from cmcore_hps.serving.instances import instances
from cmcore_hps.serving.predictor import CounterFile, HpsPredictor, predictor
from cmcore_hps.serving.sparse import sparse_folder
from cmcore_hps.serving.tables import TableStore

from .wdl import write_sparse

ROWS = 400
CONFIG = TritonModel(
    name="lookup", backend="hps",
    input=(TensorConfig(name="KEYS", data_type="TYPE_INT64", dims=(-1,)),
           TensorConfig(name="NUMKEYS", data_type="TYPE_INT32", dims=(-1,))),
    output=(TensorConfig(name="OUTPUT0", data_type="TYPE_FP32", dims=(-1,)),),
)  # fmt: skip


def vector(table, key):
    """What the tables have for a key: widths are 2 and 3."""
    return [float(np.float32(key * 10 + table + place / 8)) for place in range(2 + table)]


def generation(root, *, cached=0.5, threshold=0.9, scale=1, follow=False):
    """The folder of a model with two tables of keys 0, 7, 14, ..."""
    keys = np.arange(ROWS) * 7
    sparse = [
        sparse_folder(
            write_sparse(root / f"{scale}-{table}", keys, np.array([vector(table, key) for key in keys]) * scale)
        )
        for table in (0, 1)
    ]
    chosen = folders.Settings(
        defaults=(0.5, -1.0), cached=cached, cache_bytes=10**6, hit_rate_threshold=threshold, output="OUTPUT0"
    )
    with TableStore(root) as store:
        tables = store.insert([("a", sparse[0]), ("b", sparse[1])])
        made = store.switch(tables, "", lambda name: folders.write_generation(root, name, {}, tables, chosen, CONFIG))
    return folders.write_placed(root, CONFIG) if follow else made.folder


def ask(model, first, second):
    """One row: keys of both tables."""
    inputs = {
        "KEYS": np.array([[*first, *second]], np.int64),
        "NUMKEYS": np.array([[len(first), len(second)]], np.int32),
    }
    return model.predict(inputs)["OUTPUT0"]


def expected(first, second):
    """The oracle, with the default of each table."""
    known = set(range(0, ROWS * 7, 7))
    parts = [*[vector(0, key) if key in known else [0.5] * 2 for key in first],
             *[vector(1, key) if key in known else [-1.0] * 3 for key in second]]  # fmt: skip
    return [[number for part in parts for number in part]]


KEYS = st.lists(st.integers(-5, ROWS * 7 + 20), max_size=60)


@given(asked=st.lists(st.tuples(KEYS, KEYS), min_size=1, max_size=6), cached=st.sampled_from([0.0, 0.05, 1.0]))
@settings(max_examples=40, deadline=None)
def test_synchronous_answers_are_those_of_the_sparse_models_whatever_is_cached(tmp_path_factory, asked, cached):
    model = predictor(generation(tmp_path_factory.mktemp("m"), cached=cached, threshold=1.1), {})
    assert [ask(model, *keys).tolist() for keys in asked] == [expected(*keys) for keys in asked]


def test_every_row_is_a_request_of_its_own(tmp_path):
    model = predictor(generation(tmp_path), {})
    answer = model.predict({"KEYS": np.array([[0, 7], [14, 21]]), "NUMKEYS": np.array([[1, 1], [1, 1]], np.int32)})
    assert answer["OUTPUT0"].tolist() == [*expected([0], [7]), *expected([14], [21])]


@pytest.mark.parametrize("sizes", [[1, 0], [1, 2], [2], [3, -1]])
def test_numkeys_that_do_not_fit_the_keys_are_refused(tmp_path, sizes):
    model = predictor(generation(tmp_path), {})
    with pytest.raises(ValueError, match="NUMKEYS"):
        model.predict({"KEYS": np.array([[0, 7]]), "NUMKEYS": np.array([sizes], np.int32)})


def test_below_the_threshold_missing_keys_are_inserted_before_the_answer(tmp_path):
    model = predictor(generation(tmp_path, threshold=0.9), {})
    ask(model, [0, 7], [])
    assert ask(model, [0, 7, 14], []).tolist() == expected([0, 7, 14], [])


def test_above_the_threshold_missing_keys_get_the_default_and_are_inserted_later(tmp_path):
    model = predictor(generation(tmp_path, threshold=0.5), {})
    ask(model, [0, 7], [])
    first = ask(model, [0, 7, 14], []).tolist()
    model.tend()
    later = ask(model, [0, 7, 14], []).tolist()
    assert (first, later) == ([[*vector(0, 0), *vector(0, 7), 0.5, 0.5]], expected([0, 7, 14], []))


def test_keys_that_no_table_has_are_counted(tmp_path):
    model = predictor(generation(tmp_path), {})
    ask(model, [1, 2, 0], [])
    assert model.metrics()["cm_hps_absent_keys_total"] == 2


def test_hits_and_misses_are_of_distinct_keys(tmp_path):
    model = predictor(generation(tmp_path), {})
    ask(model, [0, 0, 7], [0])
    ask(model, [0, 14, 14], [])
    assert (model.metrics()["cm_hps_cache_hits_total"], model.metrics()["cm_hps_cache_misses_total"]) == (1, 4)


def test_the_cache_has_the_fraction_of_each_table(tmp_path):
    assert predictor(generation(tmp_path, cached=0.5), {}).metrics()["cm_hps_cache_capacity_rows"] == 2 * 208


def test_an_instance_shows_itself_while_it_lives(tmp_path):
    model = predictor(generation(tmp_path), {})
    ask(model, [0, 7], [])
    ask(model, [0, 7], [])
    seen = instances(tmp_path / "counters")
    model.close()
    assert ([each.hit_rate for each in seen], instances(tmp_path / "counters")) == ([0.5], [])


def test_a_generation_that_is_pinned_stays(tmp_path):
    model = predictor(generation(tmp_path), {})
    model.tend()
    assert model.metrics()["cm_hps_generation_switches_total"] == 0


@pytest.mark.integration
def test_an_instance_that_was_killed_shows_nothing(tmp_path):
    folder = generation(tmp_path)
    script = (
        "import os, sys; from cmcore_hps.serving.predictor import predictor\n"
        "model = predictor(sys.argv[1], {}); print(len(os.listdir(sys.argv[2])), flush=True); os._exit(9)"
    )
    told = subprocess.run(
        [sys.executable, "-c", script, folder, tmp_path / "counters"], capture_output=True, check=False
    )
    assert (told.stdout.strip(), instances(tmp_path / "counters")) == (b"1", [])


@pytest.mark.integration
def test_a_following_instance_answers_from_the_new_generation_with_its_cache_warm(tmp_path):
    folder = generation(tmp_path, follow=True)
    script = """
import json, sys, time
import numpy as np
from cmcore_hps.serving.predictor import predictor
model = predictor(sys.argv[1], {})
inputs = {"KEYS": np.array([[0, 7, 14]]), "NUMKEYS": np.array([[3, 0]], np.int32)}
tell = lambda: print(json.dumps([model.predict(inputs)["OUTPUT0"].tolist(), model.metrics()]), flush=True)
tell()
sys.stdin.readline()
until = time.monotonic() + 20
while not model.metrics()["cm_hps_generation_switches_total"] and time.monotonic() < until:
    time.sleep(0.01)
tell()
"""
    with subprocess.Popen(
        [sys.executable, "-c", script, folder], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as child:
        before, _ = json.loads(child.stdout.readline())
        generation(tmp_path, scale=2)
        child.stdin.write("\n")
        child.stdin.flush()
        after, metrics = json.loads(child.stdout.readline())
    doubled = [[2 * number for number in row] for row in expected([0, 7, 14], [])]
    assert (before, after) == (expected([0, 7, 14], []), doubled)
    assert (metrics["cm_hps_cache_hits_total"], metrics["cm_hps_failed_switches_total"]) == (3, 0)


def test_the_module_imports_numpy_and_lmdb_only():
    script = (
        "import sys; sys.modules['cmcore'] = None\n"
        f"import runpy; runpy.run_path({sys.modules[HpsPredictor.__module__].__file__!r})\n"
        "print(sorted(name for name in sys.modules if name.startswith('cmcore_')))"
    )
    told = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert told.stdout.strip() == "[]"


def test_a_folder_that_a_failed_deployment_left_does_not_say_where_rows_lie(tmp_path):
    folder = generation(tmp_path / "other")  # of the same tables
    sparse = [(name, sparse_folder(tmp_path / "other" / each)) for name, each in (("a", "1-0"), ("b", "1-1"))]
    chosen = folders.Settings(
        defaults=(0.5, -1.0), cached=0.5, cache_bytes=10**6, hit_rate_threshold=1.1, output="OUTPUT0"
    )
    with TableStore(tmp_path) as store:
        tables = store.insert(sparse)

        def dying(name):
            folders.write_generation(tmp_path, name, {}, tables, chosen, CONFIG)
            raise OSError(folder)

        with pytest.raises(OSError, match="1-"):
            store.switch(tables, "", dying)
        turned = store.insert(sparse[::-1])[::-1]
        made = store.switch(
            turned, "", lambda name: folders.write_generation(tmp_path, name, {}, turned, chosen, CONFIG)
        )
    assert [table.slot for table in turned] != [table.slot for table in tables]
    assert ask(predictor(made.folder, {}), [7], [14]).tolist() == expected([7], [14])


def test_an_instance_that_has_not_shown_anything_yet_is_none(tmp_path):
    counters = CounterFile(tmp_path)
    seen = instances(tmp_path)
    counters.close()
    assert seen == []


@pytest.mark.parametrize("error", [MemoryError(), ValueError("é" * 2000), LookupError("gone")])
def test_what_goes_wrong_beside_the_answers_is_told_and_ends_nothing(tmp_path, monkeypatch, error):
    model = predictor(generation(tmp_path), {})
    asked = threading.Event()
    again = threading.Event()

    def failing():
        (again if asked.is_set() else asked).set()
        raise error

    monkeypatch.setattr(model, "tend", failing)
    assert again.wait(20)  # the keeper has come back after a failure
    (seen,) = instances(tmp_path / "counters")
    model.close()
    assert seen.trouble == ascii(f"{type(error).__name__}: {error}")[1:-1][:200]


def test_late_insertions_that_fail_keep_no_generation_away(tmp_path, monkeypatch):
    model = predictor(generation(tmp_path), {})
    model.close()

    def failing():
        raise MemoryError

    monkeypatch.setattr(model._loaded.tables[0], "catch_up", failing)
    monkeypatch.setattr(model._loaded, "name", "0-before")
    monkeypatch.setattr(model, "_follows", True)
    monkeypatch.setattr(model, "_shown", CounterFile(tmp_path / "counters"))
    model.tend()
    assert model.metrics()["cm_hps_generation_switches_total"] == 1
