"""Sandbox: a private server like production's, to load a model, ask it and measure it before anybody depends on it.

What follows from a verdict or a measurement is decided elsewhere.
"""

from cmcore.sandbox.calls import Failure as Failure
from cmcore.sandbox.calls import Load as Load
from cmcore.sandbox.load import measure as measure
