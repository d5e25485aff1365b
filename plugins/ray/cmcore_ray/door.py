"""Door: what Ray Serve answers at /v2 beside its models: health, the server's name, which models there are, or that
there is no such model. Runs in Ray's processes."""

from __future__ import annotations

import asyncio
import http.client
from urllib.parse import quote

import ray
from ray import serve

from cmcore_ray import asgi
from cmcore_ray.codec.question import VERSION
from cmcore_ray.codec.refusal import Reason, RefusalError
from cmcore_ray.codec.rest import HEADER_LENGTH
from cmcore_ray.servicer import SERVER, is_model

INDEX = "/v2/repository/index"
FORWARDED = "x-cmcore-forwarded"
STATES = {"RUNNING": "READY", "DEPLOYING": "LOADING", "DELETING": "UNLOADING"}


class Door:
    """Needs no model and no memory to speak of; `host` and `port` are where clients come in."""

    def __init__(self, host: str, port: int) -> None:
        self._host, self._port = host, port

    async def __serve_build_asgi_app__(self) -> asgi.App:
        return asgi.application(self._answer_to)

    async def _answer_to(self, request: asgi.Request) -> asgi.Answer:
        name = model_of(request.path)
        if name and FORWARDED not in request.headers and await asyncio.to_thread(runs, name):
            return await asyncio.to_thread(forwarded, request, self._host, self._port)
        return own_answer(request) if request.path != INDEX else await index_answer(request)


def model_of(path: str) -> str:
    """The model that a path is about; empty where it is about none."""
    parts = path.split("/")
    return parts[3] if parts[:3] == ["", "v2", "models"] and len(parts) > 3 else ""


def runs(name: str) -> bool:
    """Whether there is such a model, though the request came here."""
    found = serve.status().applications.get(name)
    return is_model(name) and found is not None and found.status == "RUNNING"


def forwarded(request: asgi.Request, host: str, port: int) -> asgi.Answer:
    """What the model answers by a new connection.

    After a reload, HAProxy answers once more by its old table on connections that were open, which does not know
    models that came since: https://docs.haproxy.org/2.8/configuration.html#option%20idle-close-on-response
    """
    connection = http.client.HTTPConnection(host, port)
    skipped = {"host", "connection", "content-length", "content-encoding", "transfer-encoding"}
    headers = {name: value for name, value in request.headers.items() if name not in skipped}
    try:
        connection.request(request.method, quote(request.path), request.body, {**headers, FORWARDED: "1"})
        answer = connection.getresponse()
        kept = {name: answer.headers[name] for name in ("content-type", HEADER_LENGTH) if name in answer.headers}
        return asgi.Answer(answer.status, answer.read(), kept)
    except (OSError, http.client.HTTPException) as error:
        raise RefusalError(f"the model cannot be reached: {error}", Reason.UNAVAILABLE) from error
    finally:
        connection.close()


async def index_answer(request: asgi.Request) -> asgi.Answer:
    """Which models there are."""
    if request.method != "POST":
        return asgi.as_error("Method Not Allowed", 405)
    return asgi.as_json(await asyncio.to_thread(index))


def own_answer(request: asgi.Request) -> asgi.Answer:
    """Health, the server's name, or that there is no such thing."""
    if request.path not in ("/v2", "/v2/health/live", "/v2/health/ready"):
        return stray(request.path)
    if request.method != "GET":
        return asgi.as_error("Method Not Allowed", 405)
    if request.path == "/v2":
        extensions = ["binary_tensor_data", "model_repository(index)"]
        return asgi.as_json({"name": SERVER, "version": ray.__version__, "extensions": extensions})
    return asgi.Answer()


def stray(path: str) -> asgi.Answer:
    """No such model, or no such thing at all."""
    name = model_of(path)
    if not name:
        return asgi.as_error("Not Found", 404)
    if path.endswith("/ready"):
        return asgi.as_error("Model version not ready", 400)
    return asgi.as_error(f"Request for unknown model: {name!r} is not found", 404)


def index() -> list[dict[str, str]]:
    """The models that there are, and how they stand."""
    found = serve.status().applications
    return [
        {"name": name, "version": VERSION, "state": STATES.get(app.status, "UNAVAILABLE"), "reason": app.message}
        for name, app in found.items()
        if is_model(name)
    ]
