"""What the sources send in a run: a few made-up workers' facts, some of them early, wrong, twice or at odds, and policies.

The order of the list is the order in which nothing has to wait: the undisturbed run takes it so, the simulation in any other.
One case is left out, since it is settled by arrival and says so: a source's key that is given to a second resident ID.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from random import Random
from typing import Any

from contracts.intake import FACT_TYPES, fact_subject
from eventlog.wire import Outgoing
from tests.support import intake_bytes, resident_id, sealed

__all__ = ["VARIANTS", "Workload", "correctors", "message", "workload"]

VARIANTS = 60
"""Different workloads. Many seeds share one, and with it the undisturbed run that they are held against."""
PEOPLE = (1, 1, 2, 2, 3)
YEARS = (2021, 2022)
RATINGS = ("excellent", "competent", "basic")
GRADES = (("junior", "320102"), ("intermediate", "320100"), ("senior", "320100"))
FIRST_TIME = datetime(2025, 1, 5, 8, tzinfo=UTC)
OPERATOR = "operator"
_POLICY = (Path(__file__).parents[2] / "policies" / "example-city.yaml").read_text(encoding="utf-8")

correctors = frozenset({OPERATOR})


@dataclass(frozen=True)
class Workload:
    """messages: in an order in which nothing has to wait. people: resident IDs. lonely: what they need never comes."""

    messages: tuple[Outgoing, ...]
    people: tuple[str, ...]
    lonely: frozenset[str]


@cache
def _sealed(person: int) -> str:
    return sealed(person)


@cache
def _sealed_reference(person: int) -> str:
    return sealed({"resident_id": resident_id(person)})


def message(fact: str, data: Any, id: str, *, source: str = "hr", service: str = "", **more: Any) -> Outgoing:
    """An intake message as its source publishes it."""
    kind = f"intake.{fact}.v1"
    subject = fact_subject(source, service or FACT_TYPES[kind][1][0], kind)
    return Outgoing(subject, f"{source}/{id}", intake_bytes(fact, data, id=id, source=source, **more))


class Writer:
    """Makes up the messages of one workload. facts: (id, source, data) of what may be corrected or withdrawn."""

    def __init__(self, draw: Random) -> None:
        self.draw = draw
        self.messages: list[Outgoing] = []
        self.facts: list[tuple[str, str, dict[str, Any]]] = []
        self.lonely: set[str] = set()
        self._count = 0

    def say(self, fact: str, data: Mapping[str, Any], *, source: str = "hr", on: str, **more: Any) -> str:
        """One more message, recorded by its source at a time of its own, so that no two are equally late."""
        self._count += 1
        id = f"m{self._count}"
        late = timedelta(minutes=self._count, hours=self.draw.randrange(48))
        time = (FIRST_TIME + late).isoformat().replace("+00:00", "Z")
        self.messages.append(message(fact, data, id, source=source, time=time, on=on, **more))
        return id

    def tell(self, fact: str, kind: str, person: Mapping[str, Any], says: dict[str, Any], **more: Any) -> str:
        """A fact about a person."""
        id = self.say(fact, {"person": person, **says}, **more)
        self.facts.append((id, more.get("source", "hr"), {"kind": kind, **says}))
        return id

    # --- one worker's file ----------------------------------------------------------------------------------------------

    def worker(self, person: int) -> None:
        draw, key = self.draw, {"source_key": f"w-{person}"}
        says = {"division": draw.choice(("320102", "320104", "320100")), "civil_servant": draw.random() < 0.15}
        registrant = {"identity": _sealed(person), "source_key": f"w-{person}"}
        self.tell("worker-registered", "registration", registrant, says, on="2020-06-01")
        by_id = {"identity": _sealed_reference(person)}
        category = draw.choice(("secretary", "secretary", "recruited"))
        engagement = {"engagement": f"e-{person}", "category": category, "unit": "u", "post": "p"}
        self.tell("engagement-started", "engagement-start", draw.choice((key, by_id)), engagement, on="2020-07-01")
        for year in YEARS if draw.random() < 0.3 else YEARS[:1]:
            self.year(person, year)
        grade, issuer = draw.choice(GRADES)
        certificate = {"number": f"c-{person}", "grade": grade, "issuer": issuer}
        self.tell("certificate-issued", "certificate", key, certificate, on="2020-09-01")
        if draw.random() < 0.3:
            end = {"engagement": f"e-{person}", "reason": "transferred"}
            self.tell("engagement-ended", "engagement-end", key, end, on="2022-05-31")

    def year(self, person: int, year: int) -> None:
        """A rating and an inspection; perhaps another source contradicts the rating."""
        draw, key = self.draw, {"source_key": f"w-{person}"}
        if draw.random() < 0.8:
            said = {"year": year, "rating": draw.choice(RATINGS)}
            self.tell("annual-rating-recorded", "rating", key, said, on=f"{year + 1}-01-10")
        if draw.random() < 0.25:
            said = {"year": year, "rating": draw.choice(RATINGS)}
            theirs = {**key, "key_source": "hr"}
            self.tell("annual-rating-recorded", "rating", theirs, said, on=f"{year + 1}-01-12", source="training")
        if draw.random() < 0.7:
            said = {"year": year, "outcome": draw.choice(("passed", "passed", "passed", "failed"))}
            self.tell("inspection-concluded", "inspection", key, said, on=f"{year}-11-20")

    # --- second thoughts ------------------------------------------------------------------------------------------------

    def correct(self) -> None:
        id, source, said = self.draw.choice(self.facts)
        changed = dict(said)
        match said["kind"]:
            case "rating":
                changed["rating"] = self.draw.choice(RATINGS)
            case "inspection":
                changed["outcome"] = self.draw.choice(("passed", "failed"))
            case "registration":
                changed["division"] = "320105"
            case _:
                pass
        data = {"corrects": {"id": id}, "replacement": changed, "reason": "typing error"}
        on = f"{said['year'] + 1}-01-20" if "year" in said else "2020-08-01"
        self.facts.append((self.say("fact-corrected", data, source=source, on=on), source, changed))

    def withdraw(self) -> None:
        id, source, said = self.draw.choice(self.facts)
        if said["kind"] == "registration":
            return
        on = f"{said['year'] + 1}-01-25" if "year" in said else "2020-08-01"
        self.say("fact-withdrawn", {"withdraws": {"id": id}, "reason": "sent in error"}, source=source, on=on)

    # --- what is wrong, or needs what never comes -----------------------------------------------------------------------

    def mistake(self, person: int) -> None:
        key = {"source_key": f"w-{person}"}
        rating = {"person": key, "year": 2022, "rating": "excellent"}
        match self.draw.randrange(6):
            case 0:
                self.say("annual-rating-recorded", rating, on="2021-01-01")
            case 1:
                self.say("annual-rating-recorded", rating | {"colour": "red"}, on="2023-01-10")
            case 2:
                said = {"person": key, "number": "c-9", "grade": "senior", "issuer": "320102"}
                self.say("certificate-issued", said, on="2021-01-01")
            case 3:
                self.say("annual-rating-recorded", rating | {"person": {"resident_id": resident_id(person)}}, on="2023-01-10")
            case 4:
                data = {"withdraws": {"id": self.facts[0][0], "source": "hr"}, "reason": "not mine"}
                self.say("fact-withdrawn", data, source="training", on="2023-01-10")
            case _:
                self._count += 1
                subject = fact_subject("hr", "registry", "intake.annual-rating-recorded.v1")
                self.messages.append(Outgoing(subject, f"hr/m{self._count}", b"{not json"))

    def loneliness(self) -> None:
        if self.draw.random() < 0.5:
            said = {"person": {"source_key": "w-999"}, "year": 2021, "rating": "basic"}
            id = self.say("annual-rating-recorded", said, on="2022-01-10")
        else:
            data = {"withdraws": {"id": "never-sent"}, "reason": "sent in error"}
            id = self.say("fact-withdrawn", data, on="2022-01-25")
        self.lonely.add(id)

    def policies(self) -> None:
        """One that is in force from the first, perhaps a revision with other amounts, perhaps one that cannot be read."""
        self.say("policy-published", {"text": _POLICY}, source="policy", on="2021-01-01")
        if self.draw.random() < 0.6:
            text = _POLICY.replace("revision: 1", "revision: 2").replace("360000", "377700").replace("20000}", "21100}")
            self.say("policy-published", {"text": text}, source="policy", on="2021-01-01")
        if self.draw.random() < 0.2:
            self.say("policy-published", {"text": "document: [broken"}, source="policy", on="2021-01-01")


@cache
def workload(variant: int) -> Workload:
    """The workload of this number."""
    writer = Writer(Random(f"workload {variant}"))
    draw = writer.draw
    writer.policies()
    people = range(1, draw.choice(PEOPLE) + 1)
    for person in people:
        writer.worker(person)
    for _ in range(draw.randint(1, 3)):
        writer.correct()
    for _ in range(draw.randint(0, 2)):
        writer.withdraw()
    for _ in range(draw.randint(0, 2)):
        writer.mistake(draw.choice(people))
    if draw.random() < 0.4:
        writer.loneliness()
    return Workload(tuple(writer.messages), tuple(map(resident_id, people)), frozenset(writer.lonely))
