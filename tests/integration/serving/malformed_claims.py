"""What every server of ours keeps to when it is sent what is malformed."""

from __future__ import annotations

import pytest

from tests.integration.serving.malformed_visit import WAYS, Visit

ALL_TOGETHER = 10_000
TRITON_REQUESTS, TRITON_CALLS = 3_000, 1_500
RAY_REQUESTS, RAY_CALLS = 1_000, 500
HPS_FILES, ENDPOINTS, SERVER_CONFIGS, PAIRS = 3_000, 1_200, 300, 60


class MalformedClaims:
    """Subclasses give the visit."""

    @pytest.fixture(scope="class")
    @classmethod
    def visit(cls) -> Visit:
        """What came of all requests."""
        raise NotImplementedError

    def test_each_malformed_request_gets_what_it_deserves(self, visit: Visit) -> None:
        assert visit.wrong == [], visit.wrong[:10]

    def test_none_hangs(self, visit: Visit) -> None:
        assert visit.hung == [], visit.hung[:10]

    def test_the_server_is_well_after_each(self, visit: Visit) -> None:
        assert visit.unhealthy == [], visit.unhealthy[:10]

    def test_no_process_is_another_one_at_the_end(self, visit: Visit) -> None:
        assert visit.after == visit.before

    def test_there_were_processes_to_look_at(self, visit: Visit) -> None:
        assert len(visit.before) >= 3

    @pytest.mark.parametrize("way", WAYS)
    def test_every_way_to_spoil_a_request_was_tried(self, way: str, visit: Visit) -> None:
        assert visit.sent[way] >= 15
