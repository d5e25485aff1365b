"""`kind: Endpoint` as it is written: what is left out, and every problem of a wrong one with its path."""

from __future__ import annotations

from textwrap import dedent

import pytest

from cmcore.document.model import load
from cmcore.document.text import parse
from cmcore.errors import DocumentError
from cmcore.serving.document import Autoscaling, Batching, DeploymentConfig, Endpoint, InferenceConfig

LEAST = "kind: Endpoint\nname: tiny\nbackend: triton\nvariants: [{model: flights@champion}]\n"


def loaded(text: str) -> Endpoint:
    """The document that a text is."""
    return load(parse(dedent(text), file="e.yaml"), Endpoint)


def problems(text: str) -> list[str]:
    """What is wrong with a text, without the place in the file."""
    with pytest.raises(DocumentError) as refused:
        loaded(text)
    return [str(problem).partition(": ")[2] for problem in refused.value.problems]


def test_the_least_document_serves_one_version_with_all_the_traffic() -> None:
    endpoint = loaded(LEAST)
    assert (endpoint.main.name, endpoint.main.share, endpoint.main.model) == ("main", 100, "flights@champion")


def test_both_protocols_are_offered_where_none_is_named() -> None:
    assert loaded(LEAST).protocols == ("rest", "grpc")


def test_a_variant_has_the_endpoints_configs() -> None:
    endpoint = loaded(LEAST + "deployment: {cpu_cores: 2}\ninference: {threads: 3}\n")
    main = endpoint.main
    assert (endpoint.deployment_of(main).cpu_cores, endpoint.inference_of(main).threads) == (2, 3)


def test_a_config_of_a_variant_is_instead_of_the_endpoints() -> None:
    endpoint = loaded(
        """\
        kind: Endpoint
        name: tiny
        backend: triton
        deployment: {cpu_cores: 2, memory_mib: 100}
        inference: {threads: 3}
        variants: [{model: a@1.0.0, deployment: {cpu_cores: 4}, inference: {batching: {max_batch_size: 8}}}]
        """
    )
    main = endpoint.main
    assert (endpoint.deployment_of(main), endpoint.inference_of(main)) == (
        DeploymentConfig(cpu_cores=4),
        InferenceConfig(batching=Batching(max_batch_size=8)),
    )


def test_of_several_variants_one_has_all_the_traffic() -> None:
    text = LEAST.replace(
        "[{model: flights@champion}]",
        "[{name: blue, model: a@1.0.0, share: 0}, {name: green, model: a@2.0.0, share: 100}]",
    )
    assert loaded(text).main.name == "green"


@pytest.mark.parametrize(
    ("shares", "told"),
    [
        ((50, 50), "a 50, b 50"),
        ((100, 100), "a 100, b 100"),
        ((0, 0), "a 0, b 0"),
        ((99.5, 0.5), "a 99.5, b 0.5"),
        ((100, 1), "a 100, b 1"),
    ],
)
def test_traffic_cannot_be_split_without_a_gateway(shares: tuple[float, float], told: str) -> None:
    variants = f"[{{name: a, model: m@1.0.0, share: {shares[0]}}}, {{name: b, model: m@2.0.0, share: {shares[1]}}}]"
    found = problems(LEAST.replace("[{model: flights@champion}]", variants))
    assert (len(found), f"shares are {told}: without a gateway nothing can split traffic" in found[0]) == (1, True)


def test_a_variant_that_is_there_twice_is_refused() -> None:
    variants = "[{model: a@1.0.0}, {model: a@2.0.0, share: 0}]"
    assert "variants has 'main' more than once" in problems(LEAST.replace("[{model: flights@champion}]", variants))[0]


@pytest.mark.parametrize(
    ("line", "told", "path"),
    [
        ("draning: {quiet_s: 1}", "did you mean 'draining'?", "$.draning"),
        ("inference: {batchin: {}}", "did you mean 'batching'?", "$.inference.batchin"),
        ("inference: {batching: {max_batchsize: 8}}", "did you mean 'max_batch_size'?", "batching.max_batchsize"),
        ("deployment: {cpu_core: 1}", "did you mean 'cpu_cores'?", "$.deployment.cpu_core"),
        ("deployment: {cpu_cores: 0}", "greater than 0", "$.deployment.cpu_cores"),
        ("deployment: {cpu_cores: two}", "expected a number", "$.deployment.cpu_cores"),
        ("deployment: {devices: []}", "at least 1", "$.deployment.devices"),
        ("deployment: {devices: [cpu, tpu]}", "tpu", "$.deployment.devices[1]"),
        ("deployment: {instances: 1.5}", "", "$.deployment.instances"),
        ("deployment: {autoscaling: {min_instances: 3, max_instances: 2}}", "min_instances 3 is above", "autoscaling"),
        ("protocols: [rest, htp]", "'grpc'", "$.protocols[1]"),
        ("protocols: []", "at least 1", "$.protocols"),
        ("inference: {warm_up: {batch_sizes: [0]}}", "greater than 0", "$.inference.warm_up.batch_sizes[0]"),
        ("inference: {warm_up: {source: guessed}}", "'recorded'", "$.inference.warm_up.source"),
        ("inference: {inputs: [{name: x, datatype: FP31}]}", "FP32", "$.inference.inputs[0].datatype"),
        ("inference: {inputs: [{name: x, datatype: FP32, shape: [-2]}]}", "-1", "$.inference.inputs[0].shape[0]"),
        ("inference: {load_timeout_s: 0}", "greater than 0", "$.inference.load_timeout_s"),
        ("monitoring: {latency_slo_ms: -1}", "greater than 0", "$.monitoring.latency_slo_ms"),
        ("draining: {timeout_s: -1}", "", "$.draining.timeout_s"),
    ],
)  # fmt: skip
def test_a_problem_is_told_with_its_path(line: str, told: str, path: str) -> None:
    found = problems(f"{LEAST}{line}\n")
    assert (len(found), told in found[0], found[0].endswith(path)) == (1, True, True), found


@pytest.mark.parametrize("name", ["Tiny", "tiny_1", "-tiny", "tiny-", "", "t" * 49, "tiny.1", "tiny/1", "tïny"])
def test_a_name_that_no_server_would_take_is_refused(name: str) -> None:
    assert problems(LEAST.replace("name: tiny", f"name: '{name}'"))[0].endswith("@ $.name")


@pytest.mark.parametrize("name", ["t", "7", "tiny", "tiny-1", "t" * 48])
def test_a_name_of_small_letters_digits_and_dashes_is_taken(name: str) -> None:
    assert loaded(LEAST.replace("name: tiny", f"name: '{name}'")).name == name


@pytest.mark.parametrize("left_out", ["name: tiny\n", "backend: triton\n", "variants: [{model: flights@champion}]\n"])
def test_what_must_be_there_is_missed(left_out: str) -> None:
    assert left_out.partition(":")[0] in problems(LEAST.replace(left_out, ""))[0]


def test_an_endpoint_without_variants_is_refused() -> None:
    assert problems(LEAST.replace("[{model: flights@champion}]", "[]"))[0].endswith("@ $.variants")


def test_every_problem_is_told_at_once() -> None:
    text = f"{LEAST}draning: {{}}\nprotocols: [rest, htp]\ndeployment: {{cpu_cores: 0, memory: 1}}\n"
    assert len(problems(text)) == 4


def test_a_document_cannot_be_changed() -> None:
    with pytest.raises(ValueError, match="frozen"):
        loaded(LEAST).deployment.cpu_cores = 2  # type: ignore[misc]  # that it cannot is the claim


def test_autoscaling_between_equal_bounds_is_taken() -> None:
    assert Autoscaling(min_instances=2, max_instances=2).max_instances == 2


def test_the_backends_own_configuration_may_be_a_file_or_a_mapping() -> None:
    by_file = loaded(f"{LEAST}inference: {{server_config: config.pbtxt}}\n").inference.server_config
    by_mapping = loaded(f"{LEAST}inference: {{server_config: {{max_batch_size: 3}}}}\n").inference.server_config
    assert (by_file, by_mapping) == ("config.pbtxt", {"max_batch_size": 3})
