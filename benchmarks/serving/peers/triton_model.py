"""The flights model on Triton's Python backend as one writes it by hand. Run by Triton; imports nothing of cmcore."""

from pathlib import Path

import numpy as np
import onnxruntime
import triton_python_backend_utils as pb  # type: ignore[import-not-found] # there is one in Triton's process only


class TritonPythonModel:
    """One session; each request by itself."""

    def initialize(self, arguments: dict[str, str]) -> None:
        """Load the model beside this file."""
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        self.session = onnxruntime.InferenceSession(str(Path(__file__).parent / "model.onnx"), options)
        self.names = [given.name for given in self.session.get_inputs()]
        self.texts = {given.name for given in self.session.get_inputs() if given.type == "tensor(string)"}

    def execute(self, requests: list[object]) -> list[object]:
        """Answer requests one by one."""
        return [self.answer(request) for request in requests]

    def answer(self, request: object) -> object:
        """One answer."""
        feed = {}
        for name in self.names:
            array = pb.get_input_tensor_by_name(request, name).as_numpy().reshape(-1)
            feed[name] = np.array([each.decode() for each in array], dtype=object) if name in self.texts else array
        (found,) = self.session.run(None, feed)
        return pb.InferenceResponse([pb.Tensor("probability", found.astype(np.float32).reshape(-1, 1))])
