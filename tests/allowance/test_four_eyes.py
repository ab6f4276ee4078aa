"""Given a policy that needs four eyes, when one principal publishes it, then nothing is in force before another confirms it."""

from __future__ import annotations

from datetime import timedelta

import pytest

from contracts.allowance import PolicyPublished
from contracts.operations import ActConfirmed, ActProposed
from eventlog.database import Database
from eventlog.eyes import EyesSetting
from tests.allowance.bench import AllowanceBench
from tests.allowance.example import CHANGTU

EYES = EyesSetting(frozenset({"policy"}), 3600)


@pytest.fixture
def bench(database: Database) -> AllowanceBench:
    return AllowanceBench(database, eyes=EYES)


def proposed(bench: AllowanceBench) -> tuple[str, str]:
    """The proposal's event and digest, after the policy office has published."""
    bench.publish(CHANGTU)
    found = bench.events[-1]
    assert isinstance(found.event, ActProposed)
    return found.event_id, found.event.sha256


def confirms(bench: AllowanceBench, proposal: str, sha256: str, by: str = "reviewer", id: str = "c-1") -> None:
    data = {"proposal": proposal, "sha256": sha256, "by": "somebody"}
    bench.intake.settle([bench.message("act-confirmed", data, id=id, source=by)])


def codes(bench: AllowanceBench) -> tuple[str, list[str]]:
    last = bench.receipts[-1]
    return last.outcome, [each.code for each in (*last.problems, *last.warnings)]


def test_one_principal_puts_no_policy_in_force(bench: AllowanceBench) -> None:
    """It is on record with its maker and content, its receipt says what is missing, and nobody is calculated again."""
    proposed(bench)
    assert ("accepted", ["proposed"]) == codes(bench)
    assert [ActProposed] == [type(each.event) for each in bench.events]
    assert 0 == bench.waiting()


def test_with_another_principals_confirmation_it_is_published_as_ever(bench: AllowanceBench) -> None:
    """The event is the policy office's, of the policy's first day; the confirmation stands beside it in the same append."""
    proposal, sha256 = proposed(bench)
    confirms(bench, proposal, sha256)
    assert ("accepted", []) == codes(bench)
    published, confirmed = bench.events[-2:]
    assert isinstance(published.event, PolicyPublished)
    assert published.event.text == CHANGTU
    assert ("policy", "2021-01-01", "policy/policy-1") == (published.actor, published.effective_on, published.causation_id)
    assert confirmed.event == ActConfirmed(proposal=proposal, sha256=sha256, by="reviewer")
    assert 1 == bench.waiting()


def test_its_maker_does_not_confirm_it_whatever_they_say(bench: AllowanceBench) -> None:
    """Who it is says the broker's subject; another name in the text and another message id change nothing."""
    proposal, sha256 = proposed(bench)
    confirms(bench, proposal, sha256, by="policy")
    assert ("refused", ["same-principal"]) == codes(bench)
    assert 1 == len(bench.events)


def test_a_confirmation_of_something_else_is_refused(bench: AllowanceBench) -> None:
    """Another digest, another proposal, a second time, and after its time: each by its code, and nothing is recorded."""
    proposal, sha256 = proposed(bench)
    confirms(bench, proposal, "0" * 64, id="c-1")
    assert ("refused", ["proposal-differs"]) == codes(bench)
    confirms(bench, "00000000-0000-0000-0000-000000000000", sha256, id="c-2")
    assert ("refused", ["proposal-unknown"]) == codes(bench)
    bench.log.clock.at += timedelta(seconds=EYES.seconds)  # type: ignore[attr-defined]
    confirms(bench, proposal, sha256, id="c-3")
    assert ("refused", ["proposal-expired"]) == codes(bench)
    bench.log.clock.at -= timedelta(seconds=1)  # type: ignore[attr-defined]
    confirms(bench, proposal, sha256, id="c-4")
    confirms(bench, proposal, sha256, id="c-5")
    assert ("refused", ["proposal-settled"]) == codes(bench)
    assert 1 == sum(isinstance(each.event, PolicyPublished) for each in bench.events)


def test_a_document_that_is_wrong_is_not_even_proposed(bench: AllowanceBench) -> None:
    bench.intake.settle([bench.publishes("document: [broken")])
    assert ("refused", []) == (bench.receipts[-1].outcome, bench.events)


def test_a_withdrawn_proposal_is_confirmed_by_nobody(bench: AllowanceBench) -> None:
    """Only its maker withdraws it."""
    proposal, sha256 = proposed(bench)
    for by, told in (("reviewer", ("refused", ["proposal-not-yours"])), ("policy", ("accepted", []))):
        data = {"proposal": proposal, "reason": "another draft"}
        bench.intake.settle([bench.message("act-withdrawn", data, id="w-1", source=by)])
        assert told == codes(bench)
    confirms(bench, proposal, sha256)
    assert ("refused", ["proposal-settled"]) == codes(bench)


def test_what_was_proposed_is_judged_when_it_is_confirmed(bench: AllowanceBench) -> None:
    """Two drafts of one revision: when the first is in force, the second is refused as it always was."""
    first = proposed(bench)
    bench.publish(CHANGTU.replace("title: ", "title: Another ", 1), "p-2")
    second = bench.events[-1]
    assert isinstance(second.event, ActProposed)
    confirms(bench, *first)
    confirms(bench, second.event_id, second.event.sha256, id="c-2")
    assert ("refused", ["policy-exists"]) == codes(bench)


def test_an_old_log_and_a_setting_of_one_principal_go_on_as_before(database: Database) -> None:
    """Published by one: in force by one. What waited when the setting was changed can still be confirmed."""
    waiting = proposed(AllowanceBench(database, eyes=EYES))
    alone = AllowanceBench(database, seed=9)
    alone.publish(CHANGTU, "p-2")
    assert isinstance(alone.events[-1].event, PolicyPublished)
    confirms(alone, *waiting)
    assert "accepted" == codes(alone)[0]
    assert 1 == sum(isinstance(each.event, PolicyPublished) for each in alone.events)
