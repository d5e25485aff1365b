"""What the standard components raise when data, parameters or models are not what was asked for."""

from __future__ import annotations

from cmcore.errors import CmError


class TabularError(CmError):
    """Data, a declaration or a model does not fit; the message says what was asked, found and what to do."""
