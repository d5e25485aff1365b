"""Clients that use one registry at once, each a process with a database connection of its own. Prints what each did.

    python clients.py URL CLIENTS ROUNDS

In every round each client registers a version of its own and one that all of them register, approves, describes, and
then all of them try to promote over the same generation.
"""

from __future__ import annotations

import json
import multiprocessing
import sys
import time
from multiprocessing.queues import Queue
from multiprocessing.synchronize import Barrier
from typing import Any

from cmcore.errors import OutdatedError
from cmcore.registry.facts import EvaluationFacts, Measure, VersionFacts
from cmcore.registry.gates import Evidence
from cmcore.registry.names import Reference
from cmcore.registry.store import Registry
from cmcore.registry.tables import REGISTRY_BRANCH
from cmcore.registry.values import Level, Verdict
from cmcore.state.database import StateDatabase
from cmcore.state.migration import STATE_BRANCH

MODEL, ENVIRONMENT = "flights", "production"
LEVELS = [None, None, None, Level.MINOR, Level.MAJOR]
PATIENCE_S = 120


def facts(number: int) -> VersionFacts:
    """Facts of a blessed model whose bytes are told apart by a number."""
    evaluation = EvaluationFacts(metrics={"auc": Measure(value=0.5 + number % 100 / 300)})
    return VersionFacts(digest=f"sha256:{number:064x}", uri=f"file:///m/{number}", blessed=True, evaluation=evaluation)


def own_number(client: int, turn: int) -> int:
    """What tells a client's models from everybody's."""
    return 1_000_000 + 1000 * turn + client


def use(url: str, client: int, rounds: int, barrier: Barrier, said: Queue[Any]) -> None:
    """What one client does, and what came of it."""
    database = StateDatabase.open(url, branches=[STATE_BRANCH, REGISTRY_BRANCH])
    registry = Registry(database, actor=f"client-{client}")
    done: dict[str, Any] = {"client": client, "created": 0, "shared_created": 0, "promotions": []}
    try:
        for turn in range(rounds):
            barrier.wait(PATIENCE_S)
            level = LEVELS[client % len(LEVELS)]
            made = registry.register(MODEL, facts(own_number(client, turn)), level=level, reason="so it was agreed")
            done["created"] += made.created
            done["shared_created"] += registry.register(MODEL, facts(turn)).created
            registry.note(Reference(model=MODEL), f"{client} in turn {turn}")
            barrier.wait(PATIENCE_S)
            neighbour = registry.register(MODEL, facts(own_number(client - 1 if client else barrier.parties - 1, turn)))
            other = Reference(model=MODEL, version=neighbour.version.number)
            registry.describe(other, {"turn": turn, "seen_by": client})
            registry.approve(other, ENVIRONMENT, Verdict.APPROVED, "a neighbour looked")
            before = registry.alias(MODEL, ENVIRONMENT)
            seen = before.generation if before else 0
            barrier.wait(PATIENCE_S)
            done["promotions"].append(promotion(registry, other, neighbour.version.facts, seen))
    except BaseException as error:
        done["error"] = repr(error)
        barrier.abort()
    said.put(done)
    database.close()


def promotion(registry: Registry, version: Reference, known: VersionFacts, seen: int) -> dict[str, Any]:
    """One try, and how it ended."""
    try:
        evidence = Evidence(facts=known, scan_reasons=(), objections=())
        alias = registry.promote(version, ENVIRONMENT, over=seen, evidence=evidence)
    except OutdatedError as error:
        return {"over": seen, "won": False, "said": str(error)}
    return {"over": seen, "won": True, "generation": alias.generation, "version": str(alias.version)}


def main(url: str, clients: int, rounds: int) -> None:
    """Start all of them, and print what they did, a line each."""
    fork = multiprocessing.get_context("fork")  # so that 50 processes cost no more than their work
    barrier, said = fork.Barrier(clients), fork.Queue()
    StateDatabase.open(url, branches=[STATE_BRANCH, REGISTRY_BRANCH]).close()
    began = time.monotonic()
    processes = [fork.Process(target=use, args=(url, client, rounds, barrier, said)) for client in range(clients)]
    for process in processes:
        process.start()
    done = [said.get(timeout=10 * PATIENCE_S) for _ in processes]
    for process in processes:
        process.join()
    print(json.dumps({"seconds": time.monotonic() - began, "clients": sorted(done, key=lambda each: each["client"])}))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
