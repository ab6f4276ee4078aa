"""``hongling explain``: why a worker was paid for a year, or was not, in sentences that an official can check; and what
differs between two decisions about it.

Everything comes from the allowance log alone: the decision froze the facts and the policy that it used, and the facts were
recorded there as they were heard. So the answer holds at any moment of recording, and after a replay.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Annotated, Any

import typer
from sqlalchemy import Connection, select

from console.context import WRONG, Context, DataOption, JsonOption, LangOption, context, fail
from console.differences import difference
from console.people import Known, known_at, person_ref_of
from console.reasons import why
from console.words import Words, day_of, safe, yuan
from contracts.allowance import Decision, EntitlementAdjusted, EntitlementDecided, FactHeard, PolicyPublished
from contracts.base import YEAR_FIRST, YEAR_LAST
from contracts.particulars import EngagementStart, Particulars
from contracts.policy import Instrument, PolicyDocument
from contracts.registry import FactCorrected, FactOrigin, FactWithdrawn, PersonMerged
from eventlog import schema
from eventlog.log import Log, Recorded
from services.allowance.decider import Happened, Worker, evolve, standing_facts, stream_of
from services.allowance.engine import PolicyInForce, choose_policy, decide_year, division_of
from services.allowance.handlers import POLICIES

__all__ = [
    "File",
    "between",
    "cause_json",
    "changes",
    "decision_rows",
    "explain_text",
    "explanation",
    "history_line",
    "read_file",
    "register",
]

PersonArgument = Annotated[str, typer.Argument(help="a person_ref, or <source>:<key> such as hr:K001", show_default=False)]
YearOption = Annotated[int, typer.Option("--year", min=YEAR_FIRST, max=YEAR_LAST, help="calendar year", show_default=False)]
KnownOption = Annotated[
    str | None, typer.Option("--known", help="as it was known then: YYYY-MM-DD, or a time", show_default=False)
]
InstrumentOption = Annotated[
    Instrument, typer.Option("--instrument", help="the red-collar allowance, another allowance, or work expenses")
]
ChangesOption = Annotated[bool, typer.Option("--changes", help="what each adjustment changed, against the decision before it")]
BetweenOption = Annotated[
    tuple[str, str] | None,
    typer.Option(
        "--between", metavar="DECISION DECISION", help="what differs between two decisions: their numbers, or event ids",
        show_default=False,
    ),
]  # fmt: skip


def register(app: typer.Typer) -> None:
    app.command()(explain)


def explain(
    person: PersonArgument,
    year: YearOption,
    instrument: InstrumentOption = "allowance",
    known: KnownOption = None,
    changed: ChangesOption = False,
    two: BetweenOption = None,
    data: DataOption = None,
    as_json: JsonOption = False,
    lang: LangOption = None,
) -> None:
    """Why a worker was paid for a year, or was not: each condition, the arithmetic, the payers, and every adjustment."""
    ctx = context(data, as_json, lang)
    moment = known_at(known)
    ref = person_ref_of(ctx, person)
    with ctx.log("allowance") as log, log.database.read.connect() as connection:
        file = read_file(log, connection, ref, moment)
    answer = explanation(file, year, ctx.lang, instrument)
    if (not changed and two is None) or answer["decision"] == "undecided":
        ctx.show(answer, lambda: _text(ctx, file, answer))
    elif two is None:
        found = changes(file, year, ctx.lang, instrument)
        ctx.show(found, lambda: _changes_text(ctx, found))
    else:
        numbers = _numbers_of(ctx, answer["history"], two)
        one = between(file, year, ctx.lang, instrument, *numbers)
        ctx.show(one, lambda: _between_text(ctx, one))


def explain_text(ctx: Context, person_ref: str, year: int) -> str:
    """The explanation of a worker's year in sentences, as of now."""
    with ctx.log("allowance") as log, log.database.read.connect() as connection:
        file = read_file(log, connection, person_ref, known_at(None))
    return _text(ctx, file, explanation(file, year, ctx.lang))


# --- reading ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Cause:
    """What led to decisions. kind: recorded, corrected, withdrawn, replaced, merged or policy. origin: of the fact that did."""

    event_id: str
    kind: str
    before: tuple[Particulars, date] | None = None
    after: tuple[Particulars, date] | None = None
    origin: FactOrigin | None = None
    policy: PolicyDocument | None = None


@dataclass(slots=True)
class File:
    """What allowance knew of one worker at a moment.

    heard: registry event id → how it was heard. decisions: all of them, in order. causes: by the id that decisions name.
    policies: as published until then. parked: ids of the messages behind which this worker's stream stands still now.
    """

    person_ref: str
    known: Known
    state: Worker = field(default_factory=Worker)
    heard: dict[str, Recorded] = field(default_factory=dict)
    decisions: list[Recorded] = field(default_factory=list)
    causes: dict[str, Cause] = field(default_factory=dict)
    policies: list[PolicyInForce] = field(default_factory=list)
    parked: list[str] = field(default_factory=list)

    def document(self, event_id: str) -> PolicyDocument | None:
        return next((p.document for p in self.policies if p.event_id == event_id), None)

    def last_document(self) -> PolicyDocument | None:
        """The policy of the last decision: whose vocabulary the worker's facts are told in."""
        return self.document(_decision(self.decisions[-1]).policy.event) if self.decisions else None


def read_file(log: Log, connection: Connection, person_ref: str, known: Known) -> File:
    """Fold a worker's stream of the allowance log up to a moment of recording."""
    file = File(person_ref, known)
    stream = stream_of(person_ref)
    streams = log.load(connection, [POLICIES, stream])
    for recorded in streams[POLICIES]:
        if known.includes(recorded.recorded_at) and isinstance(recorded.event, PolicyPublished):
            document = recorded.event.document
            file.policies.append(PolicyInForce(recorded.event_id, document))
            file.causes[recorded.event_id] = Cause(recorded.event_id, "policy", policy=document)
    for recorded in streams[stream]:
        if known.includes(recorded.recorded_at):
            _take_in(file, recorded)
    if known.until is not None:
        return file
    parked = schema.parked.c
    file.parked = [str(each) for each in connection.scalars(select(parked.parked_id).where(parked.blocks == stream))]
    return file


def _take_in(file: File, recorded: Recorded) -> None:
    event = recorded.event
    before = file.state
    if isinstance(event, FactHeard | EntitlementDecided | EntitlementAdjusted):
        file.state = evolve(before, Happened(recorded.event_id, date.fromisoformat(recorded.effective_on), event))
    if isinstance(event, FactHeard):
        file.heard[event.heard] = recorded
        file.causes[event.heard] = _cause_of(event, recorded.effective_on, before, file.state)
    elif isinstance(event, EntitlementDecided | EntitlementAdjusted):
        file.decisions.append(recorded)


def _cause_of(event: FactHeard, effective_on: str, before: Worker, after: Worker) -> Cause:
    """What a heard fact changed: the fact that stood in its slot before, and the one that stands now."""
    old, new = None, None
    for change in event.standings:
        was, now = before.standing.get(change.slot), after.standing.get(change.slot)
        if was is not None and was != now and was in before.facts:
            old = (before.facts[was].particulars, before.facts[was].effective_on)
        if now is not None and was != now and now in after.facts:
            new = (after.facts[now].particulars, after.facts[now].effective_on)
    if new is None and event.particulars is not None and old is None:
        # Recorded, but something that contradicts it stands.
        new = (event.particulars, date.fromisoformat(effective_on))
    if event.heard_type == FactWithdrawn.TYPE:
        kind = "withdrawn"
    elif event.heard_type == FactCorrected.TYPE:
        kind = "corrected"
    elif event.heard_type == PersonMerged.TYPE:
        kind = "merged"
    else:
        kind = "recorded" if old is None else "replaced"
    return Cause(event.heard, kind, old, new, event.origin)


# --- the answer -------------------------------------------------------------------------------------------------------


def explanation(file: File, year: int, lang: str, instrument: Instrument = "allowance") -> dict[str, Any]:
    """The answer as JSON; amounts are integer fen."""
    rows = _rows_of(file, year, lang, instrument)
    common = {"person_ref": file.person_ref, "year": year, "instrument": instrument, "known_at": file.known.until}
    of_year = _decisions_of(file, year, instrument)
    if not of_year:
        return {**common, **_undecided(file, year, lang, instrument)}
    recorded = of_year[-1]
    event, decision = recorded.event, _decision(recorded)
    assert isinstance(event, EntitlementDecided | EntitlementAdjusted)
    payload = decision.payload()
    words = Words(lang, file.document(decision.policy.event))
    return {
        **common,
        "division": decision.division,
        "decision": decision.decision,
        "amount_fen": decision.amount_fen,
        "why": why(words, payload | common),
        "predicates": payload["predicates"],
        "lines": payload["lines"],
        "payers": payload["payers"],
        "policy": payload["policy"],
        "facts": _facts(file, decision, lang),
        "warnings": payload["warnings"],
        "event_id": recorded.event_id,
        "recorded_at": recorded.recorded_at,
        "supersedes": event.supersedes if isinstance(event, EntitlementAdjusted) else None,
        "difference_fen": event.difference_fen,
        "history": rows,
        "missing": [],
        "parked": file.parked,
    }


def _decisions_of(file: File, year: int, instrument: Instrument) -> list[Recorded]:
    """Of one year and instrument, in order."""
    return [r for r in file.decisions if (_decision(r).year, _decision(r).instrument) == (year, instrument)]


def _decision(recorded: Recorded) -> Decision:
    assert isinstance(recorded.event, EntitlementDecided | EntitlementAdjusted)
    return recorded.event.decision


def _facts(file: File, decision: Decision, lang: str) -> list[dict[str, Any]]:
    """The facts that the decision used, frozen as they stood, and where each came from."""
    words = Words(lang, file.document(decision.policy.event))
    found = []
    for used in decision.facts:
        heard = file.heard.get(used.fact)
        origin = heard.event.origin if heard is not None and isinstance(heard.event, FactHeard) else None
        found.append(
            {
                "fact": used.fact,
                "effective_on": used.effective_on.isoformat(),
                "kind": used.particulars.kind,
                "particulars": used.particulars.model_dump(mode="json"),
                "says": words.fact(used.particulars, used.effective_on),
                "source": None if origin is None else origin.source,
                "message_id": None if origin is None else origin.id,
                "heard_at": None if heard is None else heard.recorded_at,
            }
        )
    return found


def decision_rows(file: File, lang: str) -> list[dict[str, Any]]:
    """Every decision about the worker, in order, with what led to it."""
    rows = []
    for recorded in file.decisions:
        event, decision = recorded.event, _decision(recorded)
        assert isinstance(event, EntitlementDecided | EntitlementAdjusted)
        because = event.because if isinstance(event, EntitlementAdjusted) else recorded.causation_id
        cause = file.causes.get(because or "")
        rows.append(
            {
                "event_id": recorded.event_id,
                "recorded_at": recorded.recorded_at,
                "effective_on": recorded.effective_on,
                "year": decision.year,
                "instrument": decision.instrument,
                "decision": decision.decision,
                "amount_fen": decision.amount_fen,
                "difference_fen": event.difference_fen,
                "differences": [p.model_dump(mode="json") for p in event.differences],
                "document": decision.policy.document,
                "clause": decision.policy.clause,
                "supersedes": event.supersedes if isinstance(event, EntitlementAdjusted) else None,
                "because": because,
                **cause_json(cause, Words(lang, file.document(decision.policy.event))),
            }
        )
    return rows


def cause_json(cause: Cause | None, words: Words) -> dict[str, Any]:
    """What led to a decision: in words, and the intake message that brought it."""
    if cause is None:
        return {"cause": words.say("原因不在此日志中", "its cause is not in this log"), "source": None, "message_id": None}
    origin = cause.origin
    return {
        "cause": _cause_text(cause, words),
        "source": None if origin is None else origin.source,
        "message_id": None if origin is None else origin.id,
    }


def _cause_text(cause: Cause, words: Words) -> str:
    before, after = cause.before, cause.after
    if cause.kind == "merged":
        return words.say("此档案并入同一人的另一档案", "the file was merged into another one of the same person")
    if cause.policy is not None:
        name = f"{cause.policy.document} ({words.say('第', 'revision ')}{cause.policy.revision}{words.say('版', '')})"
        return words.say(f"政策 {name} 发布", f"policy {name} was published")
    if before is not None and after is not None:
        was, now = words.change(before, after)
        if words.topic(before[0]) != words.topic(after[0]):
            was, now = words.fact(*before), words.fact(*after)
            return words.say(f"“{was}”更正为“{now}”", f'"{was}" was corrected to "{now}"')
        topic = words.topic(after[0])
        if cause.kind == "replaced":
            return words.say(f"{topic}另有报告，由{was}改为{now}", f"{topic} was reported differently, {now} instead of {was}")
        if cause.kind == "withdrawn":
            return words.say(
                f"{topic}的更正被撤回，由{was}恢复为{now}", f"{topic} went from {was} back to {now} by a withdrawal"
            )
        return words.say(f"{topic}由{was}更正为{now}", f"{topic} was corrected from {was} to {now}")
    if after is not None:
        said = words.value(*after)
        return words.say(f"登记了 {words.fact(*after)}", f"{words.topic(after[0])} was recorded: {said}")
    if before is not None:
        said = words.value(*before)
        return words.say(f"{words.fact(*before)}被撤回", f"{words.topic(before[0])} ({said}) was withdrawn")
    return words.say("事实有变动", "a fact was reported that changes nothing by itself")


# --- what differs -----------------------------------------------------------------------------------------------------


def changes(file: File, year: int, lang: str, instrument: Instrument = "allowance") -> dict[str, Any]:
    """Each adjustment of a year against the decision before it, as JSON; the first decision has none before it."""
    rows, of_year = _rows_of(file, year, lang, instrument), _decisions_of(file, year, instrument)
    pairs = zip(rows[1:], of_year, of_year[1:], strict=False)
    return {
        "person_ref": file.person_ref,
        "year": year,
        "instrument": instrument,
        "known_at": file.known.until,
        "decided": rows[:1],
        "changes": [row | {"differs": _differs(file, before, after, lang)} for row, before, after in pairs],
    }


def between(file: File, year: int, lang: str, instrument: Instrument, first: int, second: int) -> dict[str, Any]:
    """What differs between two decisions of a year, as JSON. first, second: their places, from 0, the earlier one first.

    steps: the decisions that came after the first one, up to the second, with what led to each.
    """
    rows, of_year = _rows_of(file, year, lang, instrument), _decisions_of(file, year, instrument)
    return {
        "person_ref": file.person_ref,
        "year": year,
        "instrument": instrument,
        "known_at": file.known.until,
        "first": rows[first],
        "second": rows[second],
        "steps": rows[first + 1 : second + 1],
        "differs": _differs(file, of_year[first], of_year[second], lang),
    }


def _rows_of(file: File, year: int, lang: str, instrument: Instrument) -> list[dict[str, Any]]:
    return [row for row in decision_rows(file, lang) if (row["year"], row["instrument"]) == (year, instrument)]


def _differs(file: File, before: Recorded, after: Recorded, lang: str) -> dict[str, Any]:
    old, new = _decision(before), _decision(after)
    was, now = Words(lang, file.document(old.policy.event)), Words(lang, file.document(new.policy.event))
    return difference(old, new, was, now)


def _numbers_of(ctx: Context, rows: Sequence[Mapping[str, Any]], named: Sequence[str]) -> tuple[int, int]:
    """The places of two decisions that were named by number or by event id, the earlier one first. Ends with 2 otherwise."""
    known = {str(number): number - 1 for number in range(1, len(rows) + 1)}
    known |= {row["event_id"]: place for place, row in enumerate(rows)}
    for name in named:
        if name not in known:
            listed = "; ".join(f"{number} ({row['event_id']})" for number, row in enumerate(rows, 1))
            fail(
                WRONG,
                ctx.say(
                    f"{name} 不是此人该年度的决定；请写编号或事件号：{listed}",
                    f"{name} is no decision about this person and year; write a number or an event id of: {listed}",
                ),
            )
    first, second = sorted(known[name] for name in named)
    if first == second:
        fail(WRONG, ctx.say("两次写的是同一决定；请写两个不同的决定", "that is one decision twice; name two different ones"))
    return first, second


# --- nothing decided --------------------------------------------------------------------------------------------------


def _undecided(file: File, year: int, lang: str, instrument: Instrument) -> dict[str, Any]:
    missing = _missing(file, year, Words(lang), instrument)
    return {
        "division": None,
        "decision": "undecided",
        "amount_fen": 0,
        "why": [text for _, text in missing],
        "predicates": [],
        "lines": [],
        "payers": [],
        "policy": None,
        "facts": [],
        "warnings": [],
        "event_id": None,
        "recorded_at": None,
        "supersedes": None,
        "difference_fen": 0,
        "history": [],
        "missing": [{"what": what, "text": text} for what, text in missing],
        "parked": file.parked,
    }


def _missing(file: File, year: int, words: Words, instrument: Instrument) -> list[tuple[str, str]]:
    """What a decision waits for, as (code, words)."""
    facts = standing_facts(file.state)
    division = division_of(facts, year, file.policies, instrument)
    if division is None:
        if not file.heard:
            text = words.say("津贴服务尚未收到此人的任何事实", "allowance had heard no fact about this person")
            return [("registration", text + ("" if file.known.until is None else words.say("（截至当时）", " by then")))]
        return [("registration", words.say("没有有效的注册登记", "no registration stands"))]
    policy = choose_policy(file.policies, division, year, instrument)
    if policy is None:
        return [
            ("policy", words.say(f"没有适用于区划 {division} {year} 年的政策", f"no policy for division {division} and {year}"))
        ]
    if decide_year(facts, file.policies, year, instrument) is not None:
        return [("recalculation", words.say("重新计算尚未轮到此人", "the recalculation has not reached this person yet"))]
    if instrument != "allowance":
        text = words.say(
            f"{year} 年没有该待遇所涉类别的职务，或所需的考核等次",
            f"no post in {year} of the categories that it is for, or no rating where one is waited for",
        )
        return [("post", text)]
    if policy.document.settings.decided_when == "engaged":
        engaged = any(isinstance(f.particulars, EngagementStart) for f in facts)
        text = words.say(f"{year} 年没有聘任", f"no engagement in {year}" + (" (only in other years)" if engaged else ""))
        return [("engagement", text)]
    return [("rating", words.say(f"没有 {year} 年度考核等次", f"no rating for {year}"))]


# --- text -------------------------------------------------------------------------------------------------------------


def _text(ctx: Context, file: File, answer: Mapping[str, Any]) -> str:
    if answer["decision"] == "undecided":
        return "\n".join(_text_undecided(ctx, answer))
    words = Words(ctx.lang, file.document(answer["policy"]["event"]))
    granted = answer["decision"] == "granted"
    title = words.say("为何发放" if granted else "为何不发放", "Why" if granted else "Why not")
    parts = [
        _headline(words, answer),
        *_list(title, [safe(sentence) for sentence in answer["why"]]),
        *_predicate_lines(words, answer["predicates"]),
        *_amount_lines(words, answer),
        *_list(words.say("所依据的事实", "Facts used"), [_fact_line(words, fact) for fact in answer["facts"]]),
        *_list(words.say("请注意", "To look at"), [safe(words.warning(text)) for text in answer["warnings"]]),
        *_list(words.say("经过", "How it came about"), _numbered(words, answer["history"])),
        *_parked_lines(words, answer["parked"]),
    ]
    return "\n".join(parts)


def _numbered(words: Words, rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """The decisions, by the numbers under which ``--between`` knows them."""
    return [f"{number}. {history_line(words, row)}" for number, row in enumerate(rows, 1)]


def _changes_text(ctx: Context, found: Mapping[str, Any]) -> str:
    words, year = Words(ctx.lang), found["year"]
    first, *_ = _numbered(words, found["decided"])
    parts = [_title_of(words, found, words.say(f"{year} 年的各次变动", f"What changed for {year}")), "", first]
    for number, row in enumerate(found["changes"], 2):
        parts += ["", f"{number}. {history_line(words, row)}"]
        parts += [f"   {safe(sentence)}" for sentence in row["differs"]["sentences"]]
    if not found["changes"]:
        parts.append(words.say("此后没有变动。", "Nothing has changed since."))
    return "\n".join(parts)


def _between_text(ctx: Context, found: Mapping[str, Any]) -> str:
    words = Words(ctx.lang)
    days = [day_of(found[which]["recorded_at"]) for which in ("first", "second")]
    said = words.say(f"{days[0]} 与 {days[1]} 两次决定的差异", f"What differs between the decisions of {days[0]} and {days[1]}")
    return "\n".join(
        [
            _title_of(words, found, said),
            *_list(words.say("差异", "Differences"), [safe(each) for each in found["differs"]["sentences"]]),
            *_list(words.say("其间的决定", "Decisions between them"), [history_line(words, row) for row in found["steps"]]),
        ]
    )


def _title_of(words: Words, found: Mapping[str, Any], said: str) -> str:
    instrument, ref = found["instrument"], found["person_ref"]
    what = "" if instrument == "allowance" else f"{words.instrument(instrument)}{words.say('：', ': ')}"
    return f"[bold]{what}{said}[/bold]\n{words.say(f'人员 {ref}', f'Person {ref}')}"


def _list(title: str, lines: Sequence[str]) -> list[str]:
    return ["", f"[bold]{title}[/bold]", *(f"  {line}" for line in lines)] if lines else []


def _text_undecided(ctx: Context, answer: Mapping[str, Any]) -> list[str]:
    words = Words(ctx.lang)
    year, ref = answer["year"], answer["person_ref"]
    why = words.say("；", "; ").join(safe(each["text"]) for each in answer["missing"])
    instrument = answer["instrument"]
    what = "" if instrument == "allowance" else f"{words.instrument(instrument)}{words.say('：', ': ')}"
    line = what + words.say(f"{year} 年尚未作出决定：{why}。", f"Nothing was decided for {year}: {why}.")
    return [f"[bold]{line}[/bold]", words.say(f"人员 {ref}", f"Person {ref}"), *_parked_lines(words, answer["parked"])]


def _parked_lines(words: Words, parked: Sequence[str]) -> list[str]:
    return [
        words.say(
            f"[yellow]此人有消息被搁置（{each}），其后的事实尚未计入；见 `hongling parked show {each}`[/yellow]",
            f"[yellow]A message about this person is parked ({each}), others wait; see `hongling parked show {each}`[/yellow]",
        )
        for each in parked
    ]


def _headline(words: Words, answer: Mapping[str, Any]) -> str:
    policy, year = answer["policy"], answer["year"]
    document = words.document
    title = policy["title"] if words.lang == "zh" or document is None else document.title_en or policy["title"]
    amount, under, clause = yuan(answer["amount_fen"]), safe(policy["document"]), safe(words.clause(policy["clause"]))
    granted = answer["decision"] == "granted"
    instrument = answer["instrument"]
    what = "" if instrument == "allowance" else f"{words.instrument(instrument)}{words.say('：', ': ')}"
    if granted:
        spend = instrument == "work_expense"
        said = words.say(
            f"{year} 年{'核定' if spend else '发放'} {amount}，依据 {under} {clause}",
            f"{'Authorised' if spend else 'Granted'} {amount} for {year} under {under}, {clause}",
        )
    else:
        said = words.say(f"{year} 年不予发放，依据 {under} {clause}", f"Denied for {year} under {under}, {clause}")
    day, ref = day_of(answer["recorded_at"]), answer["person_ref"]
    colour = "green" if granted else "red"
    return "\n".join(
        (
            f"[bold {colour}]{what}{said}[/bold {colour}]{words.say('：', ': ')}{safe(title)}",
            words.say(f"人员 {ref}，{day} 决定", f"Person {ref}, decided on {day}"),
        )
    )


def _predicate_lines(words: Words, predicates: Sequence[Mapping[str, Any]]) -> list[str]:
    lines = []
    for each in predicates:
        mark = "[green]✓[/green]" if each["met"] else "[red]✗[/red]"
        name = words.predicate(each["name"])
        required = safe(words.condition(each["name"], each["required"]))
        found = safe(words.condition(each["name"], each["found"]))
        clause = safe(words.clause(each["clause"]))
        said = words.say(f"要求 {required}；实际 {found}（{clause}）", f"required {required}; found {found} ({clause})")
        lines.append(f"{mark} {safe(name)}{words.say('：', ': ')}{said}")
    return _list(words.say("条件", "Conditions"), lines)


def _amount_lines(words: Words, answer: Mapping[str, Any]) -> list[str]:
    lines = []
    for line in answer["lines"]:
        clause, status = safe(words.clause(line["clause"])), words.word("status", line["status"])
        lines.append(
            f"{safe(words.line(line['name']))}{words.say('：', ': ')}{safe(words.arithmetic(line['arithmetic']))}"
            + words.say(f"（{clause}，金额为{status}）", f" ({clause}, amount: {status})")
        )
    payers = [f"{safe(words.payer(p['payer']))} {yuan(p['amount_fen'])}" for p in answer["payers"]]
    return [*_list(words.say("金额", "Amount"), lines), *_list(words.say("由谁负担", "To be paid by"), payers)]


def _fact_line(words: Words, fact: Mapping[str, Any]) -> str:
    origin = f"{fact['source']}/{fact['message_id']}" if fact["source"] else fact["fact"]
    day = fact["effective_on"]
    return safe(words.say(f"{fact['says']}（{day} 生效，{origin}）", f"{fact['says']} (effective {day}, {origin})"))


def history_line(words: Words, row: Mapping[str, Any]) -> str:
    """``On 2025-03-02 lowered by ¥1,200.00 because …``."""
    day, difference, amount = day_of(row["recorded_at"]), row["difference_fen"], yuan(row["amount_fen"])
    outcome = words.word("decision", row["decision"])
    if row["supersedes"] is None:
        what = outcome if row["decision"] == "denied" else f"{outcome} {amount}"
        said = words.say(f"{day} 决定：{what}", f"On {day} {what}")
    elif difference == 0:
        said = words.say(
            f"{day} 理由变动，金额不变（{amount}）", f"On {day} the reasons changed, the amount did not ({amount})"
        )
    else:
        how = words.say("增加" if difference > 0 else "减少", "raised" if difference > 0 else "lowered")
        said = words.say(
            f"{day} {how} {yuan(abs(difference))}，为 {amount}", f"On {day} {how} by {yuan(abs(difference))} to {amount}"
        )
    origin = f" ({row['source']}/{row['message_id']})" if row["source"] else ""
    other = row["instrument"] != "allowance"
    said = words.instrument(row["instrument"]) + words.say("：", ": ") + said if other else said
    return said + safe(words.say(f"，因为{row['cause']}{origin}", f" because {row['cause']}{origin}"))
