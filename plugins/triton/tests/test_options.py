"""What a stack may say of Triton."""

from __future__ import annotations

import subprocess
import sys

import pytest
from pydantic import JsonValue, ValidationError

from cmcore_triton.options import TritonOptions

ELSEWHERE: dict[str, JsonValue] = {"url": "http://triton:8000", "grpc_url": "triton:8001"}
REFUSED: dict[str, tuple[dict[str, JsonValue], str]] = {
    "no gRPC address": ({"url": "http://triton:8000"}, "url needs grpc_url"),
    "ports of a server elsewhere": ({**ELSEWHERE, "http_port": 8000}, "http_port are of a local server"),
    "a repository of a local server": ({"repository": "/models"}, "repository go with url"),
    "one port twice": ({"http_port": 8000, "grpc_port": 8000}, "each needs its own"),
    "an address without a scheme": ({**ELSEWHERE, "url": "triton:8000"}, "url"),
    "an address with a password": ({**ELSEWHERE, "url": "http://me:secret@triton:8000"}, "url"),
    "a secret without its key": ({**ELSEWHERE, "control_secret": "${secret:triton}"}, "give both"),
    "an open server elsewhere": ({**ELSEWHERE, "open_control": True}, "open_control are of a local server"),
    "an unknown key": ({"port": 8000}, "port"),
}


@pytest.mark.parametrize("case", sorted(REFUSED))
def test_options_that_contradict_each_other_are_refused(case: str) -> None:
    options, reason = REFUSED[case]
    with pytest.raises(ValidationError, match=reason):
        TritonOptions.model_validate(options)


def test_nothing_needs_to_be_said() -> None:
    assert TritonOptions().host == "127.0.0.1"


def test_a_server_elsewhere_is_known_by_its_addresses() -> None:
    assert TritonOptions.model_validate(ELSEWHERE).grpc_url == "triton:8001"


def test_options_import_light() -> None:
    code = (
        "import sys, cmcore_triton.options, cmcore_triton.plugin; print('grpc' in sys.modules, 'numpy' in sys.modules)"
    )
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert told.stdout.split() == ["False", "False"]
