from __future__ import annotations

import math
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cmcore.errors import UsageError
from cmcore.registry.bump import bumped, next_number
from cmcore.registry.facts import Column, EvaluationFacts, Interface, Measure, Origin, VersionFacts
from cmcore.registry.names import VersionNumber
from cmcore.registry.values import Bump, Level, ModelVersion

OLD, NEW = f"sha256:{'a' * 64}", f"sha256:{'b' * 64}"
INPUTS = {
    "carrier": Column(type="string", domain=("AA", "UA")),
    "delay": Column(type="integer"),
    "wind": Column(type="double", required=False),
}
OUTPUTS = {"probability": Column(type="float")}
TARGET = {"late": Column(type="int", domain=("0", "1"))}
INTERFACE = Interface(inputs=INPUTS, outputs=OUTPUTS, target=TARGET, schema_digest="sha256:5c")
STEPS, DATA = {"gen": "c1 p1", "trainer": "c2 p2"}, {"file:///data": "sha256:d1"}
PARAMETERS = {"trainer.iterations": "200"}
ORIGIN = Origin(run="r1", pipeline="flights", steps=STEPS, parameters=PARAMETERS, data=DATA, environment="e1")
BETTER = Measure(value=0.004, low=0.001, high=0.007, method="paired DeLong")
LESS, OPEN = Measure(value=-0.02, low=-0.03, high=-0.01), Measure(value=0.001, low=-0.002, high=0.004)
MORE = Measure(value=0.02, low=0.01, high=0.03)


def compared(baseline: str = OLD, level: float = 0.95, **differences: Measure) -> EvaluationFacts:
    directions = {"auc": True, "accuracy": True, "log_loss": False}
    return EvaluationFacts(
        baseline=baseline, differences=differences, rows=1000, level=level, higher_is_better=directions
    )


def facts(
    *,
    inputs: dict[str, Column] = INPUTS,
    outputs: dict[str, Column] = OUTPUTS,
    target: dict[str, Column] = TARGET,
    schema: str = "sha256:5c",
    evaluation: EvaluationFacts | None = None,
    origin: Origin = ORIGIN,
    digest: str = NEW,
) -> VersionFacts:
    interface = Interface(inputs=inputs, outputs=outputs, target=target, schema_digest=schema)
    return VersionFacts(digest=digest, interface=interface, evaluation=evaluation, origin=origin)


def version(of: VersionFacts) -> ModelVersion:
    first = Bump(level=Level.FIRST, reason="")
    return ModelVersion(
        model="flights", number=VersionNumber(1, 2, 3), facts=of, bump=first, created_at=0.0, actor="ada"
    )


PREVIOUS = version(facts(digest=OLD))
SAME = "nothing known changed; no gain over 1.2.3 is proven"
NO_GAIN = "no gain over 1.2.3 is proven: no evaluation was given"
GAIN = "auc is better than in 1.2.3 with confidence: +0.004 [+0.001, +0.007]; no other metric is worse"
BREAKS = "callers of 1.2.3 would break"

CASES = {
    "required input added": (
        facts(inputs={**INPUTS, "hour": Column(type="long")}),
        Level.MAJOR, f"{BREAKS}: 'hour' (long) must be sent now",
    ),
    "input type changed": (
        facts(inputs={**INPUTS, "carrier": Column(type="long", domain=("AA", "UA"))}),
        Level.MAJOR, f"{BREAKS}: 'carrier' was string and is long",
    ),
    "input type narrowed": (
        facts(inputs={**INPUTS, "wind": Column(type="float", required=False)}),
        Level.MAJOR, f"{BREAKS}: 'wind' was double and is float",
    ),
    "optional input became required": (
        facts(inputs={**INPUTS, "wind": Column(type="double")}),
        Level.MAJOR, f"{BREAKS}: 'wind' must be sent now",
    ),
    "domain narrowed": (
        facts(inputs={**INPUTS, "carrier": Column(type="string", domain=("UA",))}),
        Level.MAJOR, f"{BREAKS}: 'carrier' no longer takes 'AA'",
    ),
    "domain where there was none": (
        facts(inputs={**INPUTS, "delay": Column(type="integer", domain=("1", "2"))}),
        Level.MAJOR, f"{BREAKS}: 'delay' takes only '1', '2' now",
    ),
    "output removed": (
        facts(outputs={"label": Column(type="long")}),
        Level.MAJOR, f"{BREAKS}: 'probability' is gone",
    ),
    "output type changed": (
        facts(outputs={"probability": Column(type="double")}),
        Level.MAJOR, f"{BREAKS}: 'probability' was float and is double",
    ),
    "signature lost": (
        facts(inputs={}, outputs={}),
        Level.MAJOR, f"{BREAKS}: the new version has no signature",
    ),
    "target renamed": (
        facts(target={"very_late": Column(type="int", domain=("0", "1"))}),
        Level.MAJOR, f"{BREAKS}: the target was 'late' and is 'very_late'",
    ),
    "target type changed": (
        facts(target={"late": Column(type="float", domain=("0", "1"))}),
        Level.MAJOR, f"{BREAKS}: 'late' was int and is float",
    ),
    "class of the target added": (
        facts(target={"late": Column(type="int", domain=("0", "1", "2"))}),
        Level.MAJOR, f"{BREAKS}: 'late' had the classes '0', '1' and has '0', '1', '2'",
    ),
    "two things broken": (
        facts(inputs={**INPUTS, "hour": Column(type="long")}, outputs={"label": Column(type="long")}),
        Level.MAJOR, f"{BREAKS}: 'hour' (long) must be sent now; 'probability' is gone",
    ),
    "broken, though better": (
        facts(outputs={"label": Column(type="long")}, evaluation=compared(auc=BETTER)),
        Level.MAJOR, f"{BREAKS}: 'probability' is gone",
    ),
    "better": (facts(evaluation=compared(auc=BETTER)), Level.MINOR, GAIN),
    "better, and nothing else decided": (
        facts(evaluation=compared(auc=BETTER, accuracy=OPEN, log_loss=LESS)), Level.MINOR, GAIN,
    ),
    "better by the only metric, of which less is better": (
        facts(evaluation=compared(log_loss=LESS)),
        Level.MINOR, "log_loss is better than in 1.2.3 with confidence: -0.02 [-0.03, -0.01]; no other metric is worse",
    ),
    "better, with an input removed, an optional one added and a domain widened": (
        facts(
            inputs={
                "carrier": Column(type="string", domain=("AA", "DL", "UA")), "delay": Column(type="integer"),
                "gust": Column(type="double", required=False),
            },
            evaluation=compared(auc=BETTER),
        ),
        Level.MINOR, GAIN,
    ),
    "better, with wider inputs and one output more": (
        facts(
            inputs={**INPUTS, "delay": Column(type="long", required=False), "carrier": Column(type="string")},
            outputs={**OUTPUTS, "label": Column(type="long")},
            evaluation=compared(auc=BETTER),
        ),
        Level.MINOR, GAIN,
    ),
    "better, while another metric is worse": (
        facts(evaluation=compared(auc=BETTER, log_loss=MORE)),
        Level.PIPELINE, f"{SAME}: log_loss +0.02 [+0.01, +0.03]: worse with confidence",
    ),
    "worse": (
        facts(evaluation=compared(auc=LESS)),
        Level.PIPELINE, f"{SAME}: auc -0.02 [-0.03, -0.01]: worse with confidence",
    ),
    "perhaps better": (
        facts(evaluation=compared(auc=OPEN)),
        Level.PIPELINE, f"{SAME}: auc +0.001 [-0.002, +0.004]: the interval includes 0",
    ),
    "exactly at the border": (
        facts(evaluation=compared(auc=Measure(value=0.1, low=0.0, high=0.2))),
        Level.PIPELINE, f"{SAME}: auc +0.1 [+0, +0.2]: the interval includes 0",
    ),
    "better without bounds": (
        facts(evaluation=compared(auc=Measure(value=0.4))),
        Level.PIPELINE, f"{SAME}: auc +0.4: no interval is known",
    ),
    "better by NaN": (
        facts(evaluation=compared(auc=Measure(value=math.nan, low=0.1, high=0.2))),
        Level.PIPELINE, f"{SAME}: auc +nan [+0.1, +0.2]: no interval is known",
    ),
    "better without end": (
        facts(evaluation=compared(auc=Measure(value=0.1, low=0.05, high=math.inf))),
        Level.PIPELINE, f"{SAME}: auc +0.1 [+0.05, +inf]: no interval is known",
    ),
    "better in an interval without width": (
        facts(evaluation=compared(auc=Measure(value=0.5, low=0.5, high=0.5))),
        Level.PIPELINE, f"{SAME}: auc +0.5 [+0.5, +0.5]: this is no interval around the difference",
    ),
    "better outside of its interval": (
        facts(evaluation=compared(auc=Measure(value=0.5, low=0.1, high=0.2))),
        Level.PIPELINE, f"{SAME}: auc +0.5 [+0.1, +0.2]: this is no interval around the difference",
    ),
    "better with little confidence": (
        facts(evaluation=compared(level=0.8, auc=BETTER)),
        Level.PIPELINE, f"{SAME}: its intervals are at 80 % (paired DeLong)",
    ),
    "another metric changed, in an unknown direction": (
        facts(evaluation=compared(auc=BETTER, latency=MORE)),
        Level.PIPELINE, f"{SAME}: latency +0.02 [+0.01, +0.03]: whether higher is better is not known",
    ),
    "no primary metric": (
        facts(evaluation=compared(accuracy=MORE, log_loss=LESS)),
        Level.PIPELINE,
        f"{SAME}: differences are known of: accuracy, log_loss; name one by the model's property primary_metric",
    ),
    "better than another model": (
        facts(evaluation=compared(baseline="sha256:0123456789abcdef", auc=BETTER)),
        Level.PIPELINE, f"{SAME}: it was compared with sha256:0123456789ab; 1.2.3 is sha256:{'a' * 12}",
    ),
    "compared with nothing": (
        facts(evaluation=compared(baseline="")),
        Level.PIPELINE, f"{SAME}: it was compared with no model",
    ),
    "new data, not evaluated": (
        facts(origin=ORIGIN.model_copy(update={"data": {"file:///data": "sha256:d2"}})),
        Level.PIPELINE, f"data file:///data changed from sha256:d1 to sha256:d2; {NO_GAIN}",
    ),
    "more data, no gain": (
        facts(
            origin=ORIGIN.model_copy(update={"data": {**DATA, "file:///more": "sha256:d2"}}),
            evaluation=compared(auc=OPEN),
        ),
        Level.PIPELINE,
        "data file:///more added; no gain over 1.2.3 is proven: auc +0.001 [-0.002, +0.004]: the interval includes 0",
    ),
    "data no longer used": (
        facts(origin=ORIGIN.model_copy(update={"data": {}})),
        Level.PIPELINE,
        f"data file:///data removed; {NO_GAIN}",
    ),
    "code of a step changed": (
        facts(origin=ORIGIN.model_copy(update={"steps": {**STEPS, "trainer": "c3 p2"}})),
        Level.PIPELINE, f"code of step 'trainer' changed; {NO_GAIN}",
    ),
    "parameters of a step changed": (
        facts(
            origin=ORIGIN.model_copy(
                update={"steps": {**STEPS, "trainer": "c2 p3"}, "parameters": {"trainer.iterations": "400"}}
            )
        ),
        Level.PIPELINE, f"parameters of step 'trainer' changed (iterations from 200 to 400); {NO_GAIN}",
    ),
    "a step added and one removed": (
        facts(origin=ORIGIN.model_copy(update={"steps": {"trainer": "c2 p2", "weights": "c4 p4"}})),
        Level.PIPELINE, f"step 'weights' added; step 'gen' removed; {NO_GAIN}",
    ),
    "environment changed": (
        facts(origin=ORIGIN.model_copy(update={"environment": "e2"})),
        Level.PIPELINE, f"environment changed from e1 to e2; {NO_GAIN}",
    ),
    "made by no recorded run": (facts(origin=Origin()), Level.PIPELINE, f"nothing known changed; {NO_GAIN}"),
}  # fmt: skip


@pytest.mark.parametrize(("new", "level", "reason"), CASES.values(), ids=CASES.keys())
def test_the_level_follows_from_the_evidence(new: VersionFacts, level: Level, reason: str) -> None:
    bump = bumped(PREVIOUS, new)
    assert (bump.level, bump.reason) == (level, reason)


def test_the_first_version_needs_no_evidence() -> None:
    assert bumped(None, facts()) == Bump(level=Level.FIRST, reason="this is the model's first version")


def test_equal_facts_change_nothing() -> None:
    bump = bumped(PREVIOUS, PREVIOUS.facts)
    assert (bump.level, bump.reason) == (Level.PIPELINE, f"nothing known changed; {NO_GAIN}")


def test_a_named_metric_decides_though_auc_is_known() -> None:
    evaluation = compared(auc=OPEN, log_loss=LESS)
    levels = [bumped(PREVIOUS, facts(evaluation=evaluation), metric=metric).level for metric in ("", "log_loss")]
    assert levels == [Level.PIPELINE, Level.MINOR]


def test_a_named_metric_without_a_difference_proves_nothing() -> None:
    assert bumped(PREVIOUS, facts(evaluation=compared(auc=BETTER)), metric="recall").reason == (
        f"{SAME}: no difference of recall is known"
    )


def test_an_unsealed_previous_model_is_no_baseline() -> None:
    nameless = version(facts(digest=""))
    assert bumped(nameless, facts(evaluation=compared(baseline="", auc=BETTER))).level is Level.PIPELINE


def test_whatever_was_looked_at_is_a_finding() -> None:
    bump = bumped(PREVIOUS, facts(evaluation=compared(auc=BETTER, log_loss=LESS)))
    assert [(finding.rule, finding.holds, finding.found) for finding in bump.findings] == [
        ("no required input is added", True, "the same inputs"),
        ("inputs take the types they took", True, "no type changed"),
        ("no optional input becomes required", True, "none"),
        ("inputs take the values they took", True, "no domain changed"),
        ("every output is still given", True, "'probability' (float)"),
        ("outputs have the types they had", True, "no type changed"),
        ("the target is the same", True, "'late' (int)"),
        ("the target has the type it had", True, "no type changed"),
        ("the target has the classes it had", True, "no class changed"),
        ("the model is evaluated", True, "1,000 rows"),
        ("it is compared with 1.2.3 on the same rows", True, f"with sha256:{'a' * 12}"),
        ("its intervals are at 95 % or more", True, "its intervals are at 95 % (paired DeLong)"),
        ("auc is better with confidence", True, "auc +0.004 [+0.001, +0.007]: better with confidence"),
        ("log_loss is not worse with confidence", True, "log_loss -0.02 [-0.03, -0.01]: better with confidence"),
        ("the pipeline has the same steps", True, "no difference"),
        ("the steps have the same code", True, "no difference"),
        ("the steps have the same parameters", True, "no difference"),
        ("the data are the same", True, "no difference"),
        ("the environment is the same", True, "no difference"),
    ]


def test_what_is_not_known_of_the_training_does_not_hold() -> None:
    bump = bumped(PREVIOUS, facts(origin=Origin()))
    assert {(finding.holds, finding.found) for finding in bump.findings[-5:]} == {(False, "not known of both versions")}


def test_a_bump_names_the_version_it_was_compared_with() -> None:
    assert bumped(PREVIOUS, facts()).over == VersionNumber(1, 2, 3)


@pytest.mark.parametrize(
    ("level", "number"),
    [(Level.MAJOR, "2.0.0"), (Level.MINOR, "1.3.0"), (Level.PIPELINE, "1.2.4")],
)
def test_a_level_raises_its_part_and_resets_what_follows(level: Level, number: str) -> None:
    assert str(next_number(VersionNumber(1, 2, 3), level)) == number


@pytest.mark.parametrize("level", Level)
def test_the_first_number_is_1_0_0_whatever_the_level(level: Level) -> None:
    assert str(next_number(None, level)) == "1.0.0"


def test_a_second_version_is_not_the_first() -> None:
    with pytest.raises(UsageError, match=r"a version after 1\.2\.3 cannot be the first"):
        next_number(VersionNumber(1, 2, 3), Level.FIRST)


NUMBERS = st.floats(width=32) | st.sampled_from([0.0, math.nan, math.inf, -math.inf])
MEASURES = st.builds(Measure, value=NUMBERS, low=st.none() | NUMBERS, high=st.none() | NUMBERS)
EVALUATIONS = st.builds(
    EvaluationFacts,
    baseline=st.sampled_from([OLD, NEW, ""]),
    differences=st.dictionaries(st.sampled_from(["auc", "log_loss", "latency"]), MEASURES),
    level=st.sampled_from([0.5, 0.95, 0.99]),
    higher_is_better=st.dictionaries(st.sampled_from(["auc", "log_loss"]), st.booleans()),
)
COLUMNS = st.builds(
    Column, type=st.sampled_from(["", "integer", "long", "double"]), required=st.booleans(),
    domain=st.none() | st.sampled_from([("a",), ("a", "b"), ("b",)]),
)  # fmt: skip
TABLES = st.dictionaries(st.sampled_from(["x", "y", "z"]), COLUMNS)
INTERFACES = st.builds(
    Interface, inputs=TABLES, outputs=TABLES, target=TABLES, schema_digest=st.sampled_from(["", "sha256:5"])
)
ORIGINS = st.builds(
    Origin,
    steps=st.dictionaries(st.sampled_from(["a", "b"]), st.sampled_from(["c p", "c q", "d p"])),
    data=st.dictionaries(st.sampled_from(["u", "v"]), st.sampled_from(["sha256:1", "sha256:2"])),
    environment=st.sampled_from(["", "e", "f"]),
)
FACTS = st.builds(
    VersionFacts,
    digest=st.sampled_from([OLD, NEW]),
    interface=INTERFACES,
    evaluation=st.none() | EVALUATIONS,
    origin=ORIGINS,
)


def proves(measure: Measure, *, higher_is_better: bool) -> bool:
    low, high = (math.nan if bound is None else bound for bound in (measure.low, measure.high))
    good_side = low > 0 if higher_is_better else high < 0
    return good_side and math.isfinite(low) and math.isfinite(high) and low < high


@given(before=FACTS, evaluation=EVALUATIONS)
def test_no_minor_without_an_interval_that_excludes_0_on_the_good_side(
    before: VersionFacts, evaluation: EvaluationFacts
) -> None:
    bump = bumped(version(before), before.model_copy(update={"evaluation": evaluation}))
    shown = [
        proves(evaluation.differences[name], higher_is_better=higher)
        for name, higher in evaluation.higher_is_better.items()
        if name in evaluation.differences
    ]
    assert (bump.level is Level.MINOR) <= (any(shown) and evaluation.baseline == before.digest)


@given(same=FACTS.filter(lambda each: each.evaluation is None or each.evaluation.baseline != each.digest))
def test_a_version_brings_nothing_new_over_itself(same: VersionFacts) -> None:
    bump = bumped(version(same), same)
    assert (bump.level, bump.reason.partition(";")[0]) == (Level.PIPELINE, "nothing known changed")


@given(before=FACTS, after=FACTS)
def test_an_evaluation_never_hides_what_breaks(before: VersionFacts, after: VersionFacts) -> None:
    levels = [
        bumped(version(before), after.model_copy(update={"evaluation": evaluation})).level
        for evaluation in (None, compared(baseline=before.digest, auc=BETTER))
    ]
    assert (levels[0] is Level.MAJOR) == (levels[1] is Level.MAJOR)


@given(before=FACTS, after=FACTS)
def test_a_reason_is_always_given(before: VersionFacts, after: VersionFacts) -> None:
    assert bumped(version(before), after).reason.endswith(": ") is False


def documented() -> list[list[str]]:
    """The rows of the page's table of cases: name, level, evidence."""
    page = (Path(__file__).parents[3] / "docs" / "explanation" / "versions.md").read_text(encoding="utf-8")
    lines = page.partition("\n## The cases\n")[2].partition("\n## ")[0].splitlines()
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines if line.startswith("|")][2:]


def test_the_page_shows_these_cases_and_their_evidence() -> None:
    rows = documented()
    true = [
        [name, level, evidence]
        for name, level, evidence in rows
        if CASES[name][1].upper() == level and evidence in CASES[name][2]
    ]
    assert (true, {name for name, _, _ in rows}) == (rows, set(CASES))
