"""What batch prediction raises when data, a model or a table are not what was asked for."""

from __future__ import annotations

from cmcore.errors import CmError


class BatchError(CmError):
    """Rows, a model or a table do not fit; the message says what was asked, found and what to do."""
