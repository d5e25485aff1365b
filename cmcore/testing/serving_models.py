"""Tiny models in MLflow's layout with their placements, and requests for them. What they compute is `tiny_predictors`'.

Nothing here is imported from a server or from MLflow.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import yaml
from pydantic import JsonValue

from cmcore.inference.datatype import NUMPY, DataType, Scalar
from cmcore.inference.interface import Interface, read_model
from cmcore.inference.request import InferenceRequest
from cmcore.inference.tensor import Tensor, TensorSpec
from cmcore.serving.backend import Flavor, Placement, Step
from cmcore.serving.document import Batching, DeploymentConfig, InferenceConfig

FLAVOR = "tiny"
PREDICTORS = "cmcore.testing.tiny_predictors"
MAX_ROWS = 8
OWNER: Mapping[str, str] = {"project": "contract", "endpoint": "tiny", "number": "1"}
IN_JSON = tuple(kind for kind in DataType if kind is not DataType.FP16)  # the protocol's JSON has no half precision
TINY_HARDWARE = DeploymentConfig(cpu_cores=0.1, memory_mib=64)

Entry = tuple[str, DataType, tuple[int, ...], bool]  # name, datatype, shape of a row, whether it may be missing
SIDES: Mapping[str, tuple[Sequence[Entry], Sequence[Entry]]] = {
    "doubling": ([("x", DataType.FP32, (2,), False)], [("y", DataType.FP32, (2,), False)]),
    "echo": (
        [(kind.lower(), kind, (2,), False) for kind in IN_JSON],
        [(f"same_{kind.lower()}", kind, (2,), False) for kind in IN_JSON],
    ),
    "moody": (
        [
            ("text", DataType.BYTES, (1,), False),
            ("bias", DataType.FP32, (1,), True),
            ("half", DataType.FP16, (1,), True),
        ],
        [("length", DataType.FP32, (1,), False), ("together", DataType.INT64, (1,), False)],
    ),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class TinyModels:
    """Writes models below `folder` and says how they are placed; a subclass may run them otherwise.

    Every placement is that of `owner`. The hardware is little, so that all of them fit on two cores. Requests wait for
    each other where `batching` says so.
    """

    folder: Path
    batching: bool = False
    owner: Mapping[str, str] = field(default_factory=lambda: dict(OWNER))

    def flavor(self, predictor: str) -> Flavor:
        """How one of the predictors `doubling`, `echo` and `moody` is run."""
        return Flavor(name=FLAVOR, factory=f"{PREDICTORS}:{predictor}")

    def doubling(self, name: str, **told: JsonValue) -> Placement:
        """`x` FP32 [rows, 2] comes back doubled as `y`; `told` is for `tiny.json`."""
        return self.placement(name, "doubling", told)

    def echo(self, name: str, **told: JsonValue) -> Placement:
        """One input of two columns for each datatype that JSON has; `fp32` comes back as `same_fp32`."""
        return self.placement(name, "echo", told)

    def moody(self, name: str, **told: JsonValue) -> Placement:
        """How long texts are; see `tiny_predictors.Moody`."""
        return self.placement(name, "moody", told)

    def ensemble(self, name: str) -> Placement:
        """Doubled twice: `x` FP32 [rows, 2] comes back four times as large as `z`."""
        first, second = self.doubling(f"{name}-first"), self.doubling(f"{name}-second")
        x, y = first.interface.inputs[0], first.interface.outputs[0]
        z = TensorSpec(name="z", datatype=y.datatype, shape=y.shape)
        return first.model_copy(
            update={
                "name": name,
                "interface": Interface(inputs=(x,), outputs=(z,)),
                "steps": (
                    Step(placement=first, inputs={"x": "x"}, outputs={"y": "between"}),
                    Step(placement=second, inputs={"x": "between"}, outputs={"y": "z"}),
                ),
            }
        )

    def placement(self, name: str, predictor: str, told: Mapping[str, JsonValue]) -> Placement:
        """The placement of a model of that predictor, whose folder is written."""
        folder = self.folder / name
        folder.mkdir(parents=True, exist_ok=True)
        write_tiny(folder, predictor, told)
        interface = read_model(folder).interface
        assert interface is not None  # `write_tiny` writes a signature
        return Placement(
            name=name,
            folder=folder,
            interface=interface,
            flavor=self.flavor(predictor),
            deployment=TINY_HARDWARE,
            inference=InferenceConfig(batching=Batching(max_batch_size=MAX_ROWS, enabled=self.batching)),
            owner=dict(self.owner),
        )


def write_tiny(folder: Path, predictor: str, told: Mapping[str, JsonValue]) -> None:
    """`MLmodel` with the signature, and `tiny.json` where there is something to tell."""
    inputs, outputs = SIDES[predictor]
    document = {
        "flavors": {FLAVOR: {"predictor": predictor}},
        "signature": {"inputs": signature_of(inputs), "outputs": signature_of(outputs), "params": None},
    }
    (folder / "MLmodel").write_text(yaml.safe_dump(document), encoding="utf-8")
    (folder / "tiny.json").write_text(json.dumps(dict(told)), encoding="utf-8")


def signature_of(entries: Sequence[Entry]) -> str:
    """One side of a signature as MLflow writes it: tensors with rows, as JSON in a string."""
    names = {kind: name for name, kind in NUMPY.items()}
    return json.dumps(
        [
            {
                "name": name,
                "type": "tensor",
                "tensor-spec": {"dtype": names[kind], "shape": [-1, *shape]},
                "required": not optional,
            }
            for name, kind, shape, optional in entries
        ]
    )


def tensor(name: str, kind: DataType, rows: Sequence[Sequence[Scalar]], width: int = 1) -> Tensor:
    """A tensor of rows; `width` is that of a row where there is none."""
    columns = len(rows[0]) if rows else width
    return Tensor(
        name=name, datatype=kind, shape=(len(rows), columns), data=tuple(each for row in rows for each in row)
    )


def to_double(rows: Sequence[Sequence[float]], *, id: str = "") -> InferenceRequest:  # noqa: A002 # the protocol's word
    """A request for `doubling`."""
    return InferenceRequest(inputs=(tensor("x", DataType.FP32, rows, width=2),), id=id)


def to_measure(*texts: str, outputs: Sequence[str] = (), **optional: float) -> InferenceRequest:
    """A request for `moody`; `bias=` and `half=` are the same in every row."""
    kinds = {"bias": DataType.FP32, "half": DataType.FP16}
    given = [tensor(name, kinds[name], [[value]] * len(texts)) for name, value in optional.items()]
    words = tensor("text", DataType.BYTES, [[text] for text in texts])
    return InferenceRequest(inputs=(words, *given), outputs=tuple(outputs))


def to_echo(columns: Mapping[str, Sequence[Scalar]], rows: int = 1) -> InferenceRequest:
    """A request for `echo`: two elements of each datatype that is named, such as `fp32`; the others have zeros or empty
    texts."""
    nothing: dict[DataType, Scalar] = {DataType.BOOL: False, DataType.BYTES: ""}
    inputs = [(kind, columns.get(kind.lower(), [nothing.get(kind, 0)] * 2)) for kind in IN_JSON]
    return InferenceRequest(inputs=tuple(tensor(kind.lower(), kind, [row] * rows) for kind, row in inputs))
