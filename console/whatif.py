"""``hongling what-if``: a candidate policy over everybody's real facts, beside what was decided. It changes nothing.

The facts and the decisions come from the allowance log alone, up to a moment of recording, so the answer can be repeated. The
candidate stands beside the policies published by then, as if it were published last: it governs whom it would govern. People
whom it does not concern are left out of the sums.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
import typer
from pydantic import TypeAdapter
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from rich.table import Table
from sqlalchemy import Connection, func, select

from console.context import Context, DataOption, JsonOption, LangOption, context
from console.explain import KnownOption, YearOption
from console.people import Known, known_at, position_at
from console.proposals import proposals_in, text_of
from console.publishing import sound_document
from console.words import Words, safe, show_table, yuan
from contracts.allowance import EntitlementAdjusted, EntitlementDecided, FactHeard, PolicyPublished
from contracts.particulars import Particulars
from contracts.policy import PolicyDocument
from eventlog import schema
from eventlog.bulk import one_of
from eventlog.log import Log
from services.allowance.decider import DecisionOnFile, Happened, Worker, replay, standing_facts, stream_of
from services.allowance.engine import PolicyInForce, choose_policy
from services.allowance.handlers import POLICIES
from services.allowance.policy import check_policy, read_policy
from services.allowance.views import worker

if TYPE_CHECKING:
    from services.allowance.columns import Columns
    from services.allowance.evaluation import Results

__all__ = ["Comparison", "compare", "published_policies", "register"]

PEOPLE_PAGE = 1_000
SHOWN_MAX = 1_000
CANDIDATE = "00000000-0000-0000-0000-000000000000"
"""The id of the event that would publish the candidate."""


def register(app: typer.Typer) -> None:
    app.command("what-if")(what_if)


def what_if(
    policy: Annotated[
        Path, typer.Argument(help="YAML file of the candidate document, or the event that proposed it", show_default=False)
    ],
    year: YearOption,
    known: KnownOption = None,
    show: Annotated[int, typer.Option("--show", min=0, max=SHOWN_MAX, help="list so many of the greatest differences")] = 0,
    data: DataOption = None,
    as_json: JsonOption = False,
    lang: LangOption = None,
) -> None:
    """A candidate policy over everybody's facts: what it would come to, and who would get more or less. Publishes nothing."""
    ctx = context(data, as_json, lang)
    moment = known_at(known)
    document = _candidate(ctx, policy)
    with ctx.log("allowance") as log, log.database.read.connect() as connection:
        if connection.dialect.name == "postgresql":
            connection = connection.execution_options(isolation_level="REPEATABLE READ")
        head = log.head(connection)
        position = position_at(connection, head.position, moment)
        published = published_policies(log, connection, moment)
        with _bar(ctx, _people(connection)) as progress:
            found = compare(log, connection, published, document, year, position, show, progress)
    answer = found.answer() | {"known_at": moment.until or head.recorded_at, "position": position}
    answer["instead"] = _instead(published, document, year) if not found.concerned else None
    ctx.show(answer, lambda: _text(ctx, document, answer))


@contextmanager
def _bar(ctx: Context, people: int) -> Iterator[Callable[[int], None] | None]:
    """A progress bar on a terminal, nothing on a pipe."""
    if ctx.as_json or not ctx.out.is_terminal:
        yield None
        return
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("what-if", total=people)
        yield lambda done: progress.update(task, completed=done)


def _candidate(ctx: Context, file: Path) -> PolicyDocument:
    """Ends the command with 2 if the document has an error. file: or the event id of a proposal."""
    if not file.exists():
        with ctx.log("allowance") as log:
            found = proposals_in(log).get(str(file))
        text = None if found is None else text_of(found)
        if text is not None:
            return read_policy(text)
    return read_policy(sound_document(ctx, file, check_policy))


def published_policies(log: Log, connection: Connection, known: Known) -> list[PolicyInForce]:
    """As they were recorded until a moment."""
    return [
        PolicyInForce(recorded.event_id, recorded.event.document)
        for recorded in log.load(connection, [POLICIES])[POLICIES]
        if known.includes(recorded.recorded_at) and isinstance(recorded.event, PolicyPublished)
    ]


def _instead(published: Sequence[PolicyInForce], document: PolicyDocument, year: int) -> str | None:
    """Which published policy goes before the candidate, in the candidate's own division."""
    rivals = [each for each in published if each.document.instrument == document.instrument]
    chosen = choose_policy([*rivals, PolicyInForce(CANDIDATE, document)], document.division, year)
    return None if chosen is None or chosen.event_id == CANDIDATE else chosen.document.document


# --- reading ----------------------------------------------------------------------------------------------------------


class _Standing(msgspec.Struct, frozen=True):
    slot: str
    fact: str | None


class _Heard(msgspec.Struct, frozen=True):
    """What a year's decision needs of a heard fact. particulars: as they were written."""

    heard: str
    standings: tuple[_Standing, ...]
    particulars: msgspec.Raw


_HEARD = msgspec.json.Decoder(_Heard)
_ON_FILE = msgspec.json.Decoder(DecisionOnFile)
_PARTICULARS: TypeAdapter[Particulars] = TypeAdapter(Particulars)
_DECISIONS = (EntitlementDecided.TYPE, EntitlementAdjusted.TYPE)


def _happened(event_id: str, kind: str, effective_on: str, data: str) -> Happened:
    """An event as the decider folds it, without what nobody asks for here: that is most of the work of reading it."""
    if kind in _DECISIONS:
        return Happened(event_id, date.min, _ON_FILE.decode(data))
    found = _HEARD.decode(data)
    said = bytes(found.particulars)
    particulars = None if said == b"null" else _PARTICULARS.validate_json(said)
    known: dict[str, Any] = {"heard": found.heard, "particulars": particulars, "standings": found.standings}
    return Happened(event_id, date.fromisoformat(effective_on), FactHeard.model_construct(**known))


def _people(connection: Connection) -> int:
    return connection.scalar(select(func.count()).select_from(worker)) or 0


def _pages(connection: Connection, position: int) -> Iterator[dict[str, Worker]]:
    """Everybody, a page at a time, as known at a position of the log: person_ref → state. Who came later is left out."""
    event = schema.event.c
    columns = select(event.stream, event.event_id, event.type, event.effective_on, event.data)
    after = ""
    while True:
        query = select(worker.c.person_ref).where(worker.c.person_ref > after).order_by(worker.c.person_ref)
        people = connection.scalars(query.limit(PEOPLE_PAGE)).all()
        if not people:
            return
        after = people[-1]
        streams = {stream_of(ref): ref for ref in people}
        query_of_page = columns.where(one_of(connection, event.stream, list(streams)), event.position <= position)
        histories: dict[str, list[Happened]] = {}
        for stream, *past in connection.execute(query_of_page.order_by(event.stream, event.version)):
            histories.setdefault(streams[stream], []).append(_happened(*past))
        yield {ref: replay(history) for ref, history in histories.items()}


# --- comparing --------------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class Sums:
    """people: whom the candidate concerns. Amounts in fen."""

    people: int = 0
    before_fen: int = 0
    after_fen: int = 0
    raised: int = 0
    lowered: int = 0

    def add(self, before: int, after: int) -> None:
        self.people += 1
        self.before_fen += before
        self.after_fen += after
        self.raised += after > before
        self.lowered += after < before


@dataclass(frozen=True, slots=True, order=True)
class Change:
    """One worker's difference, the greatest first; of equal ones by person_ref."""

    size: int
    person_ref: str
    division: str
    before_fen: int
    after_fen: int


@dataclass(slots=True)
class Comparison:
    """What the candidate would come to for those whom it concerns, beside what was decided for them.

    looked_at: everybody with a fact. concerned: those whom the candidate would govern, or for whom it would leave nothing to be
    decided. new: of them, those for whom nothing was decided so far. paid_before, paid_after: who gets anything. irregular: how
    many did not fit into columns. asked: how many different cases the engine decided.
    """

    document: PolicyDocument
    year: int
    show: int = 0
    looked_at: int = 0
    irregular: int = 0
    asked: int = 0
    new: int = 0
    paid_before: int = 0
    paid_after: int = 0
    raised_fen: int = 0
    lowered_fen: int = 0
    total: Sums = field(default_factory=Sums)
    by_division: dict[str, Sums] = field(default_factory=dict)
    by_payer: dict[str, list[int]] = field(default_factory=dict)
    changes: list[Change] = field(default_factory=list)

    @property
    def concerned(self) -> int:
        return self.total.people

    def add(
        self, person_ref: str, division: str, before: Sequence[tuple[str, int]] | None, after: Sequence[tuple[str, int]]
    ) -> None:
        """Take in one worker whom the candidate concerns. before, after: payer and fen; before None: nothing was decided."""
        was, would_be = sum([fen for _, fen in before or ()]), sum([fen for _, fen in after])
        self.new += before is None
        self.paid_before += was > 0
        self.paid_after += would_be > 0
        self.raised_fen += max(would_be - was, 0)
        self.lowered_fen += max(was - would_be, 0)
        self.total.add(was, would_be)
        self.by_division.setdefault(division, Sums()).add(was, would_be)
        for side, amounts in enumerate((before or (), after)):
            for payer, fen in amounts:
                self.by_payer.setdefault(payer, [0, 0])[side] += fen
        if self.show and was != would_be:
            change = Change(abs(would_be - was), person_ref, division, was, would_be)
            keep = heapq.heappush if len(self.changes) < self.show else heapq.heappushpop
            keep(self.changes, change)

    def answer(self) -> dict[str, Any]:
        """As JSON."""
        total = self.total
        return {
            "document": self.document.document,
            "revision": self.document.revision,
            "title": self.document.title,
            "division": self.document.division,
            "instrument": self.document.instrument,
            "year": self.year,
            "people": self.looked_at,
            "concerned": total.people,
            "not_decided_before": self.new,
            "paid_before": self.paid_before,
            "paid_after": self.paid_after,
            "raised": {"people": total.raised, "fen": self.raised_fen},
            "lowered": {"people": total.lowered, "fen": self.lowered_fen},
            "unchanged": total.people - total.raised - total.lowered,
            "before_fen": total.before_fen,
            "after_fen": total.after_fen,
            "difference_fen": total.after_fen - total.before_fen,
            "by_payer": [
                {"payer": payer, "before_fen": before, "after_fen": after}
                for payer, (before, after) in sorted(self.by_payer.items())
                if before or after
            ],
            "by_division": [{"division": division} | asdict(sums) for division, sums in sorted(self.by_division.items())],
            "changes": [
                {name: getattr(each, name) for name in ("person_ref", "division", "before_fen", "after_fen")}
                for each in sorted(self.changes, reverse=True)
            ],
            "irregular": self.irregular,
            "cases": self.asked,
        }


def compare(
    log: Log,
    connection: Connection,
    published: Sequence[PolicyInForce],
    candidate: PolicyDocument,
    year: int,
    position: int,
    show: int = 0,
    progress: Callable[[int], None] | None = None,
) -> Comparison:
    """Evaluate everybody's year under the published policies and the candidate, as known at a position of the log."""
    # Arrays take a tenth of a second to load: no other command should wait for them.
    from services.allowance.columns import Words as CodeWords
    from services.allowance.columns import columns_of
    from services.allowance.evaluation import Evaluator

    instrument = candidate.instrument
    with_it = Evaluator([*published, PolicyInForce(CANDIDATE, candidate)], year, instrument)
    without = Evaluator(published, year, instrument)
    words, found = CodeWords(), Comparison(candidate, year, show)
    for page in _pages(connection, position):
        columns: Columns = columns_of([standing_facts(state) for state in page.values()], year, words)
        after, before = with_it.evaluate(columns), without.evaluate(columns)
        found.looked_at += columns.people
        found.irregular += len(columns.irregular)
        found.asked += after.asked
        _take_in(found, page, after, before)
        if progress is not None:
            progress(found.looked_at)
    return found


def _take_in(found: Comparison, page: dict[str, Worker], after: Results, before: Results) -> None:
    """Those of a page whom the candidate concerns."""
    import numpy as np

    concerned = (after.governed_by == len(after.policies) - 1) | ((after.governed_by < 0) & (before.governed_by >= 0))
    people = list(page.items())
    divisions = after.columns.words.divisions.words
    for place in np.flatnonzero(concerned).tolist():
        person_ref, state = people[place]
        decided = state.decided.get((found.year, found.document.instrument))
        owed = [(payer, int(fen[place])) for payer, fen in after.payers.items() if fen[place]]
        division = divisions[(after if after.governed_by[place] >= 0 else before).divisions[place]]
        found.add(
            person_ref,
            division,
            None if decided is None else [(purse.payer, fen) for purse, fen in decided.payers.items()],
            owed,
        )


# --- text -------------------------------------------------------------------------------------------------------------


def _text(ctx: Context, document: PolicyDocument, answer: dict[str, Any]) -> str:
    words = Words(ctx.lang, document)
    name = safe(document.document) + (words.say(f"第{document.revision}版", f" revision {document.revision}"))
    ctx.out.print(
        words.say(
            f"[bold]试算：{name}，{answer['year']} 年[/bold]（不发布，不改变任何决定）",
            f"[bold]What if: {name}, {answer['year']}[/bold] (nothing is published, no decision is changed)",
        )
    )
    if answer["instead"] is not None:
        other = safe(answer["instead"])
        return words.say(
            f"该办法在 {answer['division']} {answer['year']} 年不会适用：{other} 优先。请提高版本号或印发日期。",
            f"It would govern nobody in {answer['division']} in {answer['year']}: {other} goes before it. "
            "Raise its revision or its date of issue.",
        )
    if answer["by_payer"]:
        _show_rows(
            ctx, words, words.say("支付方", "payer"), [(words.payer(e["payer"]), e) for e in answer["by_payer"]], people=False
        )
    if answer["by_division"]:
        _show_rows(ctx, words, words.say("区划", "division"), [(e["division"], e) for e in answer["by_division"]], people=True)
    if answer["changes"]:
        _show_rows(ctx, words, words.say("人员", "person"), [(e["person_ref"], e) for e in answer["changes"]], people=False)
    return "\n".join(_summary(words, answer))


def _show_rows(ctx: Context, words: Words, what: str, rows: list[tuple[str, dict[str, Any]]], *, people: bool) -> None:
    table = Table()
    table.add_column(what)
    heads = words.say("人数,增加,减少", "people,more,less").split(",") if people else []
    for head in [*heads, *words.say("原决定,试算,差额", "decided,what if,difference").split(",")]:
        table.add_column(head, justify="right")
    for name, each in rows:
        counts = [str(each[key]) for key in ("people", "raised", "lowered")] if people else []
        before, after = each["before_fen"], each["after_fen"]
        table.add_row(safe(name), *counts, yuan(before), yuan(after), yuan(after - before))
    show_table(ctx.out, table)


def _summary(words: Words, answer: dict[str, Any]) -> list[str]:
    raised, lowered = answer["raised"], answer["lowered"]
    before, after, difference = (yuan(answer[key]) for key in ("before_fen", "after_fen", "difference_fen"))
    lines = [
        words.say(
            f"涉及 {answer['concerned']} 人（共 {answer['people']} 人），其中 {answer['not_decided_before']} 人此前未作决定",
            f"{answer['concerned']} of {answer['people']} people concerned, "
            f"{answer['not_decided_before']} of them without a decision so far",
        ),
        words.say(
            f"增加 {raised['people']} 人（{yuan(raised['fen'])}），减少 {lowered['people']} 人（{yuan(lowered['fen'])}），"
            f"不变 {answer['unchanged']} 人",
            f"{raised['people']} would get more ({yuan(raised['fen'])}), {lowered['people']} less ({yuan(lowered['fen'])}), "
            f"{answer['unchanged']} the same",
        ),
        words.say(
            f"发放人数由 {answer['paid_before']} 变为 {answer['paid_after']}",
            f"{answer['paid_after']} would be paid instead of {answer['paid_before']}",
        ),
        words.say(
            f"[bold]合计由 {before} 变为 {after}（{difference}）[/bold]",
            f"[bold]{after} in all instead of {before} ({difference})[/bold]",
        ),
        words.say(
            f"截至 {answer['known_at']}，日志位置 {answer['position']}",
            f"as known at {answer['known_at']}, position {answer['position']} of the log",
        ),
    ]
    if answer["irregular"]:
        lines.insert(
            -1,
            words.say(
                f"{answer['irregular']} 人的经历不规则，已逐一计算",
                f"{answer['irregular']} irregular histories were decided one by one",
            ),
        )
    return lines
