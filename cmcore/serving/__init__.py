"""Serving: endpoints, what should be served and what is; backends behind one Protocol; the controller that reconciles.

Which version a reference means, and where its bytes are, is handed in.
"""

from cmcore.serving.backend import Address as Address
from cmcore.serving.backend import Capabilities as Capabilities
from cmcore.serving.backend import Placement as Placement
from cmcore.serving.backend import Protocol as Protocol
from cmcore.serving.backend import ServedModel as ServedModel
from cmcore.serving.backend import ServedState as ServedState
from cmcore.serving.backend import ServingBackend as ServingBackend
from cmcore.serving.backend import Traffic as Traffic
from cmcore.serving.document import DeploymentConfig as DeploymentConfig
from cmcore.serving.document import Endpoint as Endpoint
from cmcore.serving.document import InferenceConfig as InferenceConfig
from cmcore.serving.predictor import Predictor as Predictor
