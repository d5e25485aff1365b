"""The flights model as a BentoML service. Run by BentoML in the peers' environment; imports nothing of cmcore."""

import os
from pathlib import Path

import bentoml  # type: ignore[import-not-found] # of the peers' environment
import numpy as np
import onnxruntime

TYPES = {"tensor(string)": object, "tensor(int64)": np.int64, "tensor(double)": np.float64}


@bentoml.service(workers=1)
class Flights:
    """Columns in, probabilities out."""

    def __init__(self) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        self.session = onnxruntime.InferenceSession(str(Path(os.environ["MODEL"]) / "model.onnx"), options)
        self.types = {given.name: TYPES[given.type] for given in self.session.get_inputs()}

    @bentoml.api(route="/predict")  # type: ignore[untyped-decorator] # likewise
    def predict(self, columns: dict[str, list]) -> list[float]:  # type: ignore[type-arg] # BentoML reads the annotation
        """The probability of each row."""
        feed = {name: np.array(columns[name], dtype=kind) for name, kind in self.types.items()}
        found: list[float] = self.session.run(None, feed)[0].tolist()
        return found
