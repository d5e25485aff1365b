"""What an endpoint's names mean later: aliases that move, versions of then, protocols that come."""

from __future__ import annotations

import pytest

from cmcore.errors import OutdatedError
from cmcore.serving.document import EnsembleStep
from cmcore.stack.endpoints import apply, follow, pinned
from tests.integration.serving.shop import Shop

pytestmark = pytest.mark.integration


def test_following_an_alias_takes_back_nothing_that_somebody_wanted_meanwhile(own_shop: Shop) -> None:
    own_shop.cm("alias", "scaling@1.0.0", "champion")
    own_shop.cm("deploy", own_shop.document("raced", "scaling@champion"), "--no-wait")
    seen = own_shop.project.endpoints.state("raced")
    own_shop.cm("alias", "scaling@1.0.1", "champion")
    own_shop.cm("deploy", own_shop.document("raced", "scaling@1.0.0"), "--no-wait")
    with pytest.raises(OutdatedError):
        follow(own_shop.project, seen)


def test_a_protocol_more_is_another_deployment_which_is_warmed_up_by_it(own_shop: Shop) -> None:
    own_shop.cm("deploy", own_shop.document("spoken", protocols=["rest"]), "--no-wait")
    own_shop.cm("deploy", own_shop.document("spoken", protocols=["rest", "grpc"]), "--no-wait")
    assert dict(own_shop.project.endpoints.state("spoken").revision.wanted) == {"main": 2}


@pytest.fixture
def chained(own_shop: Shop) -> Shop:
    """An endpoint whose ensemble names an alias, which has moved since."""
    own_shop.cm("alias", "scaling@1.0.0", "champion")
    step = EnsembleStep(model="scaling@champion", inputs={"a": "a", "n": "n"}, outputs={"scaled": "scaled"})
    own_shop.cm(
        "deploy", own_shop.document("chained", inference={"ensemble": [step.model_dump(mode="json")]}), "--no-wait"
    )
    own_shop.cm("alias", "scaling@1.0.1", "champion")
    return own_shop


def test_an_alias_in_an_ensemble_is_followed(chained: Shop) -> None:
    revision = follow(chained.project, chained.project.endpoints.state("chained"))
    assert revision is not None
    assert revision.resolved == {"main": "scaling@1.0.0", "main/0": "scaling@1.0.1"}


def test_going_back_means_the_versions_of_then_in_an_ensemble_too(chained: Shop) -> None:
    earlier = chained.project.endpoints.state("chained").revision
    assert apply(chained.project, pinned(earlier)).resolved == earlier.resolved
