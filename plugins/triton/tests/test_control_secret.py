"""Nobody but the project's own backend controls a local Triton: loading a model is to run any code."""

from __future__ import annotations

import base64
import json
import stat
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import tritonclient.grpc
import urllib3
from tritonclient.utils import InferenceServerException

from cmcore.components.secret import Secret
from cmcore.errors import ServingError
from cmcore.testing.serving_models import TinyModels, to_double
from cmcore_triton.backend import TritonBackend
from cmcore_triton.control_secret import METADATA_KEY, secret_of
from cmcore_triton.options import TritonOptions

CODE = """
from pathlib import Path
Path({sign!r}).write_text("was here")

class TritonPythonModel:
    def execute(self, requests):
        return []
"""
CONFIG = json.dumps({"name": "evil", "backend": "python", "max_batch_size": 0, "input": [], "output": []})
CONTROLS = {
    "load": "/v2/repository/models/evil/load", "unload": "/v2/repository/models/good/unload",
    "index": "/v2/repository/index", "logging": "/v2/logging", "trace": "/v2/trace/setting",
    "trace of a model": "/v2/models/good/trace/setting",
    "shared memory": "/v2/systemsharedmemory/region/r/register",
    "shared memory of a GPU": "/v2/cudasharedmemory/region/r/register",
}  # fmt: skip


def post(backend: TritonBackend, path: str, document: object) -> urllib3.BaseHTTPResponse:
    """What any web page may send without being asked for leave by the browser."""
    url = f"{backend.address('any').rest}{path}"
    return urllib3.request(
        "POST", url, body=json.dumps(document), headers={"Content-Type": "text/plain"}, retries=False
    )


def evil(sign: Path) -> object:
    """A load with the model's code in it."""
    code = base64.b64encode(CODE.format(sign=str(sign)).encode()).decode()
    return {"parameters": {"config": CONFIG, "file:1/model.py": code}}


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[TritonBackend]:
    """A server that lets everybody control it."""
    backend = TritonBackend(tmp_path / "opened", TritonOptions(stop_timeout_s=1.0, open_control=True))
    try:
        backend.start()
        yield backend
    finally:
        backend.stop()
        backend.close()


def elsewhere(triton: TritonBackend, folder: Path, secret: str) -> TritonBackend:
    """The same server by its addresses."""
    address = triton.address("any")
    options = {"url": address.rest, "grpc_url": address.grpc}
    given = {"control_key": METADATA_KEY, "control_secret": Secret.of(secret)} if secret else {}
    return TritonBackend(folder / "elsewhere", TritonOptions.model_validate({**options, **given}))


def secret_file(triton: TritonBackend) -> Path:
    assert triton.local is not None
    return triton.local.folder / "control.secret"


@pytest.mark.integration
def test_a_web_page_runs_no_code(triton: TritonBackend, tmp_path: Path) -> None:
    answer = post(triton, CONTROLS["load"], evil(tmp_path / "sign"))
    assert (answer.status, (tmp_path / "sign").exists()) == (403, False)


@pytest.mark.integration
@pytest.mark.parametrize("control", sorted(CONTROLS))
def test_a_web_page_controls_nothing(triton: TritonBackend, control: str) -> None:
    assert post(triton, CONTROLS[control], {}).status == 403


@pytest.mark.integration
def test_a_client_without_the_secret_loads_nothing_by_grpc(triton: TritonBackend) -> None:
    with (
        tritonclient.grpc.InferenceServerClient(triton.address("any").grpc) as client,
        pytest.raises(InferenceServerException, match="restricted"),
    ):
        client.load_model("m")


@pytest.mark.integration
def test_opened_on_request_everybody_runs_code(opened: TritonBackend, tmp_path: Path) -> None:
    post(opened, CONTROLS["load"], evil(tmp_path / "sign"))
    assert (tmp_path / "sign").exists()


@pytest.mark.integration
def test_everybody_may_ask_a_model_and_its_statistics(triton: TritonBackend, tiny: TinyModels) -> None:
    triton.place(tiny.doubling("asked"))
    triton.load("asked")
    answer = triton.infer("asked", to_double([[1, 2]])).output("y").data
    statistics = urllib3.request("GET", f"{triton.address('asked').rest}/v2/models/asked/stats").status
    assert (answer, statistics, triton.traffic()["asked"].answered) == ((2.0, 4.0), 200, 1)


@pytest.mark.integration
def test_the_secret_is_only_where_its_owner_reads_it(triton: TritonBackend) -> None:
    secret = secret_of(secret_file(triton))
    assert triton.local is not None
    told = [path.name for path in triton.local.folder.iterdir() if path.is_file() and secret in path.read_text()]
    assert (told, stat.S_IMODE(secret_file(triton).stat().st_mode), len(secret)) == (["control.secret"], 0o600, 64)


@pytest.mark.integration
def test_other_options_are_told_without_the_secret(triton: TritonBackend) -> None:
    assert triton.local is not None
    another = TritonBackend(triton.local.folder, TritonOptions(stop_timeout_s=1.0, open_control=True))
    with pytest.raises(ServingError, match=r"--http-restricted-api=.*=\*\*\* \(runs\).*cm serve --restart") as told:
        another.start()
    assert secret_of(secret_file(triton)) not in str(told.value)


@pytest.mark.integration
def test_a_server_elsewhere_is_controlled_with_its_secret(triton: TritonBackend, tmp_path: Path) -> None:
    backend = elsewhere(triton, tmp_path, secret_of(secret_file(triton)))
    try:
        assert backend.models().keys() == triton.models().keys()
    finally:
        backend.close()


@pytest.mark.integration
@pytest.mark.parametrize("secret", ["", "wrong"])
def test_a_server_elsewhere_says_that_its_secret_lacks(triton: TritonBackend, tmp_path: Path, secret: str) -> None:
    backend = elsewhere(triton, tmp_path, secret)
    try:
        with pytest.raises(ServingError, match="control_key and control_secret"):
            backend.models()
    finally:
        backend.close()


def test_those_who_make_a_secret_at_once_have_the_same(tmp_path: Path) -> None:
    with ThreadPoolExecutor(16) as pool:
        made = set(pool.map(lambda _: secret_of(tmp_path / "folder" / "control.secret"), range(64)))
    assert (len(made), [path.name for path in (tmp_path / "folder").iterdir()]) == (1, ["control.secret"])


def test_folders_have_secrets_of_their_own(tmp_path: Path) -> None:
    assert secret_of(tmp_path / "a") != secret_of(tmp_path / "b")
