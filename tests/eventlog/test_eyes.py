"""Four eyes: no sequence of acts by one principal brings a proposal into effect; the rules of a confirmation."""

from __future__ import annotations

import contextlib
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from contracts.operations import ActConfirmed, ProposalEvent
from eventlog.decider import Rejected
from eventlog.eyes import EyesSetting, Proposal, confirm, digest_of, evolve, eyes_from, eyes_variables, propose, withdraw
from eventlog.settings import SettingError

BEGAN = datetime(2026, 3, 1, tzinfo=UTC)
LASTS_SECONDS = 100
SAID: dict[str, Any] = {"id": "m-1", "type": "intake.x.v1", "effectiveon": "2026-01-01", "time": "…", "data": {"text": "a"}}
EVENT = "00000000-0000-0000-0000-000000000001"


def waiting(by: str = "policy") -> Proposal:
    return evolve({}, EVENT, propose(SAID, by, BEGAN, LASTS_SECONDS))[EVENT]


def refusal(code: str, act: Any) -> None:
    with pytest.raises(Rejected) as refused:
        act()
    assert [code] == [each.code for each in refused.value.problems]


def test_another_principal_confirms_by_id_and_digest() -> None:
    """Given a proposal, when another principal confirms exactly it, then it is confirmed, and by whom stands there."""
    found = waiting()
    event = confirm(found, found.sha256, "reviewer", BEGAN)
    assert event == ActConfirmed(proposal=EVENT, sha256=digest_of(SAID), by="reviewer")
    after = evolve({EVENT: found}, "e-2", event)[EVENT]
    assert ("confirmed", "e-2", "reviewer") == (after.settled, after.settled_event, after.settled_by)


def test_a_confirmation_that_does_not_fit_is_refused_by_its_code() -> None:
    """The same principal, another content, too late, unknown, twice: each has its own code."""
    found = waiting()
    refusal("same-principal", lambda: confirm(found, found.sha256, "policy", BEGAN))
    refusal("proposal-differs", lambda: confirm(found, "0" * 64, "reviewer", BEGAN))
    over = BEGAN + timedelta(seconds=LASTS_SECONDS)
    refusal("proposal-expired", lambda: confirm(found, found.sha256, "reviewer", over))
    assert confirm(found, found.sha256, "reviewer", over - timedelta(seconds=1))
    refusal("proposal-unknown", lambda: confirm(None, found.sha256, "reviewer", BEGAN))
    done = evolve({EVENT: found}, "e-2", confirm(found, found.sha256, "reviewer", BEGAN))[EVENT]
    refusal("proposal-settled", lambda: confirm(done, found.sha256, "third", BEGAN))


def test_only_its_maker_withdraws_a_proposal() -> None:
    """Then nobody confirms it any more; whoever disagrees leaves it unconfirmed."""
    found = waiting()
    refusal("proposal-not-yours", lambda: withdraw(found, "reviewer", "no"))
    gone = evolve({EVENT: found}, "e-2", withdraw(found, "policy", "another draft"))[EVENT]
    refusal("proposal-settled", lambda: confirm(gone, found.sha256, "reviewer", BEGAN))


@pytest.mark.parametrize("part", ["type", "effectiveon", "data"])
def test_the_digest_is_of_what_is_asked_for(part: str) -> None:
    """Another type, day or content is another act; another id or time is not."""
    assert digest_of(SAID) == digest_of({**SAID, "id": "m-2", "time": "later"})
    assert digest_of(SAID) != digest_of({**SAID, part: "other"})


def test_all_acts_need_four_eyes_unless_a_setting_says_otherwise() -> None:
    """The default is the safe one; a word that the service does not know is refused, not taken for less."""
    variables = eyes_variables("registry", ("standard", "erasure"))
    acts, seconds = variables
    default = {each.name: each.default or "" for each in variables}
    assert EyesSetting(frozenset({"standard", "erasure"})) == eyes_from(variables, default)
    assert frozenset() == eyes_from(variables, {**default, acts.name: "none"}).acts
    assert (frozenset({"erasure"}), 60) == (
        (found := eyes_from(variables, {acts.name: " erasure ", seconds.name: "60"})).acts,
        found.seconds,
    )
    with pytest.raises(SettingError):
        eyes_from(variables, {**default, acts.name: "erasures"})


class OnePrincipal(RuleBasedStateMachine):
    """One principal proposes, confirms and withdraws whatever they like, in any order and at any time."""

    def __init__(self) -> None:
        super().__init__()
        self.state: dict[str, Proposal] = {}
        self.now = BEGAN
        self.events: list[ProposalEvent] = []

    def record(self, event: ProposalEvent) -> None:
        event_id = f"00000000-0000-0000-0000-{len(self.events):012d}"
        self.events.append(event)
        self.state = dict(evolve(self.state, event_id, event))

    @rule(text=st.sampled_from(["a", "b"]))
    def proposes(self, text: str) -> None:
        self.record(propose({**SAID, "data": {"text": text}}, "one", self.now, LASTS_SECONDS))

    @rule(which=st.integers(0, 5), own=st.booleans())
    def confirms(self, which: int, own: bool) -> None:
        found = list(self.state.values())[which : which + 1]
        sha256 = found[0].sha256 if found and own else "0" * 64
        with contextlib.suppress(Rejected):
            self.record(confirm(found[0] if found else None, sha256, "one", self.now))

    @rule(which=st.integers(0, 5))
    def withdraws(self, which: int) -> None:
        found = list(self.state.values())[which : which + 1]
        with contextlib.suppress(Rejected):
            self.record(withdraw(found[0] if found else None, "one", "no"))

    @rule(seconds=st.integers(0, 2 * LASTS_SECONDS))
    def waits(self, seconds: int) -> None:
        self.now += timedelta(seconds=seconds)

    @invariant()
    def nothing_takes_effect(self) -> None:
        assert not [event for event in self.events if isinstance(event, ActConfirmed)]
        assert "confirmed" not in {each.settled for each in self.state.values()}


TestOnePrincipal = OnePrincipal.TestCase
