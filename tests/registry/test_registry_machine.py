"""Random legal and illegal steps for a few people, and what must hold after each of them; by the rules alone, and end to end.

The rules are walked by hypothesis' state machine. The whole registry (messages, batches, what passes by itself) is walked on a
real database, and read again from nothing at the end.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from datetime import date, timedelta
from functools import partial
from itertools import count
from pathlib import Path
from random import Random
from typing import Any, cast, get_args

import pytest

from console.sealing import seal_dossier
from contracts import intake
from contracts.certification import STAGES
from contracts.intake import DossierContent
from contracts.particulars import (
    Certificate,
    CertificateChange,
    EngagementEnd,
    EngagementStart,
    InspectionResult,
    Particulars,
    RatingResult,
    Recognition,
    Registration,
    RegistrationStatus,
    Transfer,
)
from contracts.registry import (
    CertificateChanged,
    CertificateIssued,
    CertificationApplied,
    CertificationConcluded,
    EligibilityReviewed,
    EngagementEnded,
    EngagementStarted,
    FactAbsorbed,
    FactOrigin,
    NoticeOpened,
    PanelReviewed,
    PersonErased,
    PersonMerged,
    TrainingTested,
    WorkerEvent,
)
from eventlog import schema
from eventlog.database import Database
from eventlog.decider import Rejected, StandsOtherwise
from eventlog.desk import Item
from services.registry.decider import (
    Act,
    Command,
    Correct,
    Early,
    Happened,
    Merge,
    PassDeadline,
    Prepared,
    Record,
    Stamp,
    Take,
    Withdraw,
    Worker,
    certificate_spans,
    decide,
    decide_merge,
    effective_day,
    evolve,
    facts_to_take,
    replay,
    standings_of,
)
from services.registry.decider.worker import Concluded, InNotice, Open
from services.registry.views import registry_views
from tests.registry.example import CITY, COUNTY, ENCRYPTED, FINDINGS, PERSON, RULES, SECRET
from tests.registry.test_handlers_certification import TEXT
from tests.support import NOW, PUBLIC_KEY, RegistryBench, event_id

PEOPLE = tuple("p" + f"{n}" * 26 for n in range(3))
FIRST_DAY = date(2025, 2, 3)
SOURCES = ("hr", "training")
SEEDS = 60
STEPS = 200

# --- what must hold -----------------------------------------------------------------------------------------------------


def passed_stage(event: WorkerEvent) -> tuple[str, str] | None:
    """(application, the stage that the event completes)."""
    match event:
        case CertificationApplied():
            return event.application, "application"
        case EligibilityReviewed(result="passed"):
            return event.application, "eligibility_review"
        case TrainingTested(result="passed"):
            return event.application, "training_test"
        case PanelReviewed(result="passed"):
            return event.application, "panel_review"
        case NoticeOpened():
            return event.application, "public_notice"
        case _:
            return None


def no_stage_is_skipped(history: Iterable[Happened]) -> None:
    """Each application passes the five stages in their order; a certificate is granted after the last; then nothing comes."""
    passed: dict[str, list[str]] = {}
    ended: set[str] = set()
    for happened in history:
        event = happened.event
        name = getattr(event, "application", None)
        if name is None:
            continue
        assert name not in ended, "an application that is over goes on"
        if (stage := passed_stage(event)) is not None:
            passed.setdefault(name, []).append(stage[1])
            assert list(STAGES)[: len(passed[name])] == passed[name]
        if isinstance(event, CertificationConcluded):
            ended.add(name)
            assert (event.outcome == "granted") <= (passed[name] == list(STAGES))


def nobody_holds_two(state: Worker) -> None:
    """On no day are two certificates of a person valid or suspended."""
    spans = certificate_spans(state)
    for day in {span.first for span in spans}:
        held = [span.number for span in spans if span.covers(day) and span.state in ("valid", "suspended")]
        assert len(held) <= 1, held


def posts(state: Worker) -> dict[str, Any]:
    return {slot: found for slot, found in state.standing.items() if slot.startswith("engagement-")}


def qualification_is_not_engagement(before: Worker, happened: Happened, after: Worker) -> None:
    """评聘分开: what begins or ends an engagement leaves every certificate as it was, and the other way round."""
    event = happened.event
    kind = event.particulars.kind if isinstance(event, FactAbsorbed) else ""
    if isinstance(event, EngagementStarted | EngagementEnded) or kind.startswith("engagement"):
        assert certificate_spans(before) == certificate_spans(after)
    if isinstance(event, CertificateIssued | CertificateChanged | CertificationConcluded) or kind.startswith("certificate"):
        assert posts(before) == posts(after)


def standings_follow_the_rule(state: Worker) -> None:
    """What stands by the events, one after the other, is what the rule says over all facts."""
    if isinstance(state.ended, Open):
        followed = {slot: found for slot, found in state.standing.items() if found != (None, ())}
        assert followed == standings_of(dict(state.facts))


# --- the rules, walked --------------------------------------------------------------------------------------------------


class Walk:
    """Three people. Each command has a new message; what is refused or early leaves everything as it was.

    draw: decides what comes; the same seed, the same walk. grants: certificates that the process has brought.
    """

    def __init__(self, draw: Random) -> None:
        self.draw = draw
        self.histories: dict[str, list[Happened]] = {ref: [] for ref in PEOPLE}
        self.states: dict[str, Worker] = {ref: Worker() for ref in PEOPLE}
        self.taken: list[Command] = []
        self.told = count(1)
        self.ids = count(1)
        self.today = FIRST_DAY
        for ref in PEOPLE:
            self.tell(Record(self.stamp(ref, date(2020, 1, 6)), Registration(division=COUNTY), SECRET))
            working = EngagementStart(engagement="e1", category="secretary", unit="u", post="p")
            self.tell(Record(self.stamp(ref, date(2020, 2, 3)), working))

    def step(self) -> None:
        """One more step of any kind; those that bring an application on are the likeliest."""
        kinds = {
            self.apply: 6, self.go_on: 10, self.any_step: 6, self.deadlines: 2, self.report: 9, self.amend: 3, self.act: 5,
            self.follow_up: 8, self.repeat: 2, self.end: 0.25,
        }  # fmt: skip
        [kind] = self.draw.choices(list(kinds), list(kinds.values()))
        self.today += timedelta(days=self.draw.choice([0, 0, 0, 0, 1, 1, 3]))
        kind(self.draw.choice(PEOPLE))

    # --- telling ----------------------------------------------------------------------------------------------------

    def stamp(self, ref: str, on: date | None = None, source: str = "hr") -> Stamp:
        n = next(self.told)
        origin = FactOrigin(source=source, id=f"m{n}", occurred_at=NOW - timedelta(days=300) + timedelta(minutes=n))
        ids = self.new_ids(12)
        return Stamp(ids[0], ref, origin, on or self.today, NOW, ids[1:])

    def new_ids(self, how_many: int) -> tuple[str, ...]:
        return tuple(event_id(next(self.ids)) for _ in range(how_many))

    def tell(self, command: Command) -> None:
        """Decide, and record; then everything must hold."""
        ref = command.stamp.person_ref
        before = self.states[ref]
        try:
            events = decide(command, before, RULES)
        except (Rejected, Early, StandsOtherwise):
            assert before == replay(self.histories[ref]), "a refusal changes nothing"
            return
        assert isinstance(before.ended, Open) or not events, "something is recorded in a file that has ended"
        ids = (command.stamp.event_id, *command.stamp.more_ids)
        self.record(ref, [Happened(ids[n], effective_day(command, e, before), e) for n, e in enumerate(events)])
        if events:
            assert decide(command, self.states[ref], RULES) == (), "the same message again says something new"
            self.taken.append(command)

    def record(self, ref: str, happened: Sequence[Happened]) -> None:
        for each in happened:
            before = self.states[ref]
            self.states[ref] = evolve(before, each)
            assert before == replay(self.histories[ref]), "evolving changes what was before"
            self.histories[ref].append(each)
            qualification_is_not_engagement(before, each, self.states[ref])
        state = self.states[ref]
        assert state == replay(self.histories[ref]), "replay does not equal live"
        no_stage_is_skipped(self.histories[ref])
        nobody_holds_two(state)
        standings_follow_the_rule(state)

    # --- certification ----------------------------------------------------------------------------------------------

    def apply(self, ref: str) -> None:
        grade, issuer = self.draw.choice([("junior", COUNTY), ("intermediate", CITY), ("senior", CITY)])
        titles = (intake.HeldTitle(field="political_work", level="intermediate"),)
        key = f"a{self.draw.randrange(6)}"
        says = intake.CertificationApplied(person=PERSON, application=key, grade=grade, issuer=issuer, titles=titles)
        self.tell(Take(self.stamp(ref), says))

    def go_on(self, ref: str) -> None:
        """The step that a running application needs now, or several of them."""
        for _ in range(self.draw.randrange(1, 5)):
            running = [a for a in self.states[ref].applications.values() if not isinstance(a.at, Concluded)]
            place = STAGES.index(running[0].at.stage) if running else len(STAGES)
            if place >= len(STAGES) - 1:
                return
            key = running[0].name.partition("/")[2]
            self.tell(Take(self.stamp(ref), self.later_step(place, key, running[0].grade, self.draw.random() < 0.9)))

    def any_step(self, ref: str) -> None:
        """Of any stage, of an application that may be at any other, or not be there at all."""
        running = [a.name.partition("/")[2] for a in self.states[ref].applications.values() if not isinstance(a.at, Concluded)]
        key, place = self.draw.choice([f"a{self.draw.randrange(6)}", *running, *running]), self.draw.randrange(7)
        days = self.draw.choice([0, 0, -3])
        stamp = self.stamp(ref, self.today + timedelta(days=days))
        self.tell(Take(stamp, self.later_step(place, key, "junior", self.draw.random() < 0.7)))

    def later_step(self, place: int, key: str, grade: str, good: bool) -> Any:
        named: dict[str, Any] = {"person": PERSON, "application": key}
        skilled = (intake.Finding(criterion="trained", hours=40), intake.Finding(criterion="ability", points=70))
        findings = FINDINGS if grade == "junior" else skilled
        waive = ("held",) if grade == "intermediate" else ()
        objection = f"o{self.draw.randrange(3)}"
        says: Sequence[Callable[[], Any]] = (
            lambda: intake.EligibilityReviewed(**named, findings=findings if good else (), waive=waive),
            lambda: intake.TrainingTested(**named, hours=40, score=90 if good else 10),
            lambda: intake.PanelReviewed(**named, scores=(90, 90, 90) if good else (1, 1, 1)),
            lambda: intake.NoticeOpened(**named),
            lambda: intake.ObjectionRaised(**named, objection=objection, grounds="made up"),
            lambda: intake.ObjectionResolved(
                **named, objection=objection, outcome="dismissed" if good else "upheld", finding="made up"
            ),
            lambda: intake.CertificationWithdrawn(**named, reason="made up"),
        )
        return says[place]()

    def deadlines(self, _: str) -> None:
        """Some days later the scheduled check looks at everybody."""
        self.today += timedelta(days=self.draw.randrange(12))
        for ref in PEOPLE:
            for name in list(self.states[ref].applications):
                self.tell(PassDeadline(self.stamp(ref, source="registry"), name, f"n{next(self.told)}"))

    # --- facts ------------------------------------------------------------------------------------------------------

    def report(self, ref: str) -> None:
        """Facts of any kind, of any day, sensible or not."""
        draw = self.draw
        stamp = self.stamp(ref, self.today + timedelta(days=draw.randrange(-300, 60)), draw.choice(SOURCES))
        key, name = f"k{draw.randrange(3)}", stamp.origin.id
        own = [slot.partition("/")[2] for slot in self.states[ref].standing if slot.startswith("certificate/")]
        number = draw.choice(["c1", "c2", *own, *own])
        change = draw.choice(["suspended", "suspended", "reinstated", "revoked", "superseded", "downgraded"])
        lower = "junior" if change == "downgraded" else None
        facts: Sequence[Callable[[], Particulars]] = (
            lambda: EngagementStart(engagement=key, category=draw.choice(["recruited", "instructor"]), unit="u", post="p"),
            lambda: EngagementEnd(engagement=draw.choice([key, "e1"]), reason="resigned"),
            lambda: Certificate(number=number, grade="senior", issuer=CITY),
            lambda: CertificateChange(key=name, number=number, change=change, grade=lower, reason="made up"),
            lambda: CertificateChange(key=name, number=number, change=change, grade=lower, reason="made up"),
            lambda: RatingResult(year=2024, rating=draw.choice(["basic", "competent"])),
            lambda: InspectionResult(year=2024, outcome=draw.choice(["passed", "failed"])),
            lambda: Recognition(number=number, division=draw.choice(["320106", "320200"])),
            lambda: Transfer(key=name, division=draw.choice([COUNTY, "320106"])),
            lambda: RegistrationStatus(key=name, status=draw.choice(["closed", "reopened", "reopened"]), reason="other"),
        )
        self.tell(Record(stamp, draw.choice(facts)()))

    def amend(self, ref: str) -> None:
        """Correct or withdraw any fact, correction or withdrawal but a registration."""
        targets = [k for k in self.states[ref].facts.values() if not isinstance(k.says, Registration)]
        if not targets:
            return
        known = self.draw.choice(targets)
        stamp = self.stamp(ref, known.effective_on, self.draw.choice(SOURCES))
        if known.says is None or self.draw.random() < 0.5:
            self.tell(Withdraw(stamp, known.event_id, "made up"))
        else:
            alike = [k.says for k in targets if k.says is not None and k.says.kind == known.says.kind]
            self.tell(Correct(stamp, known.event_id, self.draw.choice(alike), "made up"))

    def act(self, ref: str) -> None:
        """The dossier, appeals, who was shown what."""
        key = f"x{self.draw.randrange(2)}"
        sealed: dict[str, Any] = {"person": PERSON, "section": "basics", "content": "a.b.c.d.e"}
        who: dict[str, Any] = {"person": intake.KnownPerson(person_ref=ref), "by": "Zhang", "reason": "made up"}
        says: Sequence[Callable[[], Any]] = (
            lambda: intake.DossierEntryRecorded(**sealed, entry=key),
            lambda: intake.DossierEntryCorrected(**sealed, entry=key, reason="typing error"),
            lambda: intake.RatingAppealed(person=PERSON, appeal=key, year=2024, grounds="made up"),
            lambda: intake.RatingAppealDecided(person=PERSON, appeal=key, outcome="dismissed", reason="made up"),
            lambda: intake.RatingAppealDecided(person=PERSON, appeal=key, outcome="upheld", rating="excellent", reason="r"),
            lambda: intake.PersonalDataUnmasked(**who, fields=("name",)),
        )
        self.tell(Act(self.stamp(ref), self.draw.choice(says)(), Prepared(ENCRYPTED)))

    def taking(self, ref: str, says: Any) -> Command:
        return Take(self.stamp(ref), says)

    def acting(self, ref: str, says: Any) -> Command:
        return Act(self.stamp(ref), says)

    def recording(self, ref: str, says: Particulars) -> Command:
        return Record(self.stamp(ref), says)

    def follow_up(self, ref: str) -> None:
        """What answers to something that is open: a notice, an objection, an appeal, a closed registration, a suspension."""
        state, draw = self.states[ref], self.draw
        open_: list[Callable[[], Command]] = []
        for a in state.applications.values():
            key = a.name.partition("/")[2]
            if isinstance(a.at, InNotice):
                named: dict[str, Any] = {"person": PERSON, "application": key}
                new = f"o{next(self.told)}"
                raised = intake.ObjectionRaised(**named, objection=new, grounds="made up")
                open_.append(partial(self.taking, ref, raised))
                for name, _ in a.at.objections:
                    outcome = draw.choice(["dismissed", "dismissed", "upheld"])
                    of = name.partition("/")[2]
                    solved = intake.ObjectionResolved(**named, objection=of, outcome=outcome, finding="made up")
                    open_.append(partial(self.taking, ref, solved))
        for name, appeal in state.appeals.items():
            if not appeal.decided:
                rating = draw.choice([None, "excellent"])
                verdict = intake.RatingAppealDecided(
                    person=PERSON,
                    appeal=name.partition("/")[2],
                    outcome="upheld" if rating else "dismissed",
                    rating=rating,
                    reason="made up",
                )
                open_.append(partial(self.acting, ref, verdict))
        number = next(self.told)
        back = RegistrationStatus(key=f"r{number}", status="reopened", reason="returned")
        open_.append(partial(self.recording, ref, back))
        for span in certificate_spans(state):
            if span.covers(self.today) and span.state == "suspended":
                good = CertificateChange(key=f"r{number}", number=span.number, change="reinstated", reason="made up")
                open_.append(partial(self.recording, ref, good))
        self.tell(draw.choice(open_)())

    def repeat(self, _: str) -> None:
        """A message that was taken before comes again, with other event ids."""
        command = self.draw.choice(self.taken)
        first, *more = self.new_ids(12)
        stamp = replace(command.stamp, event_id=first, more_ids=tuple(more))
        assert decide(replace(command, stamp=stamp), self.states[stamp.person_ref], RULES) == ()

    # --- the end of a file ------------------------------------------------------------------------------------------

    def end(self, ref: str) -> None:
        """Merged into another, or erased; once in a while."""
        if self.draw.random() < 0.7:
            self.merge(ref, self.draw.choice(PEOPLE))
        else:
            says = intake.PersonErased(person=intake.KnownPerson(person_ref=ref), by="Zhang", reason="made up")
            self.tell(Act(self.stamp(ref), says))

    def merge(self, duplicate: str, survivor: str) -> None:
        first, other = self.states[duplicate], self.states[survivor]
        more = self.new_ids(1 + len(facts_to_take(first)))
        stamp = replace(self.stamp(duplicate, source="operator"), more_ids=more)
        try:
            merged, absorbed, taken = decide_merge(Merge(stamp, survivor, "one person"), first, other)
        except Rejected:
            return
        assert isinstance(first.ended, Open)
        assert isinstance(other.ended, Open)
        self.record(duplicate, [Happened(stamp.event_id, self.today, merged)])
        goes_on = [Happened(each.event_id, each.effective_on, each.event) for each in taken]
        self.record(survivor, [Happened(more[0], self.today, absorbed), *goes_on])
        assert not any(fact for fact, _ in self.states[duplicate].standing.values()), "a fact stands in two files"


@pytest.mark.parametrize("seed", range(SEEDS))
def test_whatever_comes_the_rules_hold(seed: int) -> None:
    """After each of many steps, in every file: see the functions above, and ``Walk.tell``."""
    walk = Walk(Random(f"walk {seed}"))
    for _ in range(STEPS):
        walk.step()


def test_the_walks_go_everywhere() -> None:
    """Together they bring every kind of event many times, so that what holds after each is no empty word."""
    seen: Counter[str] = Counter()
    for seed in range(SEEDS):
        walk = Walk(Random(f"walk {seed}"))
        for _ in range(STEPS):
            walk.step()
        for history in walk.histories.values():
            seen.update(f"{each.event.TYPE} {getattr(each.event, 'outcome', '')}".strip() for each in history)
    often = {text.partition(" ")[0] for text, times in seen.items() if times >= 10}
    assert {kind.TYPE for kind in get_args(WorkerEvent)} - often == set()
    assert seen["registry.certification-concluded.v1 granted"] >= 30


# --- the whole registry, walked -------------------------------------------------------------------------------------------


class Town:
    """Messages about four people at random, each of a kind and a day; some are early, wrong, or come twice."""

    def __init__(self, bench: RegistryBench, draw: Random) -> None:
        self.bench, self.draw, self.sent = bench, draw, count(1)

    def message(self) -> Item:
        draw, n = self.draw, next(self.sent)
        who = draw.choices(range(1, 5), (8, 8, 2, 1))[0]
        person: dict[str, str] = {"source_key": f"w-{who}"}
        refs = [r.person_ref for r in self.bench.receipts if r.id.startswith("reg-") and r.person_ref]
        named = {"person": person, "application": f"a{n // 40}"}
        findings = [{"criterion": "trained", "hours": 30}, {"criterion": "recommended", "confirmed": True}]
        sealed_entry = seal_dossier(DossierContent(title="made up"), PUBLIC_KEY)
        entry = {"person": person, "entry": f"d{draw.randrange(2)}", "section": "basics", "content": sealed_entry}
        why = {"by": "Zhang", "reason": "made up"}
        near = ["320102", "320102", "320102", "320106"]
        closed = ("registration-closed", {"person": person, "key": f"s{n}", "reason": "left"})
        reopened = ("registration-reopened", {"person": person, "key": f"s{n}", "reason": "returned"})
        upheld = {"outcome": "upheld", "rating": "excellent"}
        engaged = {"category": "secretary", "unit": "u", "post": "p"}
        [kind] = draw.choices(["process", "fact", "act", "amend", "end"], (9, 5, 4, 2, 0.3))
        if kind == "end" and refs:
            one, other = {"person_ref": draw.choice(refs)}, {"person_ref": draw.choice(refs)}
            if draw.random() < 0.5:
                return self.say("duplicate-confirmed", {"person": one, "survivor": other} | why, n, "operator")
            return self.say("person-erased", {"person": one} | why, n, "operator")
        choices: dict[str, list[tuple[str, dict[str, Any]]]] = {
            "process": [
                ("certification-applied", named | {"grade": "junior", "issuer": "320102"}),
                ("eligibility-reviewed", named | {"findings": findings}),
                ("training-tested", named | {"hours": 24, "score": draw.choice([60, 60, 10])}),
                ("panel-reviewed", named | {"scores": [60, 70, 80]}),
                ("notice-opened", named),
                ("objection-raised", named | {"objection": f"o{n % 2}", "grounds": "made up"}),
                ("objection-resolved", named | {"objection": f"o{n % 2}", "outcome": "dismissed", "finding": "made up"}),
            ],
            "fact": [
                ("engagement-started", engaged | {"person": person, "engagement": f"e{n % 3}"}),
                ("certificate-issued", {"person": person, "number": f"c{n % 3}", "grade": "junior", "issuer": "320102"})
                if draw.random() < 0.3 else ("inspection-concluded", {"person": person, "year": 2023, "outcome": "passed"}),
                ("certificate-changed", {"person": person, "key": f"k{n}", "number": f"c{n % 3}", "reason": "made up",
                                         "change": draw.choice(["suspended", "reinstated", "revoked"])}),
                ("annual-rating-recorded", {"person": person, "year": 2023, "rating": draw.choice(["basic", "competent"])}),
                ("inspection-concluded", {"person": person, "year": 2024, "outcome": "passed"}),
                ("registration-transferred", {"person": person, "key": f"t{n}", "division": draw.choice(near)}),
                draw.choice([closed, reopened, reopened]),
            ],
            "act": [
                ("dossier-entry-recorded", entry),
                ("dossier-entry-corrected", entry | {"reason": "typing error"}),
                ("rating-appealed", {"person": person, "appeal": "p1", "year": 2023, "grounds": "made up"}),
                ("rating-appeal-decided", {"person": person, "appeal": "p1", "reason": "r"} | upheld),
                ("unit-registered", {"unit": f"u{n % 2}", "title": f"unit {n % 3}", "division": "320102"}),
                ("unit-closed", {"unit": f"u{n % 2}", "reason": "merged"}),
                ("inspection-opened", {"division": "320102", "year": 2024, "closes_on": "2025-12-31"}),
                ("inspection-closed", {"division": "320102", "year": 2024}),
            ],
            "amend": [
                ("fact-withdrawn", {"withdraws": {"id": f"m-{draw.randrange(1, n + 1)}"}, "reason": "made up"}),
            ],
        }  # fmt: skip
        if kind == "end":
            kind = "fact"
        return self.say(*draw.choice(choices[kind]), n)

    def say(self, fact: str, data: Any, n: int, source: str = "hr") -> Item:
        time = f"2025-01-05T08:{n // 60:02d}:{n % 60:02d}Z"
        on = FIRST_DAY + timedelta(days=n // 4 + self.draw.choice([0, 0, 0, 0, -20, 20]))
        return self.bench.message(fact, data, id=f"m-{n}", source=source, on=str(on), time=time)

    def begin(self) -> None:
        text = {"text": TEXT}
        self.bench.settle(
            self.bench.message("certification-standard-published", text, id="std-1", source="policy", on="2025-01-01")
        )
        for n in (1, 2):
            self.register(n)
            engaged = {
                "person": {"source_key": f"w-{n}"},
                "engagement": "e9",
                "category": "secretary",
                "unit": "u",
                "post": "p",
            }
            self.bench.settle(self.bench.message("engagement-started", engaged, id=f"start-{n}", on="2020-02-03"))

    def register(self, n: int) -> None:
        self.bench.settle(self.bench.registers(n, id=f"reg-{n}", key=f"w-{n}", on="2020-01-06"))


def histories_of(bench: RegistryBench) -> dict[str, list[Happened]]:
    found: dict[str, list[Happened]] = {}
    for e in bench.events:
        if e.stream.startswith("worker-"):
            happened = Happened(e.event_id, date.fromisoformat(e.effective_on), cast(WorkerEvent, e.event))
            found.setdefault(e.stream, []).append(happened)
    return found


def read_models(database: Database) -> dict[str, list[Any]]:
    with database.read.connect() as connection:
        return {
            table.name: sorted(map(tuple, connection.execute(table.select())))
            for view in registry_views()
            for table in view.tables
        }


def built_again(bench: RegistryBench, path: Path, size: int) -> dict[str, list[Any]]:
    """The read models, made from the log alone, ``size`` events at a time."""
    database = Database(f"sqlite:///{path}")
    events = bench.events
    with database.write.begin() as connection:
        for view in registry_views():
            for table in view.tables:
                table.create(connection)
            for start in range(0, len(events), size):
                view.apply(connection, events[start : start + size], {table.name: table for table in view.tables})
    found = read_models(database)
    database.close()
    return found


@pytest.mark.parametrize("seed", range(8))
def test_whatever_messages_come_the_registry_holds_together(seed: int, tmp_path: Path) -> None:
    """Nothing parks, nothing is recorded in a file that has ended, no stage is skipped, nobody holds two certificates; states
    in memory are those of the log, and so are the read models, however the events are grouped."""
    bench = RegistryBench(Database(f"sqlite:///{tmp_path}/log.db"))
    draw = Random(f"town {seed}")
    town = Town(bench, draw)
    town.begin()
    items: list[Item] = []
    for turn in range(40):
        batch = [town.message() for _ in range(draw.randrange(1, 8))]
        items += batch
        bench.settle(*batch, *draw.sample(items, min(len(items), draw.randrange(3))))
        if turn == 12:
            town.register(3)
        if draw.random() < 0.2:
            bench.keeper.run()
            bench.intake.release()
    assert bench.rows(schema.parked) == []
    assert {bench.keeper.run(), bench.keeper.run()} <= {0, 1, 2, 3, 4}
    for stream, history in histories_of(bench).items():
        state = replay(history)
        ended = [place for place, each in enumerate(history) if isinstance(each.event, PersonMerged | PersonErased)]
        assert ended in ([], [len(history) - 1]), "something is recorded in a file that has ended"
        no_stage_is_skipped(history)
        nobody_holds_two(state)
        standings_follow_the_rule(state)
        kept = bench.intake._cache.get(stream)
        assert kept is None or kept[0] != len(history) or kept[1][0] == state
    assert read_models(bench.database) == built_again(bench, tmp_path / "again.db", 1_000)
    assert read_models(bench.database) == built_again(bench, tmp_path / "single.db", 1)
    bench.database.close()
