"""The network of a ranking model before it is served: its layers as plain JSON, and a trial with vectors of zeros."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import cast

import numpy as np
from numpy.typing import NDArray
from pydantic import JsonValue

from cmcore.errors import UsageError
from cmcore_hps.config.finding import Findings
from cmcore_hps.config.json_text import parsed, plain
from cmcore_hps.config.text import read
from cmcore_hps.serving.predictor import Network, Table

Weights = Mapping[str, NDArray[np.generic]]
TRIAL_SAMPLES = 2


class _Zeros:
    """A table that has zeros for every key."""

    def __init__(self, width: int) -> None:
        self.width = width

    def lookup(self, keys: NDArray[np.int64]) -> NDArray[np.float32]:
        """Zeros [n, width]."""
        return np.zeros((len(keys), self.width), np.float32)


def layers_of(file: Path) -> list[dict[str, JsonValue]]:
    """The layers of a network file, a fragment too; raises UsageError where it has none."""
    findings = Findings(str(file))
    text = read(file, findings)
    reading = parsed(text, findings, fragment=True) if text is not None else None
    document = plain(reading.node) if reading is not None else None
    layers = document.get("layers") if isinstance(document, dict) else None
    if not isinstance(layers, list) or not layers or not all(isinstance(layer, dict) for layer in layers):
        raise UsageError(f'{file} has no layers; write {{"layers": [...]}} as HugeCTR\'s graph_to_json does')
    return cast("list[dict[str, JsonValue]]", layers)


def weights_of(file: Path) -> bytes:
    """The bytes of a dense file, which is an .npz with the arrays LAYER.weight and LAYER.bias; raises UsageError."""
    try:
        content = file.read_bytes()
    except OSError as error:
        raise UsageError(f"the dense file {file} cannot be read: {error.strerror}") from error
    arrays(content, file)
    return content


def arrays(content: bytes, file: Path) -> Weights:
    """The arrays in it; raises UsageError."""
    try:
        loaded = np.load(io.BytesIO(content), allow_pickle=False)
        return dict(loaded) if isinstance(loaded, np.lib.npyio.NpzFile) else _refuse(file, "it holds one array")
    except (ValueError, OSError, EOFError, zipfile.BadZipFile) as error:
        return _refuse(file, str(error))


def _refuse(file: Path, why: str) -> Weights:
    raise UsageError(
        f"the dense file {file} is no .npz with the arrays LAYER.weight [inputs, outputs] and LAYER.bias [outputs]: "
        f"{why}. HugeCTR's own dense file is raw numbers without names: convert it with numpy.savez"
    )


def example(network: Network) -> dict[str, JsonValue]:
    """A request of one sample with the key 0 in every slot, as MLflow's `input_example.json` in split orientation.

    A made-up one could not be answered: its tensors would not agree.
    """
    offsets: list[JsonValue] = [offset for slots in network.slots for offset in range(slots + 1)]
    keys: list[JsonValue] = [0] * sum(network.slots)
    dense: list[JsonValue] = [0.0] * network.numbers
    return {"columns": ["DES", "CATCOLUMN", "ROWINDEX"], "data": [[dense, keys, offsets]]}


def trial(layers: Sequence[Mapping[str, JsonValue]], weights: Weights, widths: Sequence[int]) -> Network:
    """The network, computed once, so that what does not fit together is found before anything is stored.

    Raises UsageError naming the layer.
    """
    try:
        network = Network(layers, weights)
        _refuse_widths(network.widths, list(widths))
        dense = np.zeros(TRIAL_SAMPLES * network.numbers, np.float32)
        offsets = [np.arange(TRIAL_SAMPLES * slots + 1) for slots in network.slots]
        keys = np.zeros(sum(int(own[-1]) for own in offsets), np.int64)
        tables = cast("list[Table]", [_Zeros(width) for width in widths])
        answer = network.forward(dense, keys, np.concatenate(offsets), tables)
    except (ValueError, KeyError, TypeError, AttributeError, IndexError) as error:
        told = f"lacks {error}" if isinstance(error, KeyError) else str(error)
        raise UsageError(f"the network cannot be computed: {told}") from error
    if answer.size % TRIAL_SAMPLES or not np.isfinite(answer).all():
        raise UsageError(f"the network gives {answer.size} numbers for {TRIAL_SAMPLES} samples, or numbers without end")
    return network


def _refuse_widths(network: list[int], tables: list[int]) -> None:
    if network != tables:
        raise ValueError(f"its embeddings have vectors of {network} numbers, the tables of {tables}")
