"""``hongling history``: a worker's file with both times, what was reported and what of it stands. Identity is never shown.

Facts come from the registry's log, decisions from the allowance's. ``--known`` asks what was recorded until then,
``--effective`` what was true then by what was known.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Annotated, Any, cast

import typer
from rich.table import Table
from sqlalchemy import Connection

from console.context import Context, DataOption, JsonOption, LangOption, context
from console.explain import KnownOption, PersonArgument, decision_rows, history_line, read_file
from console.people import Known, business_day_of, known_at, person_ref_of
from console.registry_words import Step, step_text
from console.words import Words, day_of, safe, show_table
from contracts.particulars import Particulars
from contracts.registry import FactAbsorbed, FactCorrected, FactWithdrawn, RecordedFact, WorkerEvent
from eventlog.log import Log, Recorded
from services.registry.decider import Happened, Worker, evolve, leaves_of, stream_of
from services.registry.decider import Known as KnownFact

__all__ = ["STATUS", "FactFile", "fact_row", "read_facts", "register"]

EffectiveOption = Annotated[
    str | None, typer.Option("--effective", help="as it was true on that day, YYYY-MM-DD", show_default=False)
]

STATUS: Mapping[str, tuple[str, str]] = {
    "stands": ("有效", "stands"),
    "agrees": ("与有效事实一致", "says the same as what stands"),
    "contradicted": ("与有效事实矛盾", "contradicted by what stands"),
    "corrected": ("已被更正", "was corrected"),
    "withdrawn": ("已被撤回", "was withdrawn"),
    "applies": ("撤回有效", "the withdrawal applies"),
    "overruled": ("撤回已失效", "the withdrawal was overruled"),
    "merged": ("已随档案并入另一档案", "went with the file into another one"),
}


def register(app: typer.Typer) -> None:
    app.command()(history)


def history(
    person: PersonArgument,
    effective: EffectiveOption = None,
    known: KnownOption = None,
    data: DataOption = None,
    as_json: JsonOption = False,
    lang: LangOption = None,
) -> None:
    """Everything on file about a worker, when it was true and when it was known, and every decision about them."""
    ctx = context(data, as_json, lang)
    moment, on = known_at(known), business_day_of("--effective", effective)
    ref = person_ref_of(ctx, person)
    with ctx.log("registry") as log, log.database.read.connect() as connection:
        facts = read_facts(log, connection, ref, moment)
    with ctx.log("allowance") as log, log.database.read.connect() as connection:
        file = read_file(log, connection, ref, moment)
    words, decisions = Words(ctx.lang, file.last_document()), decision_rows(file, ctx.lang)
    answer = {
        "person_ref": ref,
        "known_at": moment.until,
        "effective_on": None if on is None else on.isoformat(),
        "facts": [fact_row(facts, recorded, words) for recorded in facts.recorded if _true_on(facts, recorded, on)],
        "steps": [_step_row(recorded, words) for recorded in facts.steps if on is None or recorded.effective_on <= str(on)],
        "standing": _standing(facts, on, words),
        "decisions": [row for row in decisions if on is None or row["effective_on"] <= on.isoformat()],
    }
    if as_json:
        ctx.show(answer)
    else:
        _print(ctx, answer, words)


# --- reading ----------------------------------------------------------------------------------------------------------

Fact = RecordedFact | FactCorrected | FactWithdrawn | FactAbsorbed


@dataclass(slots=True)
class FactFile:
    """A worker's registry stream up to a moment. recorded: the facts, with their corrections and withdrawals; steps: the rest.

    amendments: fact → the corrections and withdrawals of it.
    """

    recorded: list[Recorded] = field(default_factory=list)
    steps: list[Recorded] = field(default_factory=list)
    state: Worker = field(default_factory=Worker)
    amendments: dict[str, list[KnownFact]] = field(default_factory=dict)

    def status(self, event_id: str) -> tuple[str, str | None]:
        """Whether a fact stands, and the event because of which it does not."""
        facts, known = self.state.facts, self.state.facts[event_id]
        leaves = leaves_of(facts)
        own = leaves[event_id]
        if own is None:
            return "withdrawn", self._withdrawal_of(event_id)
        if known.says is None and known.target is not None:
            leaf = leaves[known.target]
            return ("applies", None) if leaf is None else ("overruled", leaf.event_id)
        root = event_id
        while (target := facts[root].target) is not None:
            root = target
        leaf = leaves[root]
        if leaf is None:
            return "withdrawn", self._withdrawal_of(root)
        if leaf.event_id != event_id or known.says is None:
            return "corrected", leaf.event_id
        # A correction fills the slot of the source whose fact it corrects.
        stands, against = self.state.standing.get(known.says.slot(facts[root].source), (None, ()))
        if stands == event_id:
            return "stands", None
        if stands is None:
            return "merged", None
        return ("contradicted" if event_id in against else "agrees"), stands

    def _withdrawal_of(self, event_id: str) -> str | None:
        """The withdrawal at the end of a chain that came to nothing."""
        leaves = leaves_of(self.state.facts)
        current = event_id
        while self.amendments.get(current):
            last = max(
                (a for a in self.amendments[current] if leaves[a.event_id] is not None),
                key=lambda a: a.order,
                default=None,
            )
            if last is None:
                return None
            if last.says is None:
                return last.event_id
            current = last.event_id
        return None


def read_facts(log: Log, connection: Connection, person_ref: str, known: Known) -> FactFile:
    """Fold a worker's stream of the registry log up to a moment of recording."""
    file = FactFile()
    for recorded in log.load(connection, [stream_of(person_ref)])[stream_of(person_ref)]:
        if not known.includes(recorded.recorded_at):
            break
        event = cast(WorkerEvent, recorded.event)
        file.state = evolve(file.state, Happened(recorded.event_id, date.fromisoformat(recorded.effective_on), event))
        fact = file.state.facts.get(recorded.event_id)
        if fact is None:
            file.steps.append(recorded)
            continue
        file.recorded.append(recorded)
        if fact.target is not None:
            file.amendments.setdefault(fact.target, []).append(fact)
    return file


def _true_on(file: FactFile, recorded: Recorded, on: date | None) -> bool:
    """Whether a fact was true by a day; a correction or withdrawal also counts if what it is about does."""
    fact: KnownFact | None = file.state.facts[recorded.event_id]
    while fact is not None:
        if on is None or fact.effective_on <= on:
            return True
        fact = file.state.facts[fact.target] if fact.target is not None else None
    return False


def fact_row(file: FactFile, recorded: Recorded, words: Words) -> dict[str, Any]:
    """One recorded fact, correction or withdrawal as JSON."""
    event = cast(Fact, recorded.event)
    status, by = file.status(recorded.event_id)
    row: dict[str, Any] = {
        "position": recorded.position,
        "event_id": recorded.event_id,
        "type": recorded.type,
        "effective_on": recorded.effective_on,
        "recorded_at": recorded.recorded_at,
        "occurred_at": event.fact.occurred_at.isoformat(),
        "source": event.fact.source,
        "authority": event.fact.authority,
        "message_id": event.fact.id,
        "says": _says(file, recorded, words),
        "particulars": None if isinstance(event, FactWithdrawn) else event.particulars.model_dump(mode="json"),
        "status": status,
        "by": by,
    }
    if isinstance(event, FactCorrected):
        row |= {"corrects": event.corrects, "reason": event.reason}
    elif isinstance(event, FactWithdrawn):
        row |= {"withdraws": event.withdraws, "reason": event.reason}
    elif isinstance(event, FactAbsorbed):
        row |= {"absorbed_from": event.absorbed_from, "absorbs": event.absorbs}
    return row


def _step_row(recorded: Recorded, words: Words) -> dict[str, Any]:
    """One step of a certification, or one act on the file, as JSON."""
    event = cast(Step, recorded.event)
    return {
        "position": recorded.position,
        "event_id": recorded.event_id,
        "type": recorded.type,
        "effective_on": recorded.effective_on,
        "recorded_at": recorded.recorded_at,
        "source": event.fact.source,
        "message_id": event.fact.id,
        "says": step_text(words, event),
    }


def _says(file: FactFile, recorded: Recorded, words: Words) -> str:
    event = cast(Fact, recorded.event)
    on = date.fromisoformat(recorded.effective_on)
    if isinstance(event, FactWithdrawn):
        target = _particulars_at(file, event.withdraws)
        what = event.withdraws if target is None else words.fact(*target)
        return words.say(f"撤回：{what}（{event.reason}）", f"withdrawn: {what} ({event.reason})")
    if isinstance(event, FactCorrected):
        target = _particulars_at(file, event.corrects)
        was, now = (event.corrects, "") if target is None else words.change(target, (event.particulars, on))
        identity = words.say("，身份信息已更正", ", identity corrected") if event.identity is not None else ""
        topic = words.topic(event.particulars)
        return words.say(
            f"更正：{topic}由{was}改为{now}{identity}（{event.reason}）",
            f"corrected: {topic}, from {was} to {now}{identity} ({event.reason})",
        )
    said = words.fact(event.particulars, on)
    if isinstance(event, FactAbsorbed):
        return words.say(
            f"自档案 {event.absorbed_from} 并入：{said}", f"taken over from the file of {event.absorbed_from}: {said}"
        )
    return said


def _particulars_at(file: FactFile, event_id: str) -> tuple[Particulars, date] | None:
    """What a fact says; for a withdrawal, what the fact that it withdraws says."""
    fact = file.state.facts.get(event_id)
    while fact is not None:
        if fact.says is not None:
            return fact.says, fact.effective_on
        fact = file.state.facts.get(fact.target or "")
    return None


def _standing(file: FactFile, on: date | None, words: Words) -> list[dict[str, Any]]:
    rows = []
    for slot, (stands, against) in sorted(file.state.standing.items()):
        fact = file.state.facts[stands] if stands is not None else None
        if fact is None or fact.says is None or (on is not None and fact.effective_on > on):
            continue
        rows.append(
            {
                "slot": slot,
                "event_id": fact.event_id,
                "effective_on": fact.effective_on.isoformat(),
                "says": words.fact(fact.says, fact.effective_on),
                "contradicted_by": list(against),
            }
        )
    return rows


# --- text -------------------------------------------------------------------------------------------------------------


def _print(ctx: Context, answer: Mapping[str, Any], words: Words) -> None:
    as_of = [words.say(f"人员 {answer['person_ref']}", f"Person {answer['person_ref']}")]
    if answer["known_at"] is not None:
        as_of.append(words.say(f"截至 {answer['known_at']} 已知", f"as known at {answer['known_at']}"))
    if answer["effective_on"] is not None:
        as_of.append(words.say(f"{answer['effective_on']} 当日情况", f"as true on {answer['effective_on']}"))
    ctx.out.print(words.say("，", ", ").join(as_of))
    table = Table()
    for column in words.say("记录,生效,来源,内容,状态", "recorded,effective,source,what it says,status").split(","):
        table.add_column(column, overflow="fold")
    for row in answer["facts"]:
        colour = {"stands": "green", "contradicted": "yellow"}.get(row["status"], "dim")
        status = words.say(*STATUS[row["status"]])
        table.add_row(
            day_of(row["recorded_at"]),
            row["effective_on"],
            safe(f"{row['source']}/{row['message_id']}"),
            safe(row["says"]),
            f"[{colour}]{status}[/{colour}]",
        )
    show_table(ctx.out, table, words.say("已登记的事实", "Facts as recorded"))
    _print_list(ctx, words.say("当前有效", "What stands"), [safe(row["says"]) for row in answer["standing"]])
    if answer["steps"]:
        steps = [f"{row['effective_on']} {safe(row['says'])}" for row in answer["steps"]]
        _print_list(ctx, words.say("认证、档案及其他事项", "Certification, dossier and other acts"), steps)
    lines = [f"{row['year']}{words.say('：', ': ')}{history_line(words, row)}" for row in answer["decisions"]]
    _print_list(ctx, words.say("津贴决定", "Decisions on the allowance"), lines)


def _print_list(ctx: Context, title: str, lines: Sequence[str]) -> None:
    ctx.out.print(f"[bold]{title}[/bold]")
    for line in lines or ["–"]:
        ctx.out.print(f"  {line}")
