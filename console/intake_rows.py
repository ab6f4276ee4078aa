"""A row of a table becomes a message: cells to values, values to a fact of the contract, identity and dossier entries sealed.

Pure but for sealing, which takes randomness: no file, no clock. ``Table`` knows the headings of one sheet; ``Draft`` is a fact
in plain values, whichever kind of file it came from, and ``finish`` gives it its id, seals and checks it.
"""

from __future__ import annotations

import hmac
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any, Literal

import orjson
from joserfc.jwk import OKPKey
from pydantic import ValidationError

from console.intake_cells import Cell, Unreadable, blank
from console.intake_columns import (
    BY_FIELD,
    CONTENT,
    FACT_BY_TYPE,
    FACTS,
    FAMILIES,
    IDENTITY,
    NAMED_BY,
    TYPE_BY_KIND,
    Column,
    column_of,
    fact_type_of,
    is_example_mark,
    is_passed_over,
    is_problems_heading,
    is_running_number,
)
from console.intake_faults import COLUMNS_MAX, fault_of
from console.intake_templates import is_example
from console.sealing import seal, seal_dossier
from console.workbook import letters_of
from contracts.base import utc_text
from contracts.intake import FACT_TYPES, INTAKE_BYTES_MAX, DossierContent, FactCorrected, Identity, fact_subject, parse
from contracts.plain_identity import plain_identities
from contracts.possible import AHEAD_SECONDS_MAX, impossible, impossible_age, impossible_day
from contracts.problems import Lang, problem, problems_of
from contracts.receipts import Problem
from contracts.resident_id import born_on, looks_like_resident_id

__all__ = ["CORRECTED", "DOSSIER", "Draft", "Reading", "Row", "Table", "check", "finish", "placed_in_row", "placed_on_line"]

ID_KEY_BYTES_MIN = 16
"""Bytes of the key under which message ids are made."""
PROBLEM_HEADING_CHARACTERS_MAX = 40


@dataclass(frozen=True, slots=True)
class Row:
    """One row: a message that is ready to publish, or the problems that keep it from being one.

    number: as a spreadsheet counts, the heading being row 1; in JSON Lines, the line. message: CloudEvents JSON, None if
    there are problems. message_id: "" if the row could not be read that far. table: whose row it is; None in JSON Lines.
    """

    number: int
    message: bytes | None
    subject: str
    message_id: str
    problems: tuple[Problem, ...]
    sheet: str = ""
    table: Table | None = field(default=None, repr=False, compare=False)

    def cell_of(self, each: Problem) -> str:
        """Where a problem stands, such as B7; "" if it is in no cell."""
        letters = "" if self.table is None else self.table.letters.get(each.field, "")
        return f"{letters}{self.number}" if letters else ""

    def told(self, each: Problem, lang: Lang) -> Problem:
        """A receipt's problem with the row, the cell and the heading of the file."""
        if self.table is None or self.message is None:
            return placed_on_line(each, self.number, lang)
        said = orjson.loads(self.message)
        known = each.model_copy(update={"field": self.table.heading_behind(each.field, said["type"], said["data"])})
        return known.model_copy(update={"problem": _where(self.number, known.field, self.cell_of(known), lang) + each.problem})

    def without_place(self, each: Problem, lang: Lang) -> str:
        """A problem of a table's row in one line, without its place: for a reader who sees it beside the row."""
        text = each.problem.removeprefix(_where(self.number, each.field, self.cell_of(each), lang))
        return f"{each.field}: {text}; {each.remedy}" if each.field else f"{text}; {each.remedy}"


@dataclass(frozen=True, slots=True)
class Reading:
    """What a file does not say itself.

    source: the publishing system, its NATS user. public_key: the registry's, to seal identity with. id_key: at least 16
    random bytes of this deployment: message ids are keyed hashes (HMAC-SHA-256, RFC 2104) of the rows, because a plain
    hash of a resident ID can be guessed. recorded_at: the ``time`` of rows that give none; it is no part of the id, so a
    file that is published again repeats its ids. fact: the fact type, short, whole or Chinese. sheet: only this sheet.
    hidden: whether hidden sheets, rows and columns of a workbook are read; None: a workbook that has some is not opened.
    ids_only: find the message ids, and neither seal nor check: the rows have no messages.
    """

    source: str
    public_key: OKPKey
    id_key: bytes = field(repr=False)
    recorded_at: datetime
    fact: str | None = None
    sheet: str | None = None
    lang: Lang = "en"
    hidden: Literal["take", "skip"] | None = None
    ids_only: bool = False

    def __post_init__(self) -> None:
        if len(self.id_key) < ID_KEY_BYTES_MIN:
            raise ValueError(f"id_key has at least {ID_KEY_BYTES_MIN} bytes")
        if self.recorded_at.tzinfo is None:
            raise ValueError("recorded_at has a time zone")


# -------------------------------------------------------------------------------------------- a message from a row's values


@dataclass(slots=True)
class Draft:
    """A fact in plain values, before they are sealed. content: of a dossier entry; None: there is nothing of it to seal."""

    type: str
    effectiveon: Any
    data: dict[str, Any]
    identity: dict[str, str]
    content: dict[str, Any] | None = None
    time: str | None = None
    id: str | None = None
    correlationid: str | None = None
    service: str | None = None


def finish(draft: Draft, reading: Reading) -> tuple[bytes | None, str, str, tuple[Problem, ...]]:
    """Give the draft its id, seal its identity, check it: (message, subject, id, problems with contract fields)."""
    content = {"source": reading.source, "type": draft.type, "effectiveon": draft.effectiveon,
               "data": draft.data, "identity": _wanted(draft)}  # fmt: skip
    if draft.content is not None:
        content["content"] = draft.content
    short = draft.type.split(".")[1]
    message_id = draft.id
    if message_id is None:
        canonical = orjson.dumps(content, option=orjson.OPT_SORT_KEYS)
        message_id = f"{short}-{hmac.digest(reading.id_key, canonical, 'sha256').hex()[:32]}"
    if reading.ids_only:
        return None, "", message_id, ()
    subject = fact_subject(reading.source, draft.service or FACT_TYPES[draft.type][1][0], draft.type)
    problems: list[Problem] = []
    if draft.identity:
        problems += _seal_identity(draft, reading)
    if draft.content is not None:
        problems += _seal_content(draft, draft.content, reading)
    envelope = {
        "specversion": "1.0",
        "id": message_id,
        "source": reading.source,
        "type": draft.type,
        "time": draft.time or utc_text(reading.recorded_at),
        "effectiveon": draft.effectiveon,
        "data": draft.data,
    }
    if draft.effectiveon is None:
        del envelope["effectiveon"]
    if draft.correlationid is not None:
        envelope["correlationid"] = draft.correlationid
    raw = orjson.dumps(envelope)
    problems += check(raw, draft.type, reading)
    return (None if problems else raw), subject, message_id, tuple(problems)


def _wanted(draft: Draft) -> dict[str, str]:
    """The part of the identity that the type needs: a fact that only names its person carries no more of them than that."""
    if draft.type in _WHOLE_IDENTITY:
        return draft.identity
    return {name: draft.identity[name] for name in ("resident_id",) if name in draft.identity}


def _seal_identity(draft: Draft, reading: Reading) -> tuple[Problem, ...]:
    """Check the identity, then put it sealed where the type has it. Returns problems with fields such as ``name``."""
    whole = draft.type in _WHOLE_IDENTITY
    try:
        checked = Identity.model_validate(draft.identity if whole else {"name": "-", **draft.identity})
    except ValidationError as error:
        found = problems_of(error, None, reading.lang)
        _place_identity(draft, _PLACEHOLDER)
        return found
    sealed = seal(checked if whole else {"resident_id": checked.resident_id}, reading.public_key)
    _place_identity(draft, sealed)
    try:
        day = date.fromisoformat(str(draft.effectiveon))
    except ValueError:  # What is wrong with the day is told of it.
        return ()
    wrong = impossible_age(born_on(checked.resident_id), day, "resident_id", reading.lang) if whole else None
    return () if wrong is None else (wrong,)


def _seal_content(draft: Draft, content: dict[str, Any], reading: Reading) -> tuple[Problem, ...]:
    """Check the content of a dossier entry, then put it sealed. Returns problems with fields such as ``title``."""
    draft.data["content"] = _PLACEHOLDER
    try:
        draft.data["content"] = seal_dossier(DossierContent.model_validate(content), reading.public_key)
    except ValidationError as error:
        return problems_of(error, None, reading.lang)
    except ValueError:  # Longer than can be sealed, which only escaped control characters come to.
        return (fault_of("control-character", "text", reading.lang),)
    return ()


_WHOLE_IDENTITY = ("intake.worker-registered.v1", "intake.fact-corrected.v1")
CORRECTED = "intake.fact-corrected.v1"
DOSSIER = ("intake.dossier-entry-recorded.v1", "intake.dossier-entry-corrected.v1")
_PLACEHOLDER = "e30..AA.AA.AA"
"""Stands for what could not be sealed, so that the rest of the row is checked; never published."""


def _place_identity(draft: Draft, sealed: str) -> None:
    if draft.type == CORRECTED:
        draft.data["identity"] = sealed
    else:
        draft.data.setdefault("person", {})["identity"] = sealed


def check(raw: bytes, type: str | None, reading: Reading) -> tuple[Problem, ...]:
    """What the contracts say of a message, and what a service would refuse whatever it has on file."""
    lang = reading.lang
    if len(raw) > INTAKE_BYTES_MAX:
        return (fault_of("too-large", "", lang),)
    if looks_like_resident_id(raw.decode()):
        return (problem("plain-identity", "", lang),)
    try:
        message = parse(raw)
    except ValidationError as error:
        return problems_of(error, type, lang)
    except OverflowError:  # A time that exists nowhere in UTC, such as the last hours of year 9999 in the west.
        return (problem("impossible-time", "time", lang),)
    found = plain_identities(FACT_TYPES[message.type][0], orjson.loads(raw)["data"], lang)
    if message.type not in _DATED:
        return found
    day, received_at = message.effectiveon, reading.recorded_at
    says = message.data.replacement if isinstance(message.data, FactCorrected) else message.data
    ahead = message.time > received_at + timedelta(seconds=AHEAD_SECONDS_MAX)
    wrong = (
        problem("time-ahead", "time", lang)
        if ahead
        else impossible_day(day, message.time, received_at, lang) or impossible(says, day, received_at, lang)
    )
    return found if wrong is None else (*found, wrong)


_DATED = frozenset(
    type
    for type, (content, services) in FACT_TYPES.items()
    if services in (("registry",), ("talent",)) and "document" not in content.__pydantic_fields__
)
"""Types whose day a service holds against its clock."""


# ------------------------------------------------------------------------------------------------- a row of a table


class Table:
    """The headings of one sheet, and what turns its rows into messages."""

    def __init__(self, headings: list[str], fact: str | None, sheet: str, reading: Reading, number: int = 1) -> None:
        """fact: the type of all rows, None if a column says it. number: the row of the headings."""
        self._reading, self._sheet, self._fact, self._lang = reading, sheet, fact, reading.lang
        self._columns: list[tuple[int, str, Column]] = []
        self._heading_of: dict[str, str] = {}
        self.letters: dict[str, str] = {}
        self._width = len(headings)
        self._mark_at: int | None = None
        self._mark = ""
        self.problems = tuple(self._read_headings(headings, number))

    def _read_headings(self, headings: list[str], number: int) -> Iterator[Problem]:
        if all(column_of(heading) is None for heading in headings):
            # Nothing of the row is repeated: in a file without headings it is a person's.
            yield fault_of("no-heading", "", self._lang)
            return
        if sum(not is_problems_heading(heading) for heading in headings) > COLUMNS_MAX:
            yield fault_of("too-many-columns", "", self._lang)
            return
        for index, heading in enumerate(headings):
            if is_running_number(heading):
                self._mark_at, self._mark = index, heading
            if not heading or is_passed_over(heading):
                continue
            shown = _shown_heading(heading)
            self.letters.setdefault(shown, letters_of(index + 1))
            column = column_of(heading)
            if column is None:
                yield self._placed(fault_of("unknown-column", shown, self._lang), number)
                continue
            column = _meant(column, self._fact)
            if column.field in self._heading_of:
                yield self._placed(fault_of("duplicate-column", shown, self._lang), number)
            else:
                self._columns.append((index, shown, column))
                self._heading_of[column.field] = shown
        if self._fact is None and "fact" not in self._heading_of:
            yield fault_of("no-fact-type", "", self._lang)

    def row(self, number: int, cells: list[Cell]) -> Row | None:
        """Turn one row of cells into a message, or into problems. None: a template's example, which nobody reports."""
        problems: list[Problem] = []
        values: dict[str, Any] = {}
        if any(not blank(cell) for cell in cells[self._width :]):
            problems.append(self._placed(fault_of("extra-cells", "", self._lang), number))
        for index, heading, column in self._columns:
            cell = cells[index] if index < len(cells) else None
            if blank(cell):
                continue
            try:
                values[column.field] = column.kind.read(cell)
            except Unreadable as fault:
                problems.append(self._placed(fault_of(str(fault), heading, self._lang), number))
                values[column.field] = None
        type = fact_type_of(str(values["fact"])) if values.get("fact") else self._fact
        at = self._mark_at
        if at is not None and at < len(cells) and is_example_mark(str(cells[at])):
            if is_example(type or "", {name: value for name, value in values.items() if name != "fact"}):
                return None
            problems.append(self._placed(fault_of("marked-example", self._mark, self._lang), number))
        if type is None or type not in FACT_BY_TYPE:
            names = ", ".join(fact.zh if self._lang == "zh" else fact.short for fact in FACTS)
            problems.append(self._placed(problem("unknown-type", self._heading("fact"), self._lang, names), number))
            return Row(number, None, "", "", tuple(problems), self._sheet, self)
        return self._row_of(number, type, values, problems)

    def _row_of(self, number: int, type: str, values: dict[str, Any], problems: list[Problem]) -> Row:
        draft, twice = _draft_of(type, values)
        problems += [self._placed(fault_of("said-twice", self._heading(name), self._lang), number) for name in twice]
        message, subject, message_id, found = finish(draft, self._reading)
        told = {each.field for each in problems}
        if any(self._heading(name) in told for name in NAMED_BY):
            found = tuple(each for each in found if each.code != "person-ambiguous")
        for each in found:
            placed = self._placed(
                each.model_copy(update={"field": self.heading_behind(each.field, draft.type, draft.data)}), number
            )
            if placed.field not in told or not placed.field:  # A cell that could not be read is told once.
                problems.append(placed)
        problems = list(dict.fromkeys(problems))
        return Row(number, None if problems else message, subject, message_id, tuple(problems), self._sheet, self)

    def _placed(self, each: Problem, number: int) -> Problem:
        """Put row and column in front of the text, in the words of the one who wrote the file."""
        letters = self.letters.get(each.field, "")
        where = _where(number, each.field, f"{letters}{number}" if letters else "", self._lang)
        return each.model_copy(update={"problem": where + each.problem})

    def _heading(self, field: str) -> str:
        """The heading as the user wrote it; if there is none, as the column is called."""
        return self._heading_of[field] if field in self._heading_of else BY_FIELD[field].heading(self._lang)

    def heading_behind(self, path: str, type: str, data: Mapping[str, Any]) -> str:
        """The heading behind a field of a fact such as ``data.person.source_key`` or ``data.scores.2``."""
        for family in _LISTS:
            if family in path.split("."):
                return self._heading_of_entry(path, family, data)
        parts = [part for part in path.split(".") if not part.isdigit()]
        leaf = parts[-1] if parts else ""
        if in_one_cell := next((part for part in parts if part in _IN_ONE_CELL), None):
            leaf = in_one_cell
        elif len(parts) > 1 and parts[-2] in ("corrects", "withdraws"):
            leaf = f"{parts[-2]}_{leaf}"
        elif leaf in ("corrects", "withdraws"):
            leaf = f"{leaf}_id"
        elif leaf in _HEADING_OF_OBJECT:
            leaf = _HEADING_OF_OBJECT[leaf]
        elif leaf == "person":
            named = [self._heading(field) for field in NAMED_BY if field in self._heading_of]
            return " / ".join(named) or self._heading("source_key")
        else:
            leaf = self._column_into(leaf, type, data, replaced="replacement" in parts)
        return self._heading(leaf) if leaf in BY_FIELD else path

    def _column_into(self, leaf: str, type: str, data: Mapping[str, Any], *, replaced: bool) -> str:
        """The column from which a field of the contract came, or should have come; the field itself if there is none."""
        fact = FACT_BY_TYPE[type]
        if type == CORRECTED:
            if not replaced:
                return leaf
            fact = FACT_BY_TYPE.get(TYPE_BY_KIND.get(str(data["replacement"].get("kind")), ""), fact)
        names = [*fact.columns, *BY_FIELD]
        # A correction's own reason stands beside that of what it replaces.
        found = [name for name in names if BY_FIELD[name].into == leaf and not (replaced and name == "reason")]
        return next((name for name in found if name in self._heading_of), found[0] if found else leaf)

    def _heading_of_entry(self, path: str, family: str, data: Mapping[str, Any]) -> str:
        """The heading, or headings, of one entry of a list that columns such as ``学时:training`` make."""
        parts = path.split(".")
        at = parts.index(family) + 1
        holder = data.get("replacement", data)
        if at >= len(parts) or not parts[at].isdigit():
            return path
        name = holder[family][int(parts[at])][_LISTS[family]]
        whole = f"{family}/{name}/"
        part = whole + parts[at + 1] if len(parts) > at + 1 else ""
        # What a heading cannot hold, such as the entry's name itself, is mended where the entry stands.
        return self._heading_of.get(part) or " / ".join(h for field, h in self._heading_of.items() if field.startswith(whole))


_LISTS = {family.list: family.named for family in FAMILIES}
_IN_ONE_CELL = ("titles", "posts")
"""Lists of objects that one cell holds: what is wrong inside an entry is mended in that cell."""
_HEADING_OF_OBJECT = {"identity": "resident_id", "replacement": "kind", "content": "entry_title"}


def _where(number: int, field: str, cell: str, lang: Lang) -> str:
    if lang == "zh":
        return f"第 {number} 行" + (f"“{field}”列" if field else "") + (f"（{cell}）" if cell else "") + "："
    return f"row {number}" + (f", column “{field}”" if field else "") + (f" ({cell})" if cell else "") + ": "


def placed_in_row(each: Problem, number: int, lang: Lang) -> Problem:
    """A problem of a whole row, with its number in front of the text."""
    return each.model_copy(update={"problem": _where(number, "", "", lang) + each.problem})


def placed_on_line(each: Problem, number: int, lang: Lang) -> Problem:
    """A problem with the line of a JSON Lines file, and the field, in front of its text."""
    where = f"第 {number} 行" if lang == "zh" else f"line {number}"
    where += f" {each.field}" if each.field else ""
    return each.model_copy(update={"problem": f"{where}{'：' if lang == 'zh' else ': '}{each.problem}"})


def _meant(column: Column, fact: str | None) -> Column:
    """What a heading means on a sheet of one fact: 原因 on a sheet of closings is the reason of the closing."""
    columns = FACT_BY_TYPE[fact].columns if fact in FACT_BY_TYPE else ()
    if column.family is not None or column.field in columns:
        return column
    same = [BY_FIELD[name] for name in columns if BY_FIELD[name].into == column.into]
    return same[0] if len(same) == 1 else column


def _shown_heading(heading: str) -> str:
    """A heading as it may be repeated: a file without a heading row has a person's data there."""
    text = heading[:PROBLEM_HEADING_CHARACTERS_MAX]
    return "***" if re.search(r"[0-9０-９]{5}", text) else text


def _draft_of(type: str, values: dict[str, Any]) -> tuple[Draft, list[str]]:
    """Put a row's flat values where the contract has them. Returns columns too that say what another has said."""
    values, fact = dict(values), FACT_BY_TYPE[type]
    values.pop("fact", None)
    identity = {k: v for k in IDENTITY if (v := values.pop(k, None)) is not None}
    draft = Draft(type, values.pop("effectiveon", None), {}, identity)
    draft.time, draft.id = values.pop("time", None), values.pop("id", None)
    person = {k: v for k in ("source_key", "key_source", "person_ref") if (v := values.pop(k, None)) is not None}
    for what in ("corrects", "withdraws"):
        pointed = {k: v for k in ("id", "source") if (v := values.pop(f"{what}_{k}", None)) is not None}
        if pointed:
            draft.data[what] = pointed
    if type in DOSSIER:
        draft.content = {name: v for k, name in CONTENT.items() if (v := values.pop(k, None)) is not None}
    if type == CORRECTED:
        if (reason := values.pop("reason", None)) is not None:
            draft.data["reason"] = reason
        draft.data["replacement"], twice = _by_contract(values)
        draft.data.update({"person": person} if person else {})
        return draft, twice
    data, twice = _by_contract(values)
    draft.data |= data
    if not fact.about_person:
        draft.identity = {}  # It is about no person: a name column beside it helps only the reader.
        draft.data.update({"person": person} if person else {})
        return draft, twice
    if not fact.registers and "resident_id" not in identity:
        draft.identity = {}  # A name or a phone alone names nobody; the key does.
    draft.data["person"] = person
    return draft, twice


def _by_contract(values: dict[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """Columns → fields of the contract, lists made of their columns; and the columns whose field another one filled."""
    data: dict[str, Any] = {}
    twice: list[str] = []
    entries: dict[tuple[str, str], dict[str, Any]] = {}
    for name, value in values.items():
        if "/" in name:
            family, entry, part = name.split("/")
            entries.setdefault((family, entry), {_LISTS[family]: entry})[part] = value
        elif BY_FIELD[name].into in data:
            twice.append(name)
        else:
            data[BY_FIELD[name].into] = value
    for (family, _), entry_value in entries.items():
        data.setdefault(family, []).append(entry_value)
    return data, twice
