"""What a pipeline's document may not say."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from cmcore.pipelines.document import RESERVED, Pipeline


@pytest.mark.parametrize("name", sorted(RESERVED))
def test_a_node_may_not_be_named_like_a_head_of_expressions(name: str) -> None:
    with pytest.raises(ValidationError, match="means something else in expressions"):
        Pipeline.model_validate({"name": "p", "nodes": {name: {"component": "c"}}})
