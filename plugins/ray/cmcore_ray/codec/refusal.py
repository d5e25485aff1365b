"""Refusal: a request that is not answered, with what REST and gRPC call its reason."""

from __future__ import annotations

from enum import Enum


class Reason(Enum):
    """HTTP's status and the name of gRPC's code, as Triton gives them."""

    INVALID = (400, "INVALID_ARGUMENT")
    NOT_FOUND = (404, "NOT_FOUND")
    FAILED = (500, "INTERNAL")
    UNAVAILABLE = (503, "UNAVAILABLE")

    @property
    def http(self) -> int:
        """The status."""
        return self.value[0]

    @property
    def grpc(self) -> str:
        """The name of the code."""
        return self.value[1]


class RefusalError(Exception):
    """Why there is no answer; the text is told to the client."""

    def __init__(self, message: str, reason: Reason = Reason.INVALID) -> None:
        self.reason = reason
        super().__init__(message)
