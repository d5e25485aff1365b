"""The malformed requests for servers are what they claim to be, and their judge is strict."""

from __future__ import annotations

import json
from itertools import islice

import pytest

from cmcore.errors import InferenceError
from cmcore.inference.acceptance import refusals
from cmcore.inference.interface import Interface
from cmcore.inference.request import request_from
from cmcore.inference.tensor import TensorSpec
from cmcore.testing.open_inference_malformed import (
    BODIES,
    GOOD,
    HOSTILE,
    MALFORMED,
    Fate,
    Malformed,
    Reply,
    deserved,
    mutations,
)
from cmcore.testing.serving_models import SIDES

DOUBLING = Interface(
    inputs=tuple(
        TensorSpec(name=name, datatype=kind, shape=shape, optional=optional)
        for name, kind, shape, optional in SIDES["doubling"][0]
    ),
    outputs=tuple(
        TensorSpec(name=name, datatype=kind, shape=shape, optional=optional)
        for name, kind, shape, optional in SIDES["doubling"][1]
    ),
)
ERROR = json.dumps({"error": "it is wrong"}).encode()


def wrong_with(body: bytes) -> list[str]:
    """What our own reading finds wrong with a body."""
    try:
        return refusals(request_from(json.loads(body)), DOUBLING, max_rows=8)
    except (InferenceError, ValueError, RecursionError) as error:
        return [str(error)]


def test_the_good_request_is_good() -> None:
    assert wrong_with(GOOD) == []


@pytest.mark.parametrize("name", [name for name in BODIES if name != "nested a thousand times"])
def test_our_own_reading_refuses_each_body_that_must_be_refused(name: str) -> None:
    assert wrong_with(BODIES[name])


@pytest.mark.parametrize("malformed", HOSTILE, ids=lambda each: each.name)
def test_our_own_reading_refuses_what_ends_a_server(malformed: Malformed) -> None:
    assert wrong_with(malformed.body)


def test_every_malformed_request_has_a_name_of_its_own() -> None:
    names = [malformed.name for malformed in (*MALFORMED, *HOSTILE)]
    assert len(set(names)) == len(names)


@pytest.mark.parametrize(
    ("fate", "reply", "fair"),
    [
        (Fate.REFUSED, Reply(status=400, body=ERROR), True),
        (Fate.REFUSED, Reply(status=500, body=ERROR), True),
        (Fate.REFUSED, Reply(status=400, body=b"it is wrong"), False),
        (Fate.REFUSED, Reply(status=400, body=b'{"error": ""}'), False),
        (Fate.REFUSED, Reply(status=503, body=ERROR), False),
        (Fate.REFUSED, Reply(status=200, body=b"{}"), False),
        (Fate.REFUSED, Reply(status=0), False),
        (Fate.EITHER, Reply(status=200, body=b"{}"), True),
        (Fate.EITHER, Reply(status=400, body=ERROR), True),
        (Fate.EITHER, Reply(status=400), False),
        (Fate.EITHER, Reply(status=0), False),
        (Fate.DROPPED, Reply(status=0), True),
        (Fate.DROPPED, Reply(status=400), True),
        (Fate.DROPPED, Reply(status=503), False),
    ],
)
def test_a_reply_is_judged_by_the_fate_of_its_request(fate: Fate, reply: Reply, fair: bool) -> None:
    assert deserved(Malformed(name="", body=b"", fate=fate), reply) == fair


def test_the_same_seed_makes_the_same_mutations() -> None:
    assert list(islice(mutations(7), 50)) == list(islice(mutations(7), 50))


def test_another_seed_makes_other_mutations() -> None:
    assert [it.body for it in islice(mutations(7), 50)] != [it.body for it in islice(mutations(8), 50)]


def test_most_mutations_are_wrong() -> None:
    wrong = [malformed for malformed in islice(mutations(7), 1000) if wrong_with(malformed.body)]
    assert len(wrong) > 800
