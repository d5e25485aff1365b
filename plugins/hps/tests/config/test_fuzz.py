"""Whatever bytes come, findings come out: never an exception, and every finding can be acted upon."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cmcore_hps.config import Checked, Dialect, checked
from cmcore_hps.config.corpus import INPUTS, encoded, whole
from cmcore_hps.config.spelling import DatabaseType, spellings

GOLDEN = Path(__file__).parents[1] / "golden"
NAMES = ("ps.json", "config.pbtxt", "network.json")
TEXTS = sorted(path.read_bytes() for name in NAMES for path in GOLDEN.glob(f"*/{name}"))
PIECES = [
    b"{",
    b"}",
    b"[",
    b"]",
    b",",
    b":",
    b'"',
    b"\\",
    b"...",
    b"//",
    b"/*",
    b"null",
    b"1e999",
    b"-",
    b"\0",
    b"\xff",
]
PIECES += [
    b"NaN",
    b"\xe2\x80\xa6",
    b"\\ud800",
    b"9" * 500,
    b"key",
    b"<",
    b">",
    b"#",
    b"'",
    b"\r\n",
    b'"models"',
    b"1.5",
]
patient = settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def usable(outcome: Checked) -> bool:
    """Whether every finding says where, what and what to do."""
    return all(each.file and each.pointer and each.rule and each.message and each.fix for each in outcome.findings)


@st.composite
def mutations(draw: st.DrawFn) -> bytes:
    """A file of the golden cases with pieces put in, cut out or moved."""
    raw = draw(st.sampled_from(TEXTS))
    for _ in range(draw(st.integers(1, 6))):
        start = draw(st.integers(0, len(raw)))
        end = draw(st.integers(start, min(len(raw), start + 40)))
        put = draw(st.sampled_from(PIECES) | st.binary(max_size=6) | st.just(raw[start:end] * 2))
        raw = raw[:start] + put + raw[end:]
    return raw


anything = st.none() | st.binary(max_size=400) | mutations() | st.sampled_from(TEXTS)


@given(anything, anything, anything, st.sampled_from([None, *Dialect]))
@patient
def test_no_bytes_end_in_an_exception(
    ps: bytes | None, pbtxt: bytes | None, network: bytes | None, dialect: Dialect | None
) -> None:
    assert usable(checked(ps, pbtxt, network, model="wdl", dialect=dialect))


WORDS = st.sampled_from(spellings(DatabaseType)).flatmap(
    lambda word: st.sampled_from([word, word.upper(), word.title()])
)


@st.composite
def loosely_written(draw: st.DrawFn) -> bytes:
    """A file that means something, its values spelled as people do."""
    files = whole(Dialect.HPS)
    for key, value in files.entry.items():
        one_text = ", ".join(map(str, value)) if isinstance(value, list) else str(value)
        texts = [str(each) for each in value] if isinstance(value, list) else one_text
        files.entry[key] = draw(st.sampled_from([value, texts, one_text]))
    files.ps["volatile_db"] = draw(
        st.fixed_dictionaries(
            {"num_partitions": st.just("8")}, optional={"type": WORDS, "max_get_batch_size": st.just("9")}
        )
    )
    files.ps["supportlonglong"] = draw(st.sampled_from([True, "true", "True", 1]))
    return encoded(files.ps).replace(b"}", draw(st.sampled_from([b"}", b",}", b", ...\n}", b" // end\n}"])))


@given(loosely_written(), st.sampled_from(list(Dialect)))
@patient
def test_a_loosely_written_file_is_written_strictly_and_read_the_same_again(raw: bytes, dialect: Dialect) -> None:
    outcome = checked(raw, None, None, dialect=dialect)
    again = checked(outcome.export_ps().encode(), None, None, dialect=dialect)
    assert again.parameter_server == outcome.parameter_server


scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8)
values = st.recursive(scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner))


@given(st.data(), st.sampled_from(list(INPUTS)))
@patient
def test_no_value_of_any_key_ends_in_an_exception(data: st.DataObject, dialect: Dialect) -> None:
    files = whole(dialect)
    place = data.draw(st.sampled_from([files.ps, files.entry, files.network]))
    place[data.draw(st.sampled_from(sorted(place)))] = data.draw(values)
    assert usable(checked(encoded(files.ps), files.pbtxt.encode(), encoded(files.network)))


def many_keys(count: int) -> bytes:
    chance = random.Random(1)
    keys = ",".join(f'"{chance.randrange(10**9)}": 1' for _ in range(count))
    return f'{{"models": [{{{keys}}}], {keys}}}'.encode()


HUGE = {
    "deep": b"[" * 10**6,
    "deep objects": b'{"models":' * 10**5,
    "many keys": many_keys(10_000),
    "many models": b'{"supportlonglong": true, "models": [' + b"{}," * 20_000 + b"{}]}",
    "digits": b'{"models": ' + b"9" * 10**6 + b"}",
    "text": b'{"models": "' + b"a" * 10**6 + b'"}',
    "commas": b'{"models": [' + b"," * 10**6,
    "ellipses": b"..." * 10**5,
    "comments": b"//\n" * 10**5,
    "backslashes": b'"' + b"\\" * 10**6,
    "too long": b" " * (5 * 2**20),
    "words": b"word " * 10**5,
    "messages": b"input {} " * 10**4,
    "braces": b"input {" * 10**4,
}


@pytest.mark.parametrize("raw", HUGE.values(), ids=HUGE)
@pytest.mark.parametrize("file", range(3))
def test_huge_files_are_found_and_not_choked_on(raw: bytes, file: int) -> None:
    files: list[bytes | None] = [None, None, None]
    files[file] = raw
    outcome = checked(*files)
    assert (usable(outcome), bool(outcome.errors), len(outcome.findings) < 2_000) == (True, True, True)


def test_a_hundred_thousand_unknown_keys_are_found_together() -> None:
    outcome = checked(many_keys(100_000), None, None)
    assert len([finding for finding in outcome.findings if finding.rule == "E4-unknown-key"]) < 300
