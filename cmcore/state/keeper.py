"""Keeping a run's lease while it runs: renews in a thread, and says so when the lease is lost."""

from __future__ import annotations

import threading
from collections.abc import Callable

from cmcore.errors import CmError, LeaseLostError
from cmcore.state.lease import Lease, Leases

TTL_S = 60.0  # outlives the longest store call, which gives up after 30 s


class LeaseKeeper:
    """Renews until closed; `lost` is called once, from the thread, when the lease is no longer ours."""

    def __init__(
        self, leases: Leases, lease: Lease, *, lost: Callable[[LeaseLostError], None], ttl_s: float = TTL_S
    ) -> None:
        self._leases, self.lease, self._lost = leases, lease, lost
        self._interval_s = ttl_s / 3
        self._closing = threading.Event()
        self.error: CmError | None = None
        self._thread = threading.Thread(target=self._keep, name="lease-keeper", daemon=True)
        self._thread.start()

    def _keep(self) -> None:
        while not self._closing.wait(self._interval_s):
            try:
                self._leases.renew(self.lease)
            except LeaseLostError as error:
                self.error = error
                self._lost(error)
                return
            except CmError as error:
                self.error = error  # tried again; the fence decides what may still be written

    def close(self) -> None:
        """Stop renewing and give the lease back."""
        self._closing.set()
        self._thread.join(timeout=5)
        self._leases.release(self.lease)
