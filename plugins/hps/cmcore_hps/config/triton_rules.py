"""What a `config.pbtxt` must be for the backend that it names, without the other files."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from cmcore.document.wording import did_you_mean
from cmcore_hps.config.dialect import Dialect
from cmcore_hps.config.pbtxt import ModelReading

FLOATS, WHOLE, TRUTH, ANY_TEXT = "a number", "a whole number", "true or false", "a text"


@dataclass(frozen=True, slots=True, kw_only=True)
class Contract:
    """What a backend takes and gives, and the parameters that it reads."""

    inputs: Mapping[str, tuple[str, ...]]
    parameters: Mapping[str, str]


CONTRACTS: Mapping[Dialect, Contract] = {
    Dialect.HUGECTR: Contract(
        inputs={"DES": ("TYPE_FP32",), "CATCOLUMN": ("TYPE_UINT32", "TYPE_INT64"), "ROWINDEX": ("TYPE_INT32",)},
        parameters={
            "config": ANY_TEXT, "slots": WHOLE, "des_feature_num": WHOLE, "cat_feature_num": WHOLE,
            "embedding_vector_size": WHOLE, "max_nnz": WHOLE, "refresh_interval": FLOATS, "refresh_delay": FLOATS,
            "sparse_files": ANY_TEXT, "dense_file": ANY_TEXT, "gpucache": TRUTH, "gpucacheper": FLOATS,
            "hit_rate_threshold": FLOATS, "mixed_precision": TRUTH, "label_dim": WHOLE, "embeddingkey_long_type": TRUTH,
        },
    ),
    Dialect.HPS: Contract(
        inputs={"KEYS": ("TYPE_INT64",), "NUMKEYS": ("TYPE_INT32",)},
        parameters={"refresh_interval": FLOATS, "refresh_delay": FLOATS, "freeze_sparse": TRUTH},
    ),
}  # fmt: skip
TRUTHS = {"true": True, "false": False, "1": True, "0": False}


def check_triton(reading: ModelReading, dialect: Dialect) -> None:
    """Every rule of the file alone."""
    model = reading.model
    if not model.name:
        reading.add(
            "E5-name", "name", "the model has no name", "write `name`, as in ps.json and as its folder is called"
        )
    if model.backend == Dialect.HUGECTR.backend:
        reading.add(
            "E5-backend-deprecated",
            "backend",
            "the backend 'hugectr' has been deprecated since release 23.09",
            "plan to serve the embeddings by 'hps' and the dense part by another backend",
        )
    contract = CONTRACTS.get(dialect)
    if contract is None:
        return
    if model.max_batch_size < 0 and dialect is Dialect.HPS:
        reading.add(
            "E5-max-batch-negative",
            "max_batch_size",
            f"max_batch_size is {model.max_batch_size}",
            "write the one of ps.json",
        )
    check_inputs(reading, contract)
    check_output(reading)
    check_parameters(reading, contract)
    if model.versions != 1:
        served = f"{model.versions} versions" if model.versions else "all versions"
        reading.add(
            "E5-versions",
            "version_policy",
            f"{served} are served at once, and share one embedding cache",
            "serve the newest only, and a version to compare under another name",
        )


def check_inputs(reading: ModelReading, contract: Contract) -> None:
    """The inputs, by name."""
    found = [tensor.name for tensor in reading.model.input]
    if len(found) != len(contract.inputs):
        missing = ", ".join(name for name in contract.inputs if name not in found)
        reading.add(
            "E5-input-count",
            "input",
            f"there are {len(found)} inputs, and the backend takes {len(contract.inputs)}",
            f"write {missing}" if missing else f"leave only {', '.join(contract.inputs)}",
        )
    for index, tensor in enumerate(reading.model.input):
        path = f"input[{index}]"
        types = contract.inputs.get(tensor.name)
        if types is None:
            reading.add(
                "E5-input-name",
                f"{path}.name",
                f"the input {tensor.name[:60]!r} is not known to the backend",
                f"write one of {', '.join(contract.inputs)}{did_you_mean(tensor.name, contract.inputs)}",
            )
        elif tensor.data_type not in types:
            reading.add(
                "E5-input-type",
                f"{path}.data_type",
                f"{tensor.name} is {tensor.data_type}, and the backend reads {' or '.join(types)}",
                f"write {types[-1]}",
            )
        if tensor.name in found[:index]:
            reading.add(
                "E5-input-twice", f"{path}.name", f"the input {tensor.name[:60]!r} stands twice", "write the other one"
            )
        if tensor.dims[:1] != (-1,):
            reading.add(
                "E5-input-dims",
                f"{path}.dims",
                f"{tensor.name[:60]} has dims {list(tensor.dims[:8])}",
                "write dims: [ -1 ]",
            )


def check_output(reading: ModelReading) -> None:
    """The one output."""
    outputs = reading.model.output
    if len(outputs) != 1:
        reading.add(
            "E5-output-count",
            "output",
            f"there are {len(outputs)} outputs, and the backend gives exactly one"
            if outputs
            else "`output` is missing, and the backend gives exactly one",
            'write output [ { name: "OUTPUT0" data_type: TYPE_FP32 dims: [ -1 ] } ]',
        )
    for index, tensor in enumerate(outputs[:1]):
        path = f"output[{index}]"
        if tensor.data_type != "TYPE_FP32":
            reading.add("E5-output-type", f"{path}.data_type", f"the output is {tensor.data_type}", "write TYPE_FP32")
        if tensor.dims[:1] != (-1,):
            reading.add(
                "E5-output-dims", f"{path}.dims", f"the output has dims {list(tensor.dims[:8])}", "write dims: [ -1 ]"
            )


def check_parameters(reading: ModelReading, contract: Contract) -> None:
    """The parameters, which are texts."""
    for name, text in reading.model.parameters.items():
        kind = contract.parameters.get(name)
        path = f"parameters[{name}]"
        if kind is None:
            reading.add(
                "E5-parameter-unknown",
                path,
                f"the backend reads no parameter {name[:60]!r}",
                f"remove it{did_you_mean(name, contract.parameters)}",
            )
        elif not READS[kind](text):
            reading.add(
                "E5-parameter-type",
                path,
                f"the parameter {name} is {text[:60]!r}, and {kind} is read from it",
                f"write {kind}",
            )
    if (categories := whole(reading.model.parameters.get("cat_feature_num", ""))) is not None and categories <= 0:
        reading.add(
            "E5-cat-feature", "parameters[cat_feature_num]", f"cat_feature_num is {categories}", "write at least 1"
        )


def whole(text: str) -> int | None:
    """A whole number of 32 bits; None where the text is none."""
    stripped = text.strip()
    digits = stripped.removeprefix("-").removeprefix("+")
    if not (digits.isascii() and digits.isdigit() and len(digits) <= 10):
        return None
    return int(stripped)


def decimal(text: str) -> float | None:
    """A finite number; None where the text is none."""
    try:
        value = float(text) if len(text) <= 400 else None
    except ValueError:
        return None
    return value if value is not None and abs(value) < float("inf") else None


def truth(text: str) -> bool | None:
    """True or false as the backends read them; None where the text is neither."""
    return TRUTHS.get(text.strip().lower())


READS: Mapping[str, Callable[[str], bool]] = {
    FLOATS: lambda text: decimal(text) is not None,
    WHOLE: lambda text: whole(text) is not None,
    TRUTH: lambda text: truth(text) is not None,
    ANY_TEXT: bool,
}
