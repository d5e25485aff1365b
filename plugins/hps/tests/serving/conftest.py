"""The model that the tests serve."""

import pytest

from .wdl import Wdl


@pytest.fixture
def wdl() -> Wdl:
    return Wdl(seed=1)
