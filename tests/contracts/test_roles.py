"""What a role may report, which roles go together, and how an event keeps them."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from contracts.base import FactOrigin
from contracts.roles import AUDITOR, CASHIER, DESK, FACTS, OPERATOR, POLICY_OFFICE, REVIEWER, SOURCE, facts_of, frozen, together


def origin(source: str, roles: tuple[str, ...] | None = None) -> FactOrigin:
    return FactOrigin(source=source, id="m-1", occurred_at=datetime(2026, 1, 1, tzinfo=UTC), roles=roles)


@pytest.mark.parametrize("roles", [(CASHIER, REVIEWER), (OPERATOR, CASHIER, REVIEWER), (AUDITOR, DESK), (SOURCE, DESK)])
def test_maker_and_checker_are_never_one_and_an_auditor_or_a_source_is_nothing_besides(roles: tuple[str, ...]) -> None:
    assert together(roles) is not None


def test_other_roles_go_together_and_add_up() -> None:
    """A desk that is the policy office too reports what both do."""
    assert together((DESK, POLICY_OFFICE)) is None
    assert facts_of((DESK, POLICY_OFFICE)) == FACTS[DESK] | FACTS[POLICY_OFFICE]
    assert facts_of((AUDITOR,)) == frozenset()


def test_an_origin_of_before_has_the_role_that_its_name_says() -> None:
    """The literal operator of old logs is one; a name with other roles on record is not what it is called."""
    assert origin("operator").acts_as(OPERATOR)
    assert not origin("hr").acts_as(OPERATOR, DESK)
    assert origin("zhang-san", (OPERATOR,)).acts_as(OPERATOR)
    assert not origin("operator", ()).acts_as(OPERATOR)


def test_roles_are_recorded_only_where_the_name_does_not_say_them() -> None:
    """So what usual principals and sources report is recorded byte by byte as before."""
    assert frozen("operator", {OPERATOR}) is None
    assert frozen("hr", {SOURCE}) is None
    assert frozen("hr", ()) is None
    assert frozen("zhang-san", {OPERATOR}) == (OPERATOR,)
    assert frozen("operator", ()) == ()
    assert "roles" not in origin("operator").payload()
