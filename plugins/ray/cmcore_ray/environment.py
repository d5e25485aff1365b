"""The environment variables that a cluster, and every process that talks to it, is started with. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from cmcore_ray.ports import Ports

DRAINING_S = 2.0  # what HAProxy needs to hear of a replica that goes, with room to spare


def quiet(haproxy: bool) -> dict[str, str]:
    """What holds for every process: no usage reports, one event loop per replica (much faster), little output."""
    return {
        "RAY_USAGE_STATS_ENABLED": "0",
        "RAY_SERVE_ENABLE_HA_PROXY": "1" if haproxy else "0",
        "RAY_SERVE_RUN_USER_CODE_IN_SEPARATE_THREAD": "0",
        "RAY_SERVE_RUN_ROUTER_IN_SEPARATE_LOOP": "0",
        "RAY_SERVE_LOG_TO_STDERR": "0",
        "RAY_SERVE_DIRECT_INGRESS_MIN_DRAINING_PERIOD_S": f"{DRAINING_S:g}",
        "RAY_SERVE_REPLICA_AUTOSCALING_METRIC_PUSH_INTERVAL_S": "1",
        "RAY_SERVE_HANDLE_AUTOSCALING_METRIC_PUSH_INTERVAL_S": "1",
        "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
    }


def of_control() -> dict[str, str]:
    """What the process that talks to Ray differs in: it has no event loop that calls of a handle could use."""
    return {"RAY_SERVE_RUN_ROUTER_IN_SEPARATE_LOOP": "1"}


def with_token(file: Path) -> dict[str, str]:
    """Whoever talks to the cluster shows the token in this file."""
    return {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN_PATH": str(file)}


def of_cluster(ports: Ports, run: Path) -> dict[str, str]:
    """Where a local cluster's proxies listen and keep their files, so that clusters of one machine do not meet."""
    http, grpc = ports.replicas
    inner = iter(ports.inner[6:12])
    return {
        **{name: str(next(inner)) for name in OWN_PORTS},
        "RAY_SERVE_DIRECT_INGRESS_MIN_HTTP_PORT": str(http.start),
        "RAY_SERVE_DIRECT_INGRESS_MAX_HTTP_PORT": str(http.stop),
        "RAY_SERVE_DIRECT_INGRESS_MIN_GRPC_PORT": str(grpc.start),
        "RAY_SERVE_DIRECT_INGRESS_MAX_GRPC_PORT": str(grpc.stop),
        "RAY_SERVE_HAPROXY_CONFIG_FILE_LOC": str(run / "haproxy.cfg"),
        "RAY_SERVE_HAPROXY_SOCKET_PATH": str(run / "admin.sock"),
        "RAY_SERVE_HAPROXY_METRICS_SOCKET_PATH": str(run / "metrics.sock"),
        "RAY_SERVE_HAPROXY_SERVER_STATE_BASE": str(run),
        "RAY_SERVE_HAPROXY_SERVER_STATE_FILE": str(run / "server-state"),
        "RAY_SERVE_HAPROXY_NBTHREAD": "2",
        "RAY_SERVE_HAPROXY_HEALTH_CHECK_INTER": "1s",
        "RAY_SERVE_HAPROXY_HARD_STOP_AFTER_S": "30",
    }


OWN_PORTS = (
    "RAY_SERVE_HAPROXY_METRICS_PORT",
    "RAY_SERVE_HAPROXY_STATS_PORT",
    "RAY_SERVE_FALLBACK_PROXY_HTTP_PORT",
    "RAY_SERVE_FALLBACK_PROXY_GRPC_PORT",
    "AUTOSCALER_METRIC_PORT",
    "DASHBOARD_METRIC_PORT",
)


def inherited(environment: Mapping[str, str]) -> dict[str, str]:
    """What a process of ours keeps of its parent's environment: all but what would lead it to another cluster."""
    return {name: value for name, value in environment.items() if not name.startswith("RAY_")}
