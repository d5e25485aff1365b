"""Artifact types: typed references to data, with properties; standard types and value artifacts."""

from cmcore.artifacts.artifact import Artifact as Artifact
from cmcore.artifacts.payload import LocalFolder as LocalFolder
from cmcore.artifacts.payload import Payload as Payload
from cmcore.artifacts.standard import Anomalies as Anomalies
from cmcore.artifacts.standard import Blessing as Blessing
from cmcore.artifacts.standard import Evaluation as Evaluation
from cmcore.artifacts.standard import Examples as Examples
from cmcore.artifacts.standard import Files as Files
from cmcore.artifacts.standard import InfraBlessing as InfraBlessing
from cmcore.artifacts.standard import Model as Model
from cmcore.artifacts.standard import Predictions as Predictions
from cmcore.artifacts.standard import PushedModel as PushedModel
from cmcore.artifacts.standard import RegisteredModel as RegisteredModel
from cmcore.artifacts.standard import Schema as Schema
from cmcore.artifacts.standard import Statistics as Statistics
from cmcore.artifacts.standard import TrackedFiles as TrackedFiles
from cmcore.artifacts.standard import TransformGraph as TransformGraph
from cmcore.artifacts.values import Boolean as Boolean
from cmcore.artifacts.values import Bytes as Bytes
from cmcore.artifacts.values import Float as Float
from cmcore.artifacts.values import Integer as Integer
from cmcore.artifacts.values import JsonValueArtifact as JsonValueArtifact
from cmcore.artifacts.values import String as String
from cmcore.artifacts.values import ValueArtifact as ValueArtifact
from cmcore.artifacts.values import has_nan as has_nan
from cmcore.artifacts.values import value_type as value_type
