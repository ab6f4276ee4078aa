"""A registry's log that is told events directly, with the standing that each of them brings. Nobody here exists."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from itertools import count
from typing import Any, get_args

from sqlalchemy import Connection, Table, select

from contracts.certification import CertificationStandardCited
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
    AnnualRatingRecorded,
    CertificateChanged,
    CertificateIssued,
    CertificateRecognised,
    CertificationApplied,
    DossierEntryCorrected,
    DossierEntryRecorded,
    EncryptedFields,
    EncryptedIdentity,
    EngagementEnded,
    EngagementStarted,
    FactAbsorbed,
    FactCorrected,
    FactOrigin,
    FactWithdrawn,
    InspectionConcluded,
    PersonErased,
    PersonMerged,
    RecordedFact,
    RegistrationClosed,
    RegistrationReopened,
    RegistrationTransferred,
    RegistryEvent,
    Standing,
    WorkerRegistered,
)
from eventlog.codec import Codec
from eventlog.database import Database
from eventlog.log import NewEvent, Unit
from services.registry.decider import stream_of
from services.registry.views import registry_views
from tests.support import NOW, new_log

__all__ = ["CODEC", "SOURCE", "Files", "person"]

CODEC = Codec(get_args(RegistryEvent))
SOURCE = "hr"


def person(number: int) -> str:
    return f"p{number:026d}"


class Files:
    """What stands in each file is kept here as well, as the decider would: the last fact of a slot stands.

    slots: person → slot → the facts in it, the last of which stands. said: event id → (effective day, particulars).
    """

    def __init__(self, database: Database) -> None:
        self.log = new_log(database, "registry", CODEC, registry_views())
        self.database = database
        self.slots: dict[str, dict[str, list[str]]] = {}
        self.said: dict[str, tuple[str, Particulars]] = {}
        self.ended: set[str] = set()
        self._versions: dict[str, int] = {}
        self._waiting: list[Unit] = []
        self._messages = count(1)

    # --- events, which are appended by ``commit`` --------------------------------------------------------------------------

    def tell(self, stream: str, event: Any, on: str, event_id: str | None = None) -> str:
        """An event of any kind; returns its id."""
        event_id = event_id or self.log.new_id()
        version = self._versions.get(stream, 0)
        self._versions[stream] = version + 1
        unit = Unit(expects={stream: version})
        unit.events.append(NewEvent(stream, event, on, event_id, "test", None, SOURCE))
        self._waiting.append(unit)
        return event_id

    def commit(self) -> None:
        """Append what was told, as one batch."""
        self.log.append(self._waiting)
        self._waiting = []

    def origin(self) -> FactOrigin:
        return FactOrigin(source=SOURCE, id=f"m-{next(self._messages)}", occurred_at=NOW)

    def of(self, ref: str, make: Any, on: str, **more: Any) -> str:
        """An event in a person's stream that changes nothing that stands."""
        return self.tell(stream_of(ref), make(person_ref=ref, fact=self.origin(), **more), on)

    def fact(self, ref: str, says: Particulars, on: str) -> str:
        """A fact that stands from now on."""
        event_id = self.log.new_id()
        slot = says.slot(SOURCE)
        self.slots.setdefault(ref, {}).setdefault(slot, []).append(event_id)
        self.said[event_id] = (on, says)
        common: dict[str, Any] = {"person_ref": ref, "fact": self.origin(), "particulars": says}
        common["standings"] = (self._standing(ref, slot),)
        return self.tell(stream_of(ref), _recorded(says, common), on, event_id)

    def correct(self, ref: str, event_id: str, says: Particulars, on: str) -> str:
        """In place of a fact that stands; perhaps in another slot."""
        new = self.log.new_id()
        slot = next(slot for slot, facts in self.slots[ref].items() if event_id in facts)
        after = says.slot(SOURCE)
        self.slots[ref][slot].remove(event_id)
        self.slots[ref].setdefault(after, []).append(new)
        self.said[new] = (on, says)
        event = FactCorrected(
            person_ref=ref,
            fact=self.origin(),
            standings=tuple(self._standing(ref, changed) for changed in dict.fromkeys((slot, after))),
            corrects=event_id,
            particulars=says,
            reason="written wrong",
        )
        return self.tell(stream_of(ref), event, on, new)

    def withdraw(self, ref: str, event_id: str, on: str) -> str:
        """A fact goes; what was in its slot before stands again."""
        slot = next(slot for slot, facts in self.slots[ref].items() if event_id in facts)
        self.slots[ref][slot].remove(event_id)
        standings = (self._standing(ref, slot),)
        return self.of(ref, FactWithdrawn, on, standings=standings, withdraws=event_id, reason="sent in error")

    def merge(self, ref: str, into: str, on: str) -> None:
        """The duplicate's file ends; the survivor takes over what is not its registration."""
        standing = self.standing(ref)
        empty = tuple(Standing(slot=slot, fact=None) for slot in standing)
        for slot, old in standing.items():
            day, says = self.said[old]
            if isinstance(says, Registration | Transfer | RegistrationStatus):
                continue
            new = self.log.new_id()
            self.slots.setdefault(into, {}).setdefault(slot, []).append(new)
            self.said[new] = (day, says)
            event = FactAbsorbed(
                person_ref=into,
                fact=self.origin(),
                standings=(self._standing(into, slot),),
                absorbed_from=ref,
                absorbs=old,
                particulars=says,
            )
            self.tell(stream_of(into), event, day, new)
        self.of(ref, PersonMerged, on, standings=empty, into=into, reason="one person")
        self.slots[ref] = {}
        self.ended.add(ref)

    def erase(self, ref: str, on: str) -> None:
        self.of(ref, PersonErased, on, by="operator-7", reason="asked for", keys=2, index_entries=1)
        self.ended.add(ref)

    def apply_for(self, ref: str, key: str, on: str, *, grade: str = "junior", issuer: str = "320102") -> str:
        """An application; returns its name."""
        cited = CertificationStandardCited(event=self.log.new_id(), document="example", revision=1)
        self.of(ref, CertificationApplied, on, application=f"{SOURCE}/{key}", grade=grade, issuer=issuer, standard=cited)
        return f"{SOURCE}/{key}"

    def enter(self, ref: str, key: str, on: str, *, attachments: Sequence[Any] = ()) -> str:
        """A dossier entry; returns its event."""
        return self.of(ref, DossierEntryRecorded, on, **_entry(key), attachments=tuple(attachments))

    def enter_again(self, ref: str, key: str, on: str, corrects: str) -> str:
        return self.of(ref, DossierEntryCorrected, on, **_entry(key), corrects=corrects, reason="a slip")

    # --- what stands -------------------------------------------------------------------------------------------------------

    def standing(self, ref: str) -> dict[str, str]:
        """slot → the event that stands in it."""
        return {slot: facts[-1] for slot, facts in self.slots.get(ref, {}).items() if facts}

    def _standing(self, ref: str, slot: str) -> Standing:
        facts = self.slots[ref][slot]
        if not facts:
            return Standing(slot=slot, fact=None)
        # The others may say the same; that they are named serves to see them.
        return Standing(slot=slot, fact=facts[-1], contradicted_by=tuple(sorted(facts[:-1])))

    # --- what the read models hold ------------------------------------------------------------------------------------------

    def ask(self, query: Any, *arguments: Any, **named: Any) -> Any:
        """The answer of a query to the live read models."""
        with self.database.read.connect() as connection:
            return query(connection, *arguments, **named)

    def head(self) -> int:
        return int(self.ask(self.log.head).position)

    def rows(self) -> dict[str, list[tuple[Any, ...]]]:
        return {name: self.ask(rows_of, table) for name, table in self.tables().items()}

    def tables(self) -> dict[str, Table]:
        return {table.name: table for view in self.log.views for table in view.tables}


def rows_of(connection: Connection, table: Table) -> list[tuple[Any, ...]]:
    return sorted((tuple(row) for row in connection.execute(select(table))), key=repr)


def _entry(key: str) -> dict[str, Any]:
    content = EncryptedFields(key_version=1, fields={"title": "AAAA", "text": "BBBB"})
    return {"entry": f"{SOURCE}/{key}", "section": "rewards_sanctions", "content": content}


def _recorded(says: Particulars, common: dict[str, Any]) -> RecordedFact:
    match says:
        case Registration():
            return WorkerRegistered(**common, identity=EncryptedIdentity(key_version=1, fields={"name": "AAAA"}, mark="m"))
        case Transfer():
            return RegistrationTransferred(**common)
        case RegistrationStatus():
            return RegistrationClosed(**common) if says.status == "closed" else RegistrationReopened(**common)
        case EngagementStart():
            return EngagementStarted(**common)
        case EngagementEnd():
            return EngagementEnded(**common)
        case Certificate():
            return CertificateIssued(**common)
        case CertificateChange():
            return CertificateChanged(**common)
        case Recognition():
            return CertificateRecognised(**common)
        case RatingResult():
            return AnnualRatingRecorded(**common)
        case InspectionResult():
            return InspectionConcluded(**common)


def days(*texts: str) -> tuple[date, ...]:
    return tuple(date.fromisoformat(text) for text in texts)
