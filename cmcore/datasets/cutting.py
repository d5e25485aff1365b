"""Where a stream is cut into chunks: where its content says so, so that an insertion moves no cut behind it.

FastCDC, of Xia and others (2020), by the library pyfastcdc. Cuts are a matter of space only: chunks that were cut
otherwise are read as well.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO

AVERAGE_BYTES = 64 << 10  # without the smallest size, which comes on top; chunks have 16 to 256 KiB


def cut(stream: BinaryIO) -> Iterator[bytes]:
    """The chunks of a stream, in their order; together they are the stream."""
    from pyfastcdc import FastCDC

    for chunk in FastCDC(AVERAGE_BYTES).cut_stream(stream):
        yield bytes(chunk.data)  # the view is valid until the next chunk only
