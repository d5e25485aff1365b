"""Which setups are measured, and the cheapest that is good enough."""

from __future__ import annotations

import math
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cmcore.document.model import load
from cmcore.document.text import parse
from cmcore.errors import UsageError
from cmcore.sandbox.choice import Goal, cheapest, cores, fragment, nearest
from cmcore.sandbox.grid import Profile, Reading, Setup, numbers, setups
from cmcore.sandbox.page import Facts, drawings, html, round_ticks, upright
from cmcore.serving.document import (
    Autoscaling,
    Batching,
    DeploymentConfig,
    Endpoint,
    InferenceConfig,
    InstanceGroup,
    WarmUp,
)

HALF_CORE = cores(DeploymentConfig(cpu_cores=0.5))


def reading(
    instances: int, batch: int, *, rps: float, p99: float, at_once: int = 1, failures: dict[str, int] | None = None
) -> Reading:
    return Reading(
        setup=Setup(instances, batch),
        concurrency=at_once,
        requests=100,
        rps=rps,
        p50_ms=p99 / 2,
        p90_ms=p99 / 1.5,
        p99_ms=p99,
        max_ms=p99 * 2,
        failures=failures or {},
    )


SMALL, BATCHED, LARGE = reading(1, 1, rps=90, p99=10), reading(1, 8, rps=300, p99=25), reading(4, 1, rps=350, p99=8)
BROKEN = reading(1, 4, rps=900, p99=5, failures={"timeout": 1})
PROFILE = Profile(readings=(LARGE, SMALL, BROKEN, BATCHED))


def test_every_combination_is_measured_once() -> None:
    assert setups([2, 1, 2], [8, 1]) == (Setup(1, 1), Setup(1, 8), Setup(2, 1), Setup(2, 8))


def test_batches_that_hold_no_request_are_left_out() -> None:
    assert setups([1], [1, 8], rows=4) == (Setup(1, 8),)


@pytest.mark.parametrize(("instances", "batches", "rows"), [([], [1], 1), ([1], [], 1), ([0], [1], 1), ([1], [2], 3)])
def test_setups_that_cannot_be_are_refused(instances: list[int], batches: list[int], rows: int) -> None:
    with pytest.raises(UsageError):
        setups(instances, batches, rows=rows)


@pytest.mark.parametrize("text", ["", "1,,2", "1;2", "0", "-1", "1.5"])
def test_what_is_no_list_of_numbers_is_refused(text: str) -> None:
    with pytest.raises(UsageError):
        numbers(text)


@pytest.mark.parametrize(
    ("goal", "chosen"),
    [
        (Goal(), BATCHED),
        (Goal(p99_ms=12), SMALL),
        (Goal(p99_ms=9), LARGE),
        (Goal(rps=100), BATCHED),
        (Goal(rps=320), LARGE),
        (Goal(p99_ms=20, rps=100), LARGE),
        (Goal(p99_ms=1), None),
        (Goal(rps=400), None),
    ],
)
def test_the_cheapest_setup_that_meets_the_goal_is_chosen(goal: Goal, chosen: Reading | None) -> None:
    assert cheapest(PROFILE, goal, HALF_CORE) == chosen


def test_where_only_a_rate_is_wanted_the_fastest_of_equally_cheap_ones_is_chosen() -> None:
    slow, fast = reading(1, 8, rps=500, p99=50), reading(1, 4, rps=200, p99=5)
    assert cheapest(Profile(readings=(slow, fast)), Goal(rps=100), HALF_CORE) == fast


def test_a_reading_with_a_failed_request_meets_no_goal() -> None:
    assert not Goal().met_by(BROKEN)


def test_a_reading_without_answers_meets_no_goal() -> None:
    assert not Goal().met_by(reading(1, 1, rps=0, p99=math.nan))


def test_the_nearest_is_the_least_far_beyond() -> None:
    assert nearest(PROFILE, Goal(p99_ms=8, rps=340)) == LARGE


@given(
    st.lists(st.tuples(st.integers(1, 8), st.integers(1, 64), st.floats(0.1, 1e4), st.floats(0.01, 1e4)), max_size=20),
    st.floats(0.1, 1e4),
)
def test_nothing_that_meets_the_goal_is_cheaper_than_the_chosen(
    measured: list[tuple[int, int, float, float]], bound: float
) -> None:
    profile = Profile(readings=tuple(reading(it[0], it[1], rps=it[2], p99=it[3]) for it in measured))
    goal = Goal(p99_ms=bound)
    chosen = cheapest(profile, goal, HALF_CORE)
    costs = [HALF_CORE(it.setup) for it in profile.readings if goal.met_by(it)]
    assert (HALF_CORE(chosen.setup) if chosen else None) == min(costs, default=None)


DEPLOYMENT = DeploymentConfig(cpu_cores=2, autoscaling=Autoscaling(max_instances=3))
INFERENCE = InferenceConfig(
    batching=Batching(max_batch_size=64, preferred_batch_sizes=(4, 64), max_delay_us=500),
    instance_groups=(InstanceGroup(count=2),),
    warm_up=WarmUp(batch_sizes=(1, 64)),
    threads=2,
)


@pytest.mark.parametrize("setup", [Setup(1, 1), Setup(3, 8)])
def test_a_fragment_asks_for_the_setup_that_was_measured(setup: Setup) -> None:
    document = "kind: Endpoint\nname: f\nbackend: b\nvariants: [{model: m@1.0.0}]\n"
    endpoint = load(parse(document + fragment(setup, DEPLOYMENT, INFERENCE), file="f.yaml"), Endpoint)
    assert endpoint.deployment == setup.deployment(DEPLOYMENT)
    assert endpoint.inference == setup.inference(INFERENCE)


def test_a_setup_keeps_what_it_does_not_vary() -> None:
    found = Setup(3, 8).inference(INFERENCE)
    assert (found.threads, found.batching.max_delay_us, found.batching.preferred_batch_sizes) == (2, 500, (4,))


def test_a_setup_warms_up_with_batches_that_it_takes() -> None:
    assert Setup(1, 8).inference(INFERENCE).warm_up.batch_sizes == (1,)


FACTS = Facts(title="<b>", where="here", verdict="so", rows=1, seconds=2, now=time.time(), fragment="a: 1\n")


def page(profile: Profile, goal: Goal) -> str:
    return html(profile, FACTS, goal=goal, chosen=cheapest(profile, goal, HALF_CORE), cost=HALF_CORE)


def test_a_page_has_a_row_for_every_reading_and_marks_the_chosen_one() -> None:
    text = page(PROFILE, Goal(p99_ms=12))
    assert (text.count("<tr class"), text.count('<tr class="best"'), text.count("1 timeout")) == (4, 1, 1)


def test_a_page_escapes_what_others_wrote() -> None:
    refused = Profile(readings=PROFILE.readings, refused={Setup(9, 1): "<script>"})
    assert "<script>" not in page(refused, Goal())


def test_the_goal_is_inside_the_picture() -> None:
    (p99, _) = drawings(PROFILE, Goal(p99_ms=1000, rps=2000), None)
    assert p99.good is not None
    assert p99.good.width > 0
    assert p99.good.height > 0


def test_nothing_measured_is_no_picture() -> None:
    assert drawings(Profile(readings=()), Goal(), None) == []


def test_latencies_that_lie_far_apart_are_drawn_on_a_logarithmic_axis() -> None:
    assert (upright([10, 30]).log, upright([10, 300]).log) == (False, True)


def test_a_logarithmic_axis_of_one_decade_has_more_than_one_mark() -> None:
    assert [tick.text for tick in round_ticks(upright([9, 90]))] == ["10", "20", "50"]
