"""Control: the process that talks to Ray for a backend, a line of JSON per call.

It is one of its own, because Ray can have one cluster per process, reads its settings when it is imported, and ends
the process when its cluster is gone for long.

Run as `python -m cmcore_ray.control`; ends when its standard input does.
"""

from __future__ import annotations

import json
import logging
import os
import queue
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TextIO, cast

from pydantic import JsonValue

from cmcore_ray import servicer
from cmcore_ray.deployment import DEPLOYMENT
from cmcore_ray.tally import NAME, NAMESPACE, TELL_S, Tally, tally_actor

Answer = JsonValue
FORGET_S = 10.0


def connect(address: str) -> Answer:
    """Join the cluster."""
    import ray

    ray.init(address=address, namespace=NAMESPACE, log_to_driver=False, logging_level=logging.ERROR)
    return ray.__version__


def serve(host: str, http: int, grpc: int) -> Answer:
    """Have Serve, its door and the tally; those that are there stay as they are."""
    import ray
    from ray import serve

    from cmcore_ray.door import Door

    serve.start(
        proxy_location="HeadOnly",
        http_options={"host": host, "port": http},
        grpc_options={"port": grpc, "grpc_servicer_functions": ["cmcore_ray.servicer.add_to_server"]},
    )
    lasting = {"name": NAME, "namespace": NAMESPACE, "lifetime": "detached", "get_if_exists": True}
    ray.remote(Tally).options(**lasting, num_cpus=0, max_restarts=-1).remote()
    if servicer.DOOR not in serve.status().applications:
        options: dict[str, JsonValue] = {"name": "door", "ray_actor_options": {"num_cpus": 0}}
        run(serve.ingress()(Door), servicer.DOOR, "/v2", {**options, "max_ongoing_requests": 1000}, [host, http])
    return None


def deploy(name: str, options: dict[str, JsonValue], arguments: list[JsonValue]) -> Answer:
    """Have an application made, without waiting for it."""
    from ray import serve

    from cmcore_ray.replica import ModelReplica

    run(serve.ingress()(ModelReplica), name, f"/v2/models/{name}", options, arguments)
    return None


def gather(name: str, options: dict[str, JsonValue], arguments: list[JsonValue]) -> Answer:
    """Have a pool, without waiting for it; one that is there stays as it is."""
    from ray import serve

    from cmcore_ray.members import PoolReplica

    if name not in serve.status().applications:
        run(PoolReplica, name, None, options, arguments)
    return None


def run(
    kind: object, name: str, prefix: str | None, options: dict[str, JsonValue], arguments: Sequence[JsonValue]
) -> None:
    """Have an application of one deployment."""
    from ray import serve

    deployment = cast("Any", serve.deployment(cast("Any", kind)))
    target = serve.RunTarget(deployment.options(**options).bind(*arguments), name=name, route_prefix=prefix)
    serve.run_many([target], wait_for_ingress_deployment_creation=False, wait_for_applications_running=False)


def delete(name: str) -> Answer:
    """Have an application taken away, without waiting for it; nothing where there is none."""
    from ray import serve

    serve.delete(name, _blocking=False)
    return None


def forget(name: str, pool: str) -> Answer:
    """Its counts, and its place in a pool; the last one takes the pool with it."""
    from ray import serve

    found = serve.status().applications
    if pool in found and any(pool in app.deployments for app in found.values()):
        serve.get_deployment_handle(DEPLOYMENT, app_name=pool).broadcast("forget", name).results(timeout_s=FORGET_S)
    elif pool in found:
        serve.delete(pool, _blocking=False)
    tally_actor().forget.remote(name)
    return None


def status() -> Answer:
    """How each application stands, and why."""
    from ray import serve

    found = serve.status().applications
    return {
        name: {
            "state": app.status.value,
            "why": "\n".join([app.message, *(each.message for each in app.deployments.values())]).strip(),
            "pool": next((each for each in app.deployments if each.startswith(servicer.POOLS)), ""),
        }
        for name, app in found.items()
    }


def totals() -> Answer:
    """What each model has had, at the least all that was answered before this call."""
    import ray

    time.sleep(2 * TELL_S)
    return cast(Answer, ray.get(tally_actor().totals.remote(), timeout=10))


def resources() -> Answer:
    """What the cluster has, and what of it is free."""
    import ray

    return {"all": ray.cluster_resources(), "free": ray.available_resources()}  # type: ignore[no-untyped-call] # Ray's


def exporters() -> Answer:
    """Where nodes tell their metrics."""
    import ray

    alive = [node for node in ray.nodes() if node["Alive"]]  # type: ignore[no-untyped-call] # Ray's
    return [f"{node['NodeManagerAddress']}:{node['MetricsExportPort']}" for node in alive]


CALLS: Mapping[str, Callable[..., Answer]] = {
    call.__name__: call
    for call in (connect, serve, gather, deploy, delete, forget, status, totals, resources, exporters)
}


def answer_to(line: str) -> dict[str, Answer]:
    """What came of a call."""
    asked = json.loads(line)
    try:
        return {"given": CALLS[asked["call"]](**asked["with"])}
    except Exception as error:  # noqa: BLE001 # whatever Ray raises is told to the backend
        return {"error": f"{type(error).__name__}: {error}"}


def work(calls: queue.SimpleQueue[str], out: TextIO) -> None:
    """Answer one call after the other."""
    while True:
        out.write(json.dumps(answer_to(calls.get())) + "\n")
        out.flush()


def main() -> None:
    """Standard output is for answers alone: whatever else is printed goes to standard error."""
    out = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    calls: queue.SimpleQueue[str] = queue.SimpleQueue()
    threading.Thread(target=listen, args=(calls,), daemon=True).start()
    work(calls, out)


def listen(calls: queue.SimpleQueue[str]) -> None:
    """Read calls; where the backend's process has gone, go too, whatever Ray is doing."""
    for line in sys.stdin:
        calls.put(line)
    os._exit(0)


if __name__ == "__main__":
    main()
