"""How long a post is held, when that is told of, and until when it may be."""

from __future__ import annotations

from datetime import date

from services.talent.rotation import Exempt, clocks, posts_of, tenures
from tests.talent.developing import POLICY, held

RULE = POLICY.rotation
assert RULE is not None
DAY = date.fromisoformat


def state_on(day: str, *posts: object, exempt: tuple[Exempt, ...] = ()) -> tuple[str, str]:
    assert RULE is not None
    (clock,) = clocks(posts, exempt, RULE, DAY(day))  # type: ignore[arg-type]
    return clock.state, str(clock.due_on)


def test_a_post_is_held_for_five_years_with_a_warning_half_a_year_before() -> None:
    """The last day is the one before the fifth anniversary."""
    post = held("e-1", "2021-03-01")
    assert state_on("2025-08-27", post) == ("within", "2026-02-28")
    assert state_on("2025-08-28", post) == ("warning", "2026-02-28")
    assert state_on("2026-02-28", post) == ("warning", "2026-02-28")
    assert state_on("2026-03-01", post) == ("over", "2026-02-28")


def test_a_new_engagement_in_the_same_post_does_not_set_the_clock_back() -> None:
    """Unless the post was left for longer than the policy's gap."""
    first = held("e-1", "2020-01-01", "2022-12-31")
    assert state_on("2024-06-01", first, held("e-2", "2023-01-31")) == ("within", "2024-12-31")
    assert state_on("2024-06-01", first, held("e-2", "2023-02-02")) == ("within", "2028-02-01")
    assert state_on("2024-06-01", first, held("e-2", "2023-01-01", unit="别处")) == ("within", "2027-12-31")


def test_an_exception_moves_the_last_day() -> None:
    exempt = (Exempt("hr/e-1", DAY("2027-01-31"), "换届"), Exempt("hr/e-9", DAY("2030-01-01"), "别人"))
    assert state_on("2026-03-01", held("e-1", "2021-03-01"), exempt=exempt) == ("within", "2027-01-31")
    assert state_on("2027-02-01", held("e-1", "2021-03-01"), exempt=exempt) == ("over", "2027-01-31")


def test_who_has_left_or_is_not_concerned_has_no_clock() -> None:
    assert RULE is not None
    posts = [held("e-1", "2015-01-01", "2020-01-01"), held("e-2", "2015-01-01", category="instructor", post="指导员")]
    assert clocks(posts, (), RULE, DAY("2026-01-01")) == ()


def test_an_end_before_its_start_is_no_post() -> None:
    assert posts_of([]) == ()
    assert len(tenures([held("e-1", "2021-01-01", "2021-06-30"), held("e-2", "2021-03-01")], 0)) == 1
