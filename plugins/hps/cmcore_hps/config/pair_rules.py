"""What `ps.json` and `config.pbtxt` must agree on, field by field; every message names both."""

from __future__ import annotations

from dataclasses import dataclass

from cmcore.document.wording import did_you_mean
from cmcore_hps.config.dialect import Dialect
from cmcore_hps.config.parameter_server import Model
from cmcore_hps.config.pbtxt import ModelReading
from cmcore_hps.config.reading import ServerReading
from cmcore_hps.config.spelling import UpdateSourceType
from cmcore_hps.config.triton_model import InstanceGroup
from cmcore_hps.config.triton_rules import decimal, truth


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """One model in both files: its entry of `models` with the pointer, and its configuration."""

    base: str
    entry: Model
    server: ServerReading
    triton: ModelReading

    @property
    def dialect(self) -> Dialect:
        """Who reads both."""
        return self.server.dialect


def pair_of(server: ServerReading | None, triton: ModelReading | None, model: str) -> Pair | None:
    """The model in both files; where the names do not lead to one, that is found."""
    asked = model or (triton.model.name if triton else "")
    if model and triton and triton.model.name not in ("", model):
        triton.add(
            "E4-model-name",
            "name",
            f"the model is {triton.model.name[:60]!r} here, and {model!r} is to be deployed",
            f'write name: "{model}", or deploy it under its own name',
        )
    if server is None:
        return None
    entries = server.models
    known = [entry.model for base, entry in entries.items() if server.knows(base, "model")]
    named = [base for base, entry in entries.items() if entry.model == asked]
    if asked and not named and known:
        for_one = len(known) == 1
        server.add(
            "E4-model-name",
            f"{server.bases[0]}/model" if for_one else "/models",
            f"no entry of `models` is {asked[:60]!r}; found: {', '.join(map(repr, known[:8]))}",
            f"write an entry for {asked[:60]!r}{did_you_mean(asked, known)}",
        )
    base = named[-1] if named else next(iter(entries)) if len(entries) == 1 else None
    if triton is None or base is None:
        return None
    return Pair(base=base, entry=entries[base], server=server, triton=triton)


def check_pair(pair: Pair) -> None:
    """Every rule of both files."""
    check_batch(pair)
    check_instances(pair)
    if pair.dialect is Dialect.HUGECTR:
        check_key_type(pair)
        check_parameters(pair)
        check_overrides(pair, ("sparse_files", "dense_file"))
    else:
        check_overrides(pair, ("refresh_interval", "refresh_delay"))
        check_updates(pair)


def check_batch(pair: Pair) -> None:
    """`max_batch_size`."""
    if not pair.server.knows(pair.base, "max_batch_size"):
        return
    ours, theirs = pair.entry.max_batch_size, pair.triton.model.max_batch_size
    if ours == theirs or (theirs < 0 and pair.dialect is Dialect.HPS):
        return
    both = f"max_batch_size is {ours} in ps.json and {theirs} in config.pbtxt"
    if pair.dialect is Dialect.HUGECTR:
        pair.server.add(
            "E4-max-batch-equal",
            f"{pair.base}/max_batch_size",
            f"{both}: HugeCTR 3.5 refuses any difference",
            f"write {ours} in both, or {theirs}",
        )
    else:
        pair.server.add(
            "E4-max-batch-overwritten",
            f"{pair.base}/max_batch_size",
            f"{both}: the backend goes by the first, and Triton by the second",
            "write the same in both",
        )


def check_instances(pair: Pair) -> None:
    """`instance_group` against the devices and the pool."""
    groups, reading = pair.triton.model.instance_group, pair.triton
    if not groups:
        reading.add(
            "E5-instance-group",
            "instance_group",
            "`instance_group` is missing, and the backend requires one",
            f"write instance_group [ {{ count: 1 kind: KIND_GPU gpus: {list(pair.entry.deployed_device_list)} }} ]",
        )
    for index, group in enumerate(groups):
        path = f"instance_group[{index}]"
        on_gpu = pair.dialect is Dialect.HUGECTR or pair.entry.gpucache
        if on_gpu:
            check_kind(group, path, reading)
            check_gpus(pair, group, path)
        elif pair.server.knows(pair.base, "deployed_device_list") and 0 not in pair.entry.deployed_device_list:
            reading.add(
                "E5-instance-cpu",
                path,
                f"without `gpucache` instances count as on device 0, and deployed_device_list is "
                f"{list(pair.entry.deployed_device_list[:20])}",
                "add 0 to deployed_device_list",
            )
        check_count(pair, max(group.count, 1), path)


def check_kind(group: InstanceGroup, path: str, reading: ModelReading) -> None:
    """Instances of a model with a cache on GPUs are on GPUs."""
    if group.kind == "KIND_AUTO":
        reading.add("E5-instance-auto", f"{path}.kind", "the instances say no kind", "write kind: KIND_GPU")
    elif group.kind != "KIND_GPU":
        reading.add(
            "E5-instance-kind",
            f"{path}.kind",
            f"the instances are {group.kind}, and the backend asks for KIND_GPU",
            "write kind: KIND_GPU, or for HPS `gpucache: false` in ps.json",
        )


def check_gpus(pair: Pair, group: InstanceGroup, path: str) -> None:
    """The GPUs of instances have a cache."""
    if not group.gpus and group.kind in ("KIND_GPU", "KIND_AUTO"):
        pair.triton.add(
            "E5-instance-open",
            path,
            "the instances name no gpus: Triton puts them on every GPU of the machine",
            f"write gpus: {list(pair.entry.deployed_device_list)}",
        )
    if not pair.server.knows(pair.base, "deployed_device_list"):
        return
    outside = [gpu for gpu in group.gpus if gpu not in pair.entry.deployed_device_list]
    if outside:
        pair.triton.add(
            "E5-instance-gpus",
            f"{path}.gpus",
            f"instances are on the GPUs {outside[:20]}, and deployed_device_list is "
            f"{list(pair.entry.deployed_device_list[:20])}",
            "add them to deployed_device_list, or leave them out here",
        )


def check_count(pair: Pair, count: int, path: str) -> None:
    """Instances have buffers."""
    if not pair.server.knows(pair.base, "num_of_worker_buffer_in_pool"):
        return
    workers = pair.entry.num_of_worker_buffer_in_pool
    both = f"there are {count} instances, and num_of_worker_buffer_in_pool is {workers}"
    if count > workers:
        pair.triton.add("E5-instance-count", f"{path}.count", both, f"write a pool of {2 * count} in ps.json")
    elif 2 * count > workers:
        pair.server.add(
            "E4-workers-advice",
            f"{pair.base}/num_of_worker_buffer_in_pool",
            f"{both}: instances will wait for each other",
            f"write {2 * count}, twice the number of instances",
        )


def check_key_type(pair: Pair) -> None:
    """The type of keys: once in `ps.json`, twice in `config.pbtxt`."""
    if "/supportlonglong" in pair.server.untyped:
        return
    long = pair.server.server.supportlonglong
    wanted = "TYPE_INT64" if long else "TYPE_UINT32"
    for index, tensor in enumerate(pair.triton.model.input):
        if (
            tensor.name == "CATCOLUMN"
            and tensor.data_type in ("TYPE_INT64", "TYPE_UINT32")
            and tensor.data_type != wanted
        ):
            pair.triton.add(
                "E5-key-type",
                f"input[{index}].data_type",
                f"CATCOLUMN is {tensor.data_type} in config.pbtxt, and supportlonglong {str(long).lower()} in ps.json",
                f"write {wanted}, or change supportlonglong",
            )
    told = truth(pair.triton.model.parameters.get("embeddingkey_long_type", ""))
    if told is not None and told != long:
        pair.triton.add(
            "E5-parameter-long-keys",
            "parameters[embeddingkey_long_type]",
            f"embeddingkey_long_type is {str(told).lower()}, and supportlonglong is {str(long).lower()} in ps.json",
            "write the same in both",
        )


def check_parameters(pair: Pair) -> None:
    """The parameters of HugeCTR 3.5 that it compares with `ps.json`."""
    parameters, knows = pair.triton.model.parameters, pair.server.knows
    cached = truth(parameters.get("gpucache", ""))
    if cached is not None and knows(pair.base, "gpucache") and cached != pair.entry.gpucache:
        pair.triton.add(
            "E5-parameter-gpucache",
            "parameters[gpucache]",
            f"gpucache is {str(cached).lower()} in config.pbtxt and {str(pair.entry.gpucache).lower()} in ps.json",
            "write the same in both",
        )
    for name, ours in (("gpucacheper", pair.entry.gpucacheper), ("hit_rate_threshold", pair.entry.hit_rate_threshold)):
        theirs = decimal(parameters.get(name, ""))
        if theirs is None or not knows(pair.base, name) or theirs == ours or not pair.entry.gpucache:
            continue
        both = f"{name} is {theirs:g} in config.pbtxt and {ours:g} in ps.json"
        rule, why = (
            ("E5-parameter-greater", "and may not be greater")
            if theirs > ours
            else ("E5-parameter-overrides", "and goes over it")
        )
        pair.triton.add(rule, f"parameters[{name}]", f"{both}, {why}", "write the same in both")
    if knows(pair.base, "network_file") and (config := parameters.get("config", "")) != pair.entry.network_file:
        pair.triton.add(
            "E5-parameter-config",
            "parameters[config]",
            f"config is {config[:80]!r} in config.pbtxt, and network_file is "
            f"{pair.entry.network_file[:80]!r} in ps.json",
            f'write string_value: "{pair.entry.network_file[:80]}"',
        )


def check_overrides(pair: Pair, names: tuple[str, ...]) -> None:
    """Parameters that go over `ps.json` without being compared."""
    entry = pair.entry
    for name in names:
        text = pair.triton.model.parameters.get(name)
        if text is None or not pair.server.knows(pair.base, name):
            continue
        ours: dict[str, object] = {
            "sparse_files": list(entry.sparse_files), "dense_file": entry.dense_file,
            "refresh_interval": entry.refresh_interval, "refresh_delay": entry.refresh_delay,
        }  # fmt: skip
        theirs: object = (
            decimal(text) if name.startswith("refresh") else text.split(",") if name == "sparse_files" else text
        )
        if theirs is not None and theirs != ours[name]:
            pair.triton.add(
                "E5-parameter-overrides",
                f"parameters[{name}]",
                f"{name} is {text[:80]!r} in config.pbtxt and "
                f"{str(ours[name])[:80]} in ps.json, and the first goes over the second",
                "write the same in both",
            )


def check_updates(pair: Pair) -> None:
    """A new version must not write its files over newer updates."""
    source = pair.server.server.update_source
    if source is None or source.type is not UpdateSourceType.KAFKA_MESSAGE_QUEUE:
        return
    if not truth(pair.triton.model.parameters.get("freeze_sparse", "")):
        pair.triton.add(
            "E5-freeze-sparse",
            "parameters[freeze_sparse]",
            "update_source is Kafka, and freeze_sparse is not true: a new version writes its files over the updates",
            'write parameters { key: "freeze_sparse" value { string_value: "true" } }',
        )
