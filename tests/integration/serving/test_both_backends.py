"""The same models on Triton and on Ray Serve: equal answers to equal requests by REST and gRPC, good ones and bad ones.

Equal after decoding: the class of the outcome, the parts of an answer, model, id, names, datatypes, shapes and data.
The words of errors are each server's own.
"""

from __future__ import annotations

import json
import math
import random
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
import urllib3
from pydantic import JsonValue

from benchmarks.serving.scaling import write_model
from cmcore.inference.interface import read_model
from cmcore.serving.backend import Placement, ServingBackend
from cmcore.testing.serving_models import TinyModels
from cmcore_ray.backend import RayBackend
from tests.integration.serving.both_backends import ANSWERED, Asker, Decoded, forms
from tests.integration.serving.malformed import SPOILS
from tests.integration.serving.malformed_grpc import SPOILS as CALL_SPOILS
from tests.integration.serving.malformed_grpc import Call
from tests.integration.serving.malformed_models import DOUBLING, FLIGHTS, Document, Good, column, flights, good
from tests.integration.serving.malformed_wire import Right, Wire
from tests.integration.serving.test_malformed_triton import KNOWN_500, triton_in

pytestmark = [pytest.mark.integration, pytest.mark.timeout(300)]
ECHO, MOODY, SCALING = "cm-echo", "cm-moody", "cm-scaling"
LIMITS: Mapping[str, list[JsonValue]] = {
    "BOOL": [True, False], "UINT8": [0, 255], "UINT16": [0, 65_535], "UINT32": [0, 2**32 - 1],
    "UINT64": [0, 2**64 - 1], "INT8": [-128, 127], "INT16": [-32_768, 32_767], "INT32": [-(2**31), 2**31 - 1],
    "INT64": [-(2**63), 2**63 - 1], "FP32": [3.4028234663852886e38, 1e-45], "FP64": [1.7976931348623157e308, 5e-324],
    "BYTES": ["Zürich\n\t\"\\", ""],
}  # fmt: skip
ZEROS: Mapping[str, list[JsonValue]] = {
    kind: [False] * 2 if kind == "BOOL" else [""] * 2 if kind == "BYTES" else [0] * 2 for kind in LIMITS
}


def echo(elements: Mapping[str, list[JsonValue]]) -> Good:
    """A request for every datatype that JSON has."""
    inputs = tuple(column(kind.lower(), kind, elements.get(kind, ZEROS[kind]), 2) for kind in LIMITS)
    return Good(model=ECHO, inputs=inputs, answers=())


def doubling(*numbers: float) -> Good:
    """A request of two columns."""
    return Good(model=DOUBLING, inputs=(column("x", "FP32", list(numbers), 2),), answers=())


def moody(*texts: str, **optional: float) -> Good:
    """A request for lengths of texts."""
    kinds = {"bias": "FP32", "half": "FP16"}
    more = [column(name, kinds[name], [value] * len(texts)) for name, value in optional.items()]
    return Good(model=MOODY, inputs=(column("text", "BYTES", list(texts)), *more), answers=())


def scaling(*numbers: float) -> Good:
    """A request for the ONNX model that multiplies."""
    return Good(model=SCALING, inputs=(column("x", "FP32", list(numbers)),), answers=())


CHANCE = random.Random(7)
LENGTH = ("length",)  # what `together` tells depends on who waited for whom
ANSWERABLE: Mapping[str, tuple[Good, str, tuple[str, ...]]] = {
    "one row": (doubling(1, 2), "", ()),
    "an id": (doubling(1, 2), "a/1 é", ()),
    "a long id": (doubling(1, 2), "x" * 1000, ()),
    "as many rows as may be": (doubling(*range(16)), "7", ()),
    "nought below nought": (doubling(-0.0, 0.0), "", ()),
    "NaN and infinities": (doubling(math.nan, math.inf, -math.inf, 1.0), "", ()),
    "more than the type holds": (doubling(3e38, -3e38), "", ()),
    "numbers below normal ones": (doubling(1e-40, 1e-45), "", ()),
    "an output by name": (doubling(1, 2), "", ("y",)),
    "columns of flights": (good(FLIGHTS, CHANCE, 3), "f", ()),
    "eight flights": (good(FLIGHTS, CHANCE, 8), "", ("delayed",)),
    "a number that ONNX multiplies": (scaling(1.5), "s", ()),
    "rows that ONNX multiplies": (scaling(1.5, -2, 0.1, 1e-10), "", ("y",)),
    "NaN through ONNX": (scaling(math.nan, math.inf), "", ()),
    "every datatype": (echo({}), "", ()),
    "every datatype at its limits": (echo(LIMITS), "limits", ()),
    "one output of many": (echo(LIMITS), "", ("same_bytes",)),
    "two outputs in another order": (echo(LIMITS), "", ("same_uint64", "same_bool")),
    "texts": (moody("Zürich", "", "four"), "", LENGTH),
    "a text of a megabyte": (moody("x" * 2**20), "", LENGTH),
    "an optional input": (moody("four", bias=0.5), "", LENGTH),
    "a half": (moody("four", bias=0.25, half=0.5), "h", LENGTH),
    "both outputs": (moody("four"), "", ("length", "together")),
    "a text that raises": (moody("raise!"), "", LENGTH),
    "a text that gives another shape": (moody("misshape!"), "", LENGTH),
    "a text that gives NaN": (moody("nan!"), "", LENGTH),
}
FORM_NAMES = ("JSON", "binary", "answered in binary", "raw", "typed")
UNANSWERED = ("a text that raises", "a text that gives another shape")
GOOD_CASES = [
    (name, form) for name, case in ANSWERABLE.items() for form in FORM_NAMES
    if form in forms(case[0], ident=case[1], outputs=case[2])
]  # fmt: skip
LOOKS = (
    "/v2/health/live", "/v2/health/ready", f"/v2/models/{DOUBLING}/ready", "/v2/models/cm-nobody/ready",
    f"/v2/models/{DOUBLING}/versions/1/ready", f"/v2/models/{DOUBLING}/versions/2/ready", "/v2/models/cm-nobody",
    "/v2/nowhere", f"/v2/models/{DOUBLING}/infer", f"/v2/models/{DOUBLING}/versions/9",
)  # fmt: skip
# Where the servers themselves differ, and both are within the protocol. Triton has an extension for shared memory and
# calls a region that nobody registered `not found`; Ray Serve does not offer that extension and calls it `invalid`.
# A version that no integer of 64 bits holds is `invalid` for Triton and `not found` for Ray Serve.
OWN_WAYS = {"shared_memory_of_nobody", "output_in_shared_memory", "version_beyond"}


def placements(folder: Path) -> Iterator[Placement]:
    """All models, written below the folder."""
    tiny = TinyModels(folder=folder)
    yield from (tiny.doubling(DOUBLING), tiny.echo(ECHO), tiny.moody(MOODY), flights(folder / FLIGHTS))
    write_model(folder / SCALING, 3.0)
    interface = read_model(folder / SCALING).interface
    assert interface is not None
    like = flights(folder / "like")
    yield like.model_copy(update={"name": SCALING, "folder": folder / SCALING, "interface": interface})


@pytest.fixture(scope="module")
def askers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mapping[str, Asker]]:
    """Both backends with all models."""
    folder = tmp_path_factory.mktemp("both")
    backends: dict[str, ServingBackend] = {"triton": triton_in(folder / "triton"), "ray": RayBackend(folder / "ray")}
    found: dict[str, Asker] = {}
    try:
        for name, backend in backends.items():
            backend.start()
            for placement in placements(folder / f"models-{name}"):
                backend.place(placement)
                backend.load(placement.name)
            known = tuple(KNOWN_500) if name == "triton" else ()
            found[name] = Asker(backend, DOUBLING, known)
        yield found
    finally:
        for asker in found.values():
            asker.close()
        for backend in backends.values():
            backend.stop()
            backend.close()


def asked(askers: Mapping[str, Asker], request: Wire | Call) -> tuple[Decoded, Decoded]:
    """What both say."""
    return askers["triton"].ask(request), askers["ray"].ask(request)


def request_of(name: str, form: str) -> Wire | Call:
    """One of the requests in one of its forms."""
    asked, ident, outputs = ANSWERABLE[name]
    return forms(asked, ident=ident, outputs=outputs)[form]


@pytest.mark.parametrize(("name", "form"), GOOD_CASES)
def test_equal_requests_have_equal_answers(name: str, form: str, askers: Mapping[str, Asker]) -> None:
    triton, ray = asked(askers, request_of(name, form))
    assert triton == ray


@pytest.mark.parametrize(("name", "form"), [case for case in GOOD_CASES if case[0] not in UNANSWERED])
def test_what_can_be_answered_is(name: str, form: str, askers: Mapping[str, Asker]) -> None:
    assert askers["ray"].ask(request_of(name, form)).outcome == ANSWERED


@pytest.mark.parametrize("backend", ["triton", "ray"])
@pytest.mark.parametrize("name", ANSWERABLE)
def test_one_request_has_the_same_answer_in_every_form(name: str, backend: str, askers: Mapping[str, Asker]) -> None:
    asked, ident, outputs = ANSWERABLE[name]
    found = [askers[backend].ask(each) for each in forms(asked, ident=ident, outputs=outputs).values()]
    assert {(it.outcome, it.id, it.model, it.tensors) for it in found} == {
        (found[0].outcome, found[0].id, found[0].model, found[0].tensors)
    }


def spoiled_wire(name: str, seed: int) -> Wire:
    """A malformed request by REST, which must be refused or may be answered in one way only."""
    return SPOILS[name](good([FLIGHTS, DOUBLING][seed % 2], random.Random(seed), 2), random.Random(seed))


def spoiled_call(name: str, seed: int) -> Call:
    """The same by gRPC."""
    return CALL_SPOILS[name](good([FLIGHTS, DOUBLING][seed % 2], random.Random(seed), 2), random.Random(seed))


DEFINITE = (Right.REFUSED, Right.MISSING, Right.ANSWERED)
DEFINITE_WIRES = sorted(each for each in SPOILS.keys() - OWN_WAYS if spoiled_wire(each, 0).right in DEFINITE)
DEFINITE_CALLS = sorted(each for each in CALL_SPOILS.keys() - OWN_WAYS if spoiled_call(each, 0).right in DEFINITE)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("name", DEFINITE_WIRES)
def test_equal_malformed_requests_are_refused_equally_by_rest(
    name: str, seed: int, askers: Mapping[str, Asker]
) -> None:
    triton, ray = asked(askers, spoiled_wire(name, seed))
    assert triton == ray


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("name", DEFINITE_CALLS)
def test_equal_malformed_requests_are_refused_equally_by_grpc(
    name: str, seed: int, askers: Mapping[str, Asker]
) -> None:
    triton, ray = asked(askers, spoiled_call(name, seed))
    assert triton == ray


@pytest.mark.parametrize("path", LOOKS)
def test_a_look_at_a_path_has_the_same_outcome(path: str, askers: Mapping[str, Asker]) -> None:
    triton, ray = asked(askers, Wire(name="", path=path, body=b"", method="GET", right=Right.EITHER))
    assert triton.outcome == ray.outcome


@pytest.mark.parametrize("model", [DOUBLING, ECHO, MOODY, FLIGHTS, SCALING])
@pytest.mark.parametrize("side", ["inputs", "outputs"])
def test_a_model_is_described_equally(model: str, side: str, askers: Mapping[str, Asker]) -> None:
    triton, ray = (described(askers[name], model, side) for name in ("triton", "ray"))
    assert triton == ray


def described(asker: Asker, model: str, side: str) -> list[Document]:
    """The tensors of one side, as a server tells them."""
    url = f"{asker.backend.address(model).rest}/v2/models/{model}"
    found: list[Document] = json.loads(urllib3.request("GET", url, retries=False).data)[side]
    return found
