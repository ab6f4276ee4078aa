"""Every invariant, whatever goes wrong: the first half of the seeds."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.simulation.seeds import SEEDS, hold


@pytest.mark.timeout(120 + SEEDS)
def test_nothing_is_lost_doubled_or_paid_twice_in_the_even_seeds(tmp_path: Path) -> None:
    """Crashes, outages, losses, repeats: when all is quiet again, all is as if nothing had happened."""
    hold(tmp_path, 0)
