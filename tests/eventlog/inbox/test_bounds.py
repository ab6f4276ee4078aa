"""What a source may write is bounded at the one door, whichever service reads it and whatever the fact is about."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from eventlog.bounds import SourceBounds, authority_of, known_in, read_bounds, roles_of
from eventlog.database import Database
from eventlog.desk import AHEAD_SECONDS_MAX
from eventlog.settings import SettingError
from tests.support import NOW, RegistryBench


@pytest.fixture
def bench(database: Database) -> RegistryBench:
    return RegistryBench(database)


def ahead(seconds: int) -> str:
    return (NOW + timedelta(seconds=seconds)).isoformat().replace("+00:00", "Z")


def test_a_time_that_has_not_come_is_refused(bench: RegistryBench) -> None:
    """The later time settles a contradiction: one of tomorrow could be replaced by nobody until then."""
    bench.each(bench.registers(), bench.rates(rating="basic", time=ahead(23 * 3600), id="far"), bench.rates())
    assert bench.outcomes == [("reg-1", "accepted"), ("far", "refused"), ("rate-1", "accepted")]
    (refusal,) = (receipt for receipt in bench.receipts if receipt.id == "far")
    assert [(each.field, each.code) for each in refusal.problems] == [("time", "time-ahead")]
    assert ("rating/2024", "hr/rate-1") in [standing[:2] for standing in bench.standings()]


def test_a_clock_may_run_ahead_by_five_minutes(bench: RegistryBench) -> None:
    """No two machines show the same second; beyond that, the message sent again gets the same answer."""
    late = bench.rates(2023, time=ahead(AHEAD_SECONDS_MAX + 1), id="late")
    bench.each(bench.registers(), bench.rates(time=ahead(AHEAD_SECONDS_MAX), id="near"), late, bench.again(late))
    assert bench.outcomes[1:] == [("near", "accepted"), ("late", "refused"), ("late", "refused")]


def test_what_was_taken_is_not_asked_for_its_time_again(bench: RegistryBench) -> None:
    """A message that waits is settled when what it waits for has come, even if the service's clock was put back meanwhile."""
    bench.settle(bench.rates(time=ahead(AHEAD_SECONDS_MAX), id="early"))
    bench.clock.at -= timedelta(hours=2)
    bench.settle(bench.registers())
    assert bench.outcomes == [("early", "waiting"), ("reg-1", "accepted"), ("early", "accepted")]


# --- which facts, which divisions, which days -----------------------------------------------------------------------------

BOUNDS = {"hr": SourceBounds(facts=frozenset({"worker-registered", "fact-corrected"}), divisions=("320100",), ahead_days=31)}


@pytest.fixture
def bounded(database: Database) -> RegistryBench:
    return RegistryBench(database, known=BOUNDS)


def refusals(bench: RegistryBench) -> list[tuple[str, str, str]]:
    return [(r.id, p.field, p.code) for r in bench.receipts if r.outcome == "refused" for p in r.problems]


def test_a_source_writes_within_its_bounds_and_no_further(bounded: RegistryBench) -> None:
    """The receipt names the field that is beyond; a division means all below it, also inside a correction."""
    moved = {"kind": "registration", "division": "110101"}
    bounded.each(
        bounded.registers(),
        bounded.rates(id="kind"),
        bounded.registers(2, key="w-2", id="place", division="110101"),
        bounded.registers(3, key="w-3", id="day", on="2026-04-02"),
        bounded.registers(4, key="w-4", id="last-day", on="2026-04-01"),
        bounded.corrects("reg-1", moved, id="inside"),
    )
    assert refusals(bounded) == [
        ("kind", "type", "not-authorised"),
        ("place", "data.division", "not-authorised"),
        ("day", "effectiveon", "not-authorised"),
        ("inside", "data.replacement.division", "not-authorised"),
    ]
    assert [id for id, outcome in bounded.outcomes if outcome == "accepted"] == ["reg-1", "last-day"]


def test_a_source_that_is_not_named_has_its_roles_bounds_only(bounded: RegistryBench) -> None:
    """The file bounds the sources that it names."""
    bounded.settle(bounded.registers(source="training", division="110101"))
    assert bounded.outcomes == [("reg-1", "accepted")]


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ('{"hr": {"fact": []}}', "hr.fact"),
        ('{"hr": {"facts": ["rating-given-away"]}}', "rating-given-away"),
        ('{"hr": {"divisions": ["32"]}}', "hr.divisions.0"),
        ('{"hr": {"ahead_days": -1}}', "hr.ahead_days"),
        ('{"hr": {"authority": ["ratings"]}}', "hr.authority.*ratings"),
        ("{", "sources.json"),
    ],
)
def test_a_file_that_cannot_be_read_stops_the_service(tmp_path: Path, text: str, named: str) -> None:
    """A bound that is misspelt is not taken for none."""
    file = tmp_path / "sources.json"
    file.write_text(text)
    with pytest.raises(SettingError, match=named):
        read_bounds(str(file))


def test_the_file_says_what_the_bounds_are(tmp_path: Path) -> None:
    """Without a file there are none; a file that is named and not there is a fault."""
    file = tmp_path / "sources.json"
    file.write_text('{"hr": {"facts": ["worker-registered", "fact-corrected"], "divisions": ["320100"], "ahead_days": 31}}')
    assert read_bounds(str(file)) == BOUNDS
    assert read_bounds("") == {}
    file.write_text('{"appraisal": {"authority": ["rating"]}, "hr": {"ahead_days": 31}}')
    assert authority_of(read_bounds(str(file))) == {"appraisal": frozenset({"rating"})}
    with pytest.raises(SettingError, match="cannot be read"):
        read_bounds(str(tmp_path / "absent.json"))


# --- roles ----------------------------------------------------------------------------------------------------------------

RATING = {"kind": "rating", "year": 2024, "rating": "excellent"}
NAMED = {
    "zhang-san": SourceBounds(roles=frozenset({"operator"})),
    "li-si": SourceBounds(roles=frozenset({"desk"})),
    "wang": SourceBounds(roles=frozenset({"cashier"})),
}


def outcome_of(bench: RegistryBench, name: str) -> str:
    return next(receipt.outcome for receipt in bench.receipts if receipt.id == name)


def test_a_named_operator_corrects_what_another_reported_and_a_desk_does_not(database: Database) -> None:
    """The role counts, not the name; it is kept with the event, so that no list is needed to read it again."""
    bench = RegistryBench(database, known=NAMED)
    bench.each(
        bench.registers(),
        bench.rates(),
        bench.corrects("rate-1", RATING, owner="hr", id="by-desk", source="li-si"),
        bench.corrects("rate-1", RATING, owner="hr", id="by-operator", source="zhang-san"),
    )
    assert (outcome_of(bench, "by-desk"), outcome_of(bench, "by-operator")) == ("refused", "accepted")


def test_what_a_role_does_not_report_is_refused_by_the_service_too(database: Database) -> None:
    """The broker would not have let it through; whoever got past it gets no further."""
    bench = RegistryBench(database, known=NAMED)
    bench.settle(bench.registers(source="wang", id="y"))
    assert outcome_of(bench, "y") == "refused"


def test_a_list_that_is_replaced_holds_at_once_and_one_that_is_broken_leaves_what_was_known(tmp_path: Path) -> None:
    """A person who is added while the services run is bounded from the first message on."""
    file = tmp_path / "sources.json"
    file.write_text('{"hr": {"roles": ["source"]}}')
    known = known_in(str(file))
    assert roles_of(known, "zhang-san") == frozenset()
    file.write_text('{"hr": {"roles": ["source"]}, "zhang-san": {"roles": ["operator"], "divisions": ["370000"]}}')
    assert roles_of(known, "zhang-san") == {"operator"}
    file.write_text("{")
    assert roles_of(known, "zhang-san") == {"operator"}
    assert roles_of({}, "operator") == {"operator"}
