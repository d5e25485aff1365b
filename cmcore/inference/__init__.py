"""The Open Inference Protocol, version 2: datatypes, tensors, interfaces, requests, answers, and a client over HTTP.

https://github.com/kserve/open-inference-protocol. What is served, and by whom, is not known here.
"""

from cmcore.inference.datatype import DataType as DataType
from cmcore.inference.interface import Interface as Interface
from cmcore.inference.request import InferenceRequest as InferenceRequest
from cmcore.inference.request import InferenceResponse as InferenceResponse
from cmcore.inference.tensor import Tensor as Tensor
from cmcore.inference.tensor import TensorSpec as TensorSpec
