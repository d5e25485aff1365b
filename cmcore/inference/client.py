"""RestClient: asks any server of the Open Inference Protocol over HTTP. Threads may share one."""

from __future__ import annotations

import json
from typing import Self
from urllib.parse import quote

import urllib3

from cmcore.errors import InferenceError, InferenceStatus, ServingError
from cmcore.inference.request import InferenceRequest, InferenceResponse, check_size, failed, response_of

STATUS = {
    400: InferenceStatus.INVALID, 404: InferenceStatus.NOT_FOUND, 405: InferenceStatus.INVALID,
    408: InferenceStatus.TIMEOUT, 413: InferenceStatus.INVALID, 415: InferenceStatus.INVALID,
    429: InferenceStatus.UNAVAILABLE, 503: InferenceStatus.UNAVAILABLE, 504: InferenceStatus.TIMEOUT,
}  # fmt: skip


class RestClient:
    """A server's address, such as `http://127.0.0.1:8000`; connections are kept. Nothing is tried twice."""

    def __init__(self, url: str, *, timeout_s: float = 30.0, connections: int = 8) -> None:
        self.url = url.rstrip("/")
        self._timeout_s = timeout_s
        self._pool = urllib3.PoolManager(
            maxsize=connections, timeout=timeout_s, retries=False, headers={"Accept-Encoding": "identity"}
        )

    def live(self) -> bool:
        """Whether the server answers."""
        try:
            return self._pool.request("GET", f"{self.url}/v2/health/live").status == 200
        except urllib3.exceptions.HTTPError:
            return False

    def ready(self, model: str) -> bool:
        """Whether the server would answer for this model."""
        try:
            return self._pool.request("GET", f"{self.url}/v2/models/{quote(model, safe='')}/ready").status == 200
        except urllib3.exceptions.HTTPError:
            return False

    def infer(self, model: str, request: InferenceRequest, *, timeout_s: float | None = None) -> InferenceResponse:
        """The model's answer; raises InferenceError where it has none, ServingError where there is no server.

        What no server could read is not sent: some blame themselves for it, with 500.
        """
        for tensor in request.inputs:
            check_size(tensor)
        body = json.dumps(request.document()).encode()  # NaN as Python writes it, which servers of this protocol read
        limit = self._timeout_s if timeout_s is None else timeout_s
        url = f"{self.url}/v2/models/{quote(model, safe='')}/infer"
        try:
            answer = self._pool.request("POST", url, body=body, headers=JSON_HEADERS, timeout=limit)
        except urllib3.exceptions.ReadTimeoutError as error:  # refused connections are timeouts too in urllib3
            raise InferenceError(f"{url} has not answered in time", InferenceStatus.TIMEOUT) from error
        except urllib3.exceptions.HTTPError as error:
            raise ServingError(f"no server answers at {self.url}: {error}") from error
        document = read_json(answer.data)
        if answer.status != 200:
            told = document.get("error") if isinstance(document, dict) else None
            message = str(told or answer.data[:500].decode(errors="replace") or f"status {answer.status}")
            raise InferenceError(message, STATUS.get(answer.status, InferenceStatus.FAILED))
        if document is None:
            raise failed(f"{url} answered with what is no JSON")
        return response_of(document)

    def text(self, path: str) -> str:
        """What the server gives at a path, such as its metrics; raises ServingError."""
        try:
            answer = self._pool.request("GET", f"{self.url}{path}")
        except urllib3.exceptions.HTTPError as error:
            raise ServingError(f"no server answers at {self.url}: {error}") from error
        if answer.status != 200:
            raise ServingError(f"{self.url}{path} answered {answer.status}")
        return answer.data.decode(errors="replace")

    def close(self) -> None:
        """Give the connections back."""
        for key in self._pool.pools.keys():  # noqa: SIM118 # a container that refuses to be iterated over
            self._pool.pools[key].close()  # clear() alone leaves it to the garbage collector
        self._pool.clear()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


JSON_HEADERS = {"Content-Type": "application/json", "Accept-Encoding": "identity"}


def read_json(body: bytes) -> object:
    """JSON as servers of this protocol write it, NaN included; None where it is none."""
    try:
        found: object = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return found
