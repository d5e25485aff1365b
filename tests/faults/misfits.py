"""Documents that are YAML and fit their models, and still cannot mean anything: only the graph and the code tell.

Each is a valid text with one passage replaced, so that what is wrong is known.
"""

from __future__ import annotations

import random
from dataclasses import dataclass

PIPELINE = """\
kind: Pipeline
name: sample
description: A valid document, to be spoilt.
parameters:
  limit: {type: int, default: 10, ge: 1}
  title: {type: str, default: plain}
nodes:
  raw:
    importer: {uri: data, type: Files}
  load:
    component: load
    with:
      files: ${raw.artifact}
      limit: ${params.limit}
      share: 0.25
  train:
    component: train
    after: [raw]
    with:
      examples: ${load.examples}
      rows: ${load.rows}
      notes: |
        two lines
        of text
    retries: {attempts: 3, backoff_s: 1.5}
    timeout_s: 60
    on_failure: stop
  newest:
    resolver: latest-artifact
    with: {type: Model}
  compare:
    component: compare
    with:
      model: ${train.model}
      other: ${newest.artifact}
      title: "run ${run.id}: ${params.title}"
"""
COMPONENT = """\
kind: Component
name: train
summary: A valid component, to be spoilt.
inputs: {examples: Examples}
parameters:
  rows: {type: int, ge: 0}
  notes: {type: str, default: none}
  rate: {type: float, default: 1e-3}
outputs: {model: Model}
resources: {cpu_cores: 1, memory_mib: 256}
executor: sample_code:train
"""
PROJECT = """\
kind: Project
name: sample
actor: somebody
stack:
  lineage: sqlite:////tmp/sample/metadata.db
  plugins: {deny: [another]}
run:
  workers: 2
  verify: auto
parameters:
  limit: 20
"""
OTHERS = {
    "load.yaml": """\
kind: Component
name: load
inputs: {files: Files}
parameters:
  limit: {type: int}
  share: {type: float, default: 1.0, le: 1}
outputs: {examples: Examples, rows: int}
executor: sample_code:load
""",
    "compare.yaml": """\
kind: Component
name: compare
inputs: {model: Model, other: {type: Model, optional: true}}
parameters: {title: {type: str}}
outputs: {better: bool}
executor: sample_code:compare
""",
    "train.yaml": COMPONENT,
}
CODE = """\
def load(files, examples, limit, share):
    return {"rows": 1}


def train(examples, model, rows, notes, rate):
    pass


def compare(model, other, title):
    return {"better": True}
"""
VALID = (PIPELINE, COMPONENT, PROJECT)


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """A passage of a valid text and what may stand in its place."""

    name: str
    text: str
    passage: str
    instead: tuple[str, ...]

    def spoilt(self, chance: random.Random) -> bytes:
        """The text with the fault."""
        assert self.text.count(self.passage) == 1, self.name
        return self.text.replace(self.passage, chance.choice(self.instead)).encode()


def in_pipeline(name: str, passage: str, *instead: str) -> Fault:
    return Fault(name=name, text=PIPELINE, passage=passage, instead=instead)


def in_component(name: str, passage: str, *instead: str) -> Fault:
    return Fault(name=name, text=COMPONENT, passage=passage, instead=instead)


def in_project(name: str, passage: str, *instead: str) -> Fault:
    return Fault(name=name, text=PROJECT, passage=passage, instead=instead)


FAULTS = (
    in_pipeline("cycle", "limit: ${params.limit}", "limit: ${train.rows}", "limit: ${compare.better}"),
    in_pipeline("cycle-by-order", "    component: load\n", "    component: load\n    after: [compare]\n"),
    in_pipeline("self-edge", "${load.examples}", "${train.model}", "${train.examples}"),
    in_pipeline("self-order", "after: [raw]", "after: [train]"),
    in_pipeline("missing-node", "${raw.artifact}", "${row.artifact}", "${nobody.artifact}", "${raws.artifact}"),
    in_pipeline("missing-output", "${load.examples}", "${load.example}", "${load.nothing}", "${load}", "${load.}"),
    in_pipeline("missing-order", "after: [raw]", "after: [rwa]", "after: [a, b, c]"),
    in_pipeline("wrong-artifact", "${load.examples}", "${raw.artifact}", "${newest.artifact}"),
    in_pipeline("value-for-artifact", "model: ${train.model}", "model: ${load.rows}", "model: 3", "model: [1, 2]"),
    in_pipeline("artifact-for-value", "rows: ${load.rows}", "rows: ${load.examples}"),
    in_pipeline("wrong-value", "share: 0.25", "share: much", "share: [1]", "share: {a: 1}", "share: null"),
    in_pipeline("out-of-bounds", "share: 0.25", "share: 1.5", "share: 1000000"),
    in_pipeline("unknown-argument", "      share: 0.25", "      shares: 0.25", "      x: 1\n      y: 2"),
    in_pipeline("missing-argument", "      examples: ${load.examples}\n", ""),
    in_pipeline("missing-value", "      rows: ${load.rows}\n", ""),
    in_pipeline("unknown-parameter", "${params.limit}", "${params.limits}", "${params.x.y}", "${params}"),
    in_pipeline("unknown-variable", "${params.title}", "${env.CM_NOBODY_HAS_THIS}", "${run.name}", "${other.thing}"),
    in_pipeline("bad-expression", "${params.title}", "${", "${}", "${params.}", "${ params title }", "${a-b!}"),
    in_pipeline("unknown-component", "component: load\n", "component: lode\n", "component: 'x'\n", "component: ''\n"),
    in_pipeline("component-from-nowhere", "component: load\n", "component: nowhere.at_all:x\n", "component: 'a:'\n"),
    in_pipeline("unknown-resolver", "resolver: latest-artifact", "resolver: newest", "resolver: latest-blest-model"),
    in_pipeline("unknown-type", "type: Files}", "type: Fils}", "type: nowhere.at_all:Type}"),
    in_pipeline("two-kinds", "    component: load\n", "    component: load\n    resolver: latest-artifact\n"),
    in_pipeline("no-kind", "    component: load\n", ""),
    in_pipeline("reserved-name", "  newest:\n", "  params:\n", "  env:\n", "  secret:\n"),
    in_pipeline("bad-name", "  newest:\n", "  Newest:\n", "  '../x':\n", "  'a b':\n", f"  {'x' * 64}:\n"),
    in_pipeline("bad-retries", "attempts: 3", "attempts: 0", "attempts: 101", "attempts: many", "attempts: 1.5"),
    in_pipeline("bad-timeout", "timeout_s: 60", "timeout_s: -1", "timeout_s: 0", "timeout_s: soon"),
    in_pipeline("bad-choice", "on_failure: stop", "on_failure: explode", "on_failure: 3", "cache: sometimes"),
    in_pipeline("bad-default", "default: 10", "default: ten", "default: 0", "default: [10]"),
    in_pipeline("bad-type", "{type: str, default: plain}", "{type: string}", "{type: 'list['}", "{type: 3}"),
    in_component("unknown-artifact-type", "examples: Examples", "examples: Example", "examples: no.where:Type"),
    in_component(
        "unknown-parameter-type", "{type: int, ge: 0}", "{type: integer}", "{type: 'int('}", "{type: no.where:T}"
    ),
    in_component("executor-from-nowhere", "sample_code:train", "sample_code:trane", "nowhere:x", "sample_code", "':'"),
    in_component("bad-constraint", "ge: 0", "ge: zero", "pattern: 3", "at_least: 0", "ge: [0]"),
    in_component("component-default", "default: 1e-3", "default: fast", "default: [1]"),
    in_component("bad-resources", "memory_mib: 256", "memory_mib: -1", "memory_mib: lots", "memory: 256"),
    in_component("bad-effect", "executor:", "effect: everything\nexecutor:", "effect: 3\nexecutor:"),
    in_component("no-name", "name: train", "name: 'a b'", "name: ''"),
    in_project("bad-workers", "workers: 2", "workers: -1", "workers: 99999", "workers: two", "workers: 2.5"),
    in_project("bad-verify", "verify: auto", "verify: always", "verify: true", "verify: [auto]"),
    in_project("bad-name", "name: sample", "name: 'a b'", "name: UPPER", f"name: {'x' * 64}", "name: 3"),
    in_project("bad-stack", "deny: [another]", "deny: another", "deny: [1]", "denied: [another]"),
)


def graph_misfits(count: int, seed: int) -> list[tuple[str, bytes]]:
    """`count` such documents, each fault in turn."""
    chance = random.Random(seed)
    return [(FAULTS[at % len(FAULTS)].name, FAULTS[at % len(FAULTS)].spoilt(chance)) for at in range(count)]
