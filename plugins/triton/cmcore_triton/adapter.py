"""What Triton's Python backend runs: a predictor behind a model. This file is copied to the server as `model.py`.

It imports NumPy and Triton's own module only; beside it lie `predictor.py`, `settings.json` and the model's files in
`payload/`. Requests that came together are one call where their shapes agree, and are tried one by one where it fails.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Collection, Mapping, Sequence
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import triton_python_backend_utils as pb  # type: ignore[import-not-found]  # there is one in Triton's process only

if TYPE_CHECKING:
    from typing import Protocol

    Array = np.ndarray[tuple[int, ...], np.dtype[np.generic]]
    Arrays = Mapping[str, Array]
    Outcome = Arrays | str  # the text says why there is no answer

    class Predictor(Protocol):
        """What computes the answers."""

        def predict(self, inputs: Arrays) -> Arrays:
            """The outputs by name."""
            ...


HERE = Path(__file__).resolve().parent


class Refused(str):
    """Why there is no answer, where the caller is to blame."""

    __slots__ = ()


FAILED, FAILED_HELP = "cmcore_failed_requests", "Requests that the model answered with an error since it was loaded"


def loaded(factory: str, settings: Mapping[str, object]) -> Predictor:
    """The predictor of this folder."""
    spec = spec_from_file_location("cmcore_predictor", HERE / "predictor.py")
    assert spec is not None  # the file has an ending that Python knows
    assert spec.loader is not None
    module = sys.modules[spec.name] = module_from_spec(spec)  # dataclasses look their own module up
    spec.loader.exec_module(module)
    predictor: Predictor = vars(module)[factory](HERE / "payload", settings)
    return predictor


class TritonPythonModel:
    """One instance of the model; Triton calls it from one thread."""

    def initialize(self, args: Mapping[str, str]) -> None:
        """Load the predictor; what it raises is the reason why the model is not served."""
        settings = json.loads((HERE / "settings.json").read_text(encoding="utf-8"))
        told = settings["predictor"]
        self.outputs, self.batched = [each["name"] for each in told["outputs"]], told["batched"]
        self.ranks = {each["name"]: len(each["shape"]) + self.batched for each in told["inputs"]}
        self.shapes = {each["name"]: each["shape"] for each in told["outputs"]}
        os.environ["OMP_NUM_THREADS"] = str(told["threads"])  # before the libraries of the model read it
        self.predictor = loaded(settings["factory"], told)
        # Triton 2.51 counts a request that is answered with an error among the successes
        self.family = pb.MetricFamily(name=FAILED, description=FAILED_HELP, kind=pb.MetricFamily.GAUGE)
        self.failed = self.family.Metric(labels={"model": args["model_name"], "version": args["model_version"]})
        self.failed.set(0)  # what the model had before it was loaded again, which a counter would keep
        self.exported = Exported(self.predictor, args["model_name"], args["model_instance_name"])

    def execute(self, requests: Sequence[pb.InferenceRequest]) -> list[pb.InferenceResponse]:
        """One response for each request, in their order."""
        asked = [{tensor.name(): tensor.as_numpy() for tensor in request.inputs()} for request in requests]
        found: dict[int, Outcome] = {}
        for indices in self.alike(asked):
            found |= zip(indices, self.answers([asked[index] for index in indices]), strict=True)
        try:
            self.exported.tell()
        except Exception as error:  # noqa: BLE001 # numbers that cannot be had are no reason to lose the answers
            pb.Logger.log_warn(f"metrics() of the predictor failed: {told(error)}")
        return [self.response(found[index], each.requested_output_names()) for index, each in enumerate(requests)]

    def alike(self, asked: Sequence[Arrays]) -> list[list[int]]:
        """Numbers of requests that can be one call."""
        if len(asked) == 1:
            return [[0]]
        groups: dict[object, list[int]] = {}
        for index, inputs in enumerate(asked):
            kind = tuple(sorted((name, array.dtype.char, array.shape[1:]) for name, array in inputs.items()))
            groups.setdefault(kind if self.batched and kind else index, []).append(index)
        return list(groups.values())

    def answers(self, asked: Sequence[Arrays]) -> list[Outcome]:
        """What becomes of each request: one call for all of them, if it can be."""
        together = self.together(asked) if len(asked) > 1 else None
        return [self.answer(inputs) for inputs in asked] if together is None else together

    def together(self, asked: Sequence[Arrays]) -> list[Outcome] | None:
        """The outputs of all requests by one call; None where that does not work, whoever of them is to blame."""
        ends = np.cumsum([len(next(iter(inputs.values()))) for inputs in asked])
        outputs = self.answer({name: np.concatenate([inputs[name] for inputs in asked]) for name in asked[0]})
        if isinstance(outputs, str) or any(array.shape[:1] != (ends[-1],) for array in outputs.values()):
            return None
        starts = [0, *ends[:-1]]
        return [
            {name: array[start:end] for name, array in outputs.items()} for start, end in zip(starts, ends, strict=True)
        ]

    def answer(self, inputs: Arrays) -> Outcome:
        """The outputs as arrays, or the text of what was raised.

        Triton 2.51 counts rows in 32 bits: where they are 0 there, it checks nothing and gives tensors without rows.
        """
        if odd := [name for name, array in inputs.items() if array.ndim != self.ranks.get(name)]:
            return Refused(f"input {odd[0]!r} has more rows than can be counted")
        try:
            outputs = {name: np.asarray(value) for name, value in self.predictor.predict(inputs).items()}
        except (Exception, SystemExit) as error:  # noqa: BLE001 # a request that fails must not end the process
            return told(error)
        rows = [len(array) for array in inputs.values()][:1] if self.batched else []
        return self.broken_promise(outputs, rows) or outputs

    def broken_promise(self, outputs: Arrays, rows: list[int]) -> str:
        """Which output has another shape than is promised; empty where none has. Triton 2.51 passes them on."""
        for name, array in outputs.items():
            asked = [*rows, *self.shapes.get(name, [])]
            fits = len(asked) == array.ndim and all(map(lambda want, has: want in (-1, has), asked, array.shape))
            if name in self.shapes and not fits:
                return f"the model gave the shape {list(array.shape)} as {name!r}, and promises {asked}"
        return ""

    def response(self, answer: Outcome, wanted: Collection[str]) -> pb.InferenceResponse:
        """What Triton sends back."""
        if isinstance(answer, str):
            return self.failure(answer)
        names = [name for name in self.outputs if not wanted or name in wanted]
        if missing := [name for name in names if name not in answer]:
            return self.failure(f"the model gave no {missing[0]!r}; it gave {', '.join(answer) or 'nothing'}")
        try:
            return pb.InferenceResponse([tensor(name, answer[name]) for name in names])
        except Exception as error:  # noqa: BLE001 # an answer that is no tensor must not end the process
            return self.failure(told(error))

    def failure(self, text: str) -> pb.InferenceResponse:
        """A response that says what went wrong with one request."""
        self.failed.increment(1)
        code = pb.TritonError.INVALID_ARG if isinstance(text, Refused) else pb.TritonError.INTERNAL
        return pb.InferenceResponse(output_tensors=[], error=pb.TritonError(text, code))


class Exported:
    """The numbers of a predictor that has `metrics()`, in Triton's own metrics; names in `_total` are counters."""

    def __init__(self, predictor: Predictor, model: str, instance: str) -> None:
        self.numbers: Callable[[], Mapping[str, float]] = getattr(predictor, "metrics", dict)
        self.labels = {"model": model, "instance": instance}
        self.shown: dict[str, Shown] = {}
        self.tell()

    def tell(self) -> None:
        """Bring them up to date."""
        for name, value in self.numbers().items():
            if name not in self.shown:
                self.shown[name] = Shown(name, self.labels)
            self.shown[name].tell(value)


class Shown:
    """One number in Triton's metrics; the family has to live as long as the metric."""

    def __init__(self, name: str, labels: Mapping[str, str]) -> None:
        self.counts, self.last = name.endswith("_total"), 0.0
        kind = pb.MetricFamily.COUNTER if self.counts else pb.MetricFamily.GAUGE
        self.family = pb.MetricFamily(name=name, description=name.replace("_", " "), kind=kind)
        self.metric = self.family.Metric(labels=dict(labels))

    def tell(self, value: float) -> None:
        """What it is now; a counter is given what has come since."""
        if not self.counts:
            self.metric.set(value)
        elif value > self.last:
            self.metric.increment(value - self.last)
        self.last = value


def tensor(name: str, array: Array) -> pb.Tensor:
    """One output; texts become bytes. Raises TypeError for an element that no tensor can have."""
    if array.dtype.kind not in "OUS":
        return pb.Tensor(name, np.ascontiguousarray(array))
    texts = np.empty(array.size, dtype=np.object_)
    texts[:] = [text_bytes(name, each) for each in array.ravel().tolist()]
    return pb.Tensor(name, texts.reshape(array.shape))


def text_bytes(name: str, value: object) -> bytes:
    """An element of a tensor of texts."""
    if isinstance(value, bytes):
        return value
    if not isinstance(value, str):
        raise TypeError(f"output {name!r} has an element that is no text: {value!r}")
    return value.encode()


def told(error: BaseException) -> str:
    """What the caller is told of an exception."""
    return f"{type(error).__name__}: {error}"
