"""Reads the files in the order in which they explain each other, then applies the rules to each and to all."""

from __future__ import annotations

from pathlib import Path

from cmcore_hps.config.checked import Checked
from cmcore_hps.config.dialect import Dialect
from cmcore_hps.config.finding import File, Finding, Findings
from cmcore_hps.config.json_text import Node, parsed
from cmcore_hps.config.key import HIERARCHICAL
from cmcore_hps.config.network_rules import Entry, check_network
from cmcore_hps.config.network_text import NetworkReading, read_network
from cmcore_hps.config.pair_rules import Pair, check_pair, pair_of
from cmcore_hps.config.pbtxt import ModelReading, read_pbtxt
from cmcore_hps.config.reading import MODEL, ServerReading, is_model, read_server
from cmcore_hps.config.server_rules import check_neighbours, check_server
from cmcore_hps.config.text import PBTXT_BYTES_MAX, read
from cmcore_hps.config.triton_rules import check_triton

Source = Path | bytes | None


def examined(ps: Source, pbtxt: Source, network: Source, *, model: str, dialect: Dialect | None) -> Checked:
    """Everything that is wrong, and the values; raises nothing."""
    about = [Findings(label(source, file)) for source, file in zip((ps, pbtxt, network), File, strict=True)]
    of_ps, of_pbtxt, of_network = about
    triton = triton_of(pbtxt, of_pbtxt)
    node = node_of(ps, of_ps)
    reader = dialect or named(triton) or guessed(node, with_network=network is not None)
    if triton:
        check_backend(triton, dialect)
        check_triton(triton, reader)
    server = read_server(node, reader, of_ps, long_keys=long_keys(triton)) if node else None
    layers = layers_of(network, of_network)
    together(server, triton, layers, model)
    typed = server is not None and not server.untyped
    return Checked(
        findings=tuple(finding for findings in about for finding in sorted(findings, key=place)),
        dialect=reader,
        model=model or (triton.model.name if triton else ""),
        parameter_server=server.server if server and typed else None,
        model_config=triton.model if triton else None,
        network=layers.network if layers else None,
    )


def together(
    server: ServerReading | None, triton: ModelReading | None, layers: NetworkReading | None, model: str
) -> None:  # fmt: skip
    """The rules of `ps.json` alone, and of several files."""
    pair = pair_of(server, triton, model)
    if server:
        check_server(server)
    if triton and not pair:
        check_alone(triton)
    if pair and pair.dialect.backend:
        check_pair(pair)
    if layers and (server or triton):
        reader = server.dialect if server else named(triton) or Dialect.HUGECTR
        check_network(layers, entry_of(server, pair), triton, reader)
    if server:
        check_neighbours(server)


def check_alone(triton: ModelReading) -> None:
    """What no other file is needed for, and which is looked at together with `ps.json` where there is one."""
    if named(triton) and not triton.model.instance_group:
        triton.add(
            "E5-instance-group",
            "instance_group",
            "`instance_group` is missing, and the backend requires one",
            "write instance_group [ { count: 1 kind: KIND_GPU gpus: [ 0 ] } ]",
        )


def entry_of(server: ServerReading | None, pair: Pair | None) -> Entry | None:
    """The model that the network belongs to: the pair's, or the only one."""
    if server and pair:
        return Entry(base=pair.base, model=pair.entry, server=server)
    if server and len(server.bases) == 1:
        return Entry(base=server.bases[0], model=server.server.models[0], server=server)
    return None


def check_backend(triton: ModelReading, asked: Dialect | None) -> None:
    """Who is to serve the model."""
    found = triton.model.backend
    if not named(triton):
        triton.add(
            "E5-backend",
            "backend",
            f"the backend is {found[:60]!r}" if found else "no backend is named",
            'write backend: "hps" or backend: "hugectr"',
        )
    elif asked and asked.backend and asked.backend != found:
        triton.add(
            "E5-backend-dialect",
            "backend",
            f"the backend is {found!r}, and the files were to be read as {asked.value}",
            f'write backend: "{asked.backend}", or ask for another dialect',
        )


def label(source: Source, file: File) -> str:
    """What the file is called in findings."""
    return str(source)[:300] if isinstance(source, Path) else file.value


def place(finding: Finding) -> tuple[int, int]:
    """Where a finding is, for their order."""
    return finding.line, finding.column


def triton_of(source: Source, findings: Findings) -> ModelReading | None:
    """The model configuration."""
    text = read(source, findings, most=PBTXT_BYTES_MAX) if source is not None else None
    return read_pbtxt(text, findings) if text else None


def node_of(source: Source, findings: Findings) -> Node | None:
    """The JSON of `ps.json`."""
    text = read(source, findings) if source is not None else None
    found = parsed(text, findings) if text else None
    if found and not found.whole:
        findings.add(
            "E4-json-fragment",
            "",
            "the file has no brackets around it",
            "write `{` before it and `}` behind it; the export does",
            place=found.node.place,
        )
    return found.node if found else None


def layers_of(source: Source, findings: Findings) -> NetworkReading | None:
    """The network."""
    text = read(source, findings) if source is not None else None
    return read_network(text, findings) if text else None


def named(triton: ModelReading | None) -> Dialect | None:
    """The dialect of the backend that a configuration names."""
    found = triton.model.backend if triton else ""
    return next((dialect for dialect in Dialect if dialect.backend and dialect.backend == found), None)


def guessed(node: Node | None, *, with_network: bool) -> Dialect:
    """The dialect that the keys of a file speak for, where nobody says which it is."""
    value = node.value if node else None
    if not isinstance(value, dict):
        return Dialect.LIBRARY
    entries = value.get("models")
    models = entries.value if entries and isinstance(entries.value, list) else [node] if is_model(value) else []
    keys = {key for entry in models if entry and isinstance(entry.value, dict) for key in entry.value}
    hierarchical = {name for name, key in MODEL.items() if key.read == HIERARCHICAL and key.required}
    old = with_network or {"network_file", "dense_file"} <= keys
    return Dialect.HUGECTR if old and not keys & hierarchical else Dialect.LIBRARY


def long_keys(triton: ModelReading | None) -> bool:
    """Whether keys have 64 bits, as far as a configuration tells."""
    return not triton or all(
        tensor.data_type != "TYPE_UINT32" for tensor in triton.model.input if tensor.name == "CATCOLUMN"
    )
