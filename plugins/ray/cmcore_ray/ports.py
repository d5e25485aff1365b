"""Ports: a block of neighbours for one local cluster, below those that Linux gives to clients."""

from __future__ import annotations

import random
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from cmcore.errors import ServingError

FIRST, LAST, BLOCK, REPLICAS = 20_000, 28_000, 400, 180
PATIENCE_S = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Ports:
    """What a local cluster listens on: `base` begins a block of its own; clients are sent to `http` and `grpc`."""

    base: int
    http: int
    grpc: int

    @property
    def gcs(self) -> int:
        """Where drivers connect."""
        return self.base + 2

    @property
    def metrics(self) -> int:
        """Where the node tells its metrics."""
        return self.base + 3

    @property
    def client(self) -> int:
        """Where Ray's remote client would connect; Ray does not start without."""
        return self.base + 14

    @property
    def inner(self) -> range:
        """For Ray's own processes."""
        return range(self.base + 2, self.base + 15)

    @property
    def claim(self) -> int:
        """Whoever has it may start a cluster in the block."""
        return self.base + 15

    @property
    def replicas(self) -> tuple[range, range]:
        """Where replicas listen, for HTTP and for gRPC."""
        first = self.base + 20
        return range(first, first + REPLICAS), range(first + REPLICAS, first + 2 * REPLICAS)


@contextmanager
def claimed_ports(host: str, http: int | None, grpc: int | None, before: Ports | None) -> Iterator[Ports]:
    """Those of before where they are still free, else others; raises ServingError where somebody has a given one.

    Until the end of the context no other cluster takes the block: it is there for as long as Ray needs to listen.
    """
    for port in (http, grpc):
        if port is not None and not is_free(host, port):
            raise ServingError(f"port {port} of {host} is taken; free it, or give another in the options")
    bases = random.SystemRandom().sample(range(FIRST, LAST, BLOCK), k=(LAST - FIRST) // BLOCK)
    if before and soon_free(block(before.base, http, grpc), host):
        bases.insert(0, before.base)
    for base in bases:
        ports = block(base, http, grpc)
        with socket.socket() as claim:
            if taken(claim, ports.claim) and are_free(ports, host):
                yield ports
                return
    raise ServingError(f"no {BLOCK} neighbouring ports are free between {FIRST} and {LAST}")


def taken(claim: socket.socket, port: int) -> bool:
    """Whether the claim has got the port, which nobody listens at."""
    try:
        claim.bind(("127.0.0.1", port))
    except OSError:
        return False
    return True


def block(base: int, http: int | None, grpc: int | None) -> Ports:
    """The block that begins there, clients sent to the given ports or to its first two."""
    return Ports(base=base, http=http or base, grpc=grpc or base + 1)


def soon_free(ports: Ports, host: str) -> bool:
    """Whether the block is free, or is once what was killed has gone: clients know its addresses."""
    give_up_at = time.monotonic() + PATIENCE_S
    while not are_free(ports, host):
        if time.monotonic() > give_up_at:
            return False
        time.sleep(0.1)
    return True


def are_free(ports: Ports, host: str) -> bool:
    """Whether one could listen at every port of the block that Ray is given."""
    probes = [("0.0.0.0", port) for port in ports.inner]  # noqa: S104 # only looked at, never listened on
    return all(is_free(*probe) for probe in [*probes, (host, ports.http), (host, ports.grpc)])


def is_free(host: str, port: int) -> bool:
    """Whether one could listen there now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True
