"""``hongling certificate``: what a certificate is worth, the changes of its life, and the file that proves it.

A certificate is granted by the registry itself, when its notice is over. Here it is looked at, suspended, reinstated,
downgraded, revoked, recognised elsewhere, and handed out as a signed credential (``console.credentials``).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Annotated, Any

import typer

from console import credentials
from console.acting import KeyOption, OnOption, act, check_division, fold, in_words, new_key
from console.certification_standards import published_standards
from console.context import DIFFERENCE, WRONG, Context, DataOption, JsonOption, LangOption, context, fail
from console.people import business_day_of, person_ref_of
from console.personal import check_words
from console.registry_queries import EffectiveOption, Standards, certificates_of
from console.registry_words import name_of
from console.words import Words, safe
from contracts import intake
from contracts.base import business_day
from contracts.particulars import CertificateChange, Recognition
from contracts.registry import StandingEvent
from eventlog.ids import SystemClock
from eventlog.log import Recorded
from services.registry.decider import certificate_spans, stream_of
from services.registry.numbers import check_number
from services.registry.views import holders, worker_row

__all__ = ["certificate", "register"]

CHANGES = ("suspended", "reinstated", "downgraded", "revoked")
"""What a desk may do to a certificate. It is superseded by nothing but a promotion."""

certificate = typer.Typer(no_args_is_help=True, help="Certificates: show, verify, change, recognise, export as credentials.")
credentials.register(certificate)

NumberArgument = Annotated[str, typer.Argument(metavar="NUMBER", help="as it stands on the certificate", show_default=False)]
NamedArgument = Annotated[
    str,
    typer.Argument(metavar="NUMBER|PERSON", help="a certificate, or its holder if there is one in force", show_default=False),
]


def register(app: typer.Typer) -> None:
    app.add_typer(certificate, name="certificate")


# --- which one ----------------------------------------------------------------------------------------------------------


def _written(number: str) -> str:
    """A number of our own kind as it is written in full; any other as it is."""
    try:
        return check_number(number)
    except ValueError:
        return number.strip()


def _holders(ctx: Context, number: str) -> list[dict[str, Any]]:
    with ctx.log("registry") as log, log.database.read.connect() as connection:
        return holders(connection, number)


def _standards(ctx: Context) -> Standards:
    return [(recorded.event_id, document) for recorded, document in published_standards(ctx)]


def _events(ctx: Context, ref: str) -> list[Recorded]:
    with ctx.log("registry") as log, log.database.read.connect() as connection:
        return log.load(connection, [stream_of(ref)])[stream_of(ref)]


def _one(ctx: Context, named: str, number: str | None, day: date) -> tuple[str, str]:
    """(person_ref, number) of a certificate named by its number or its holder. Ends the command with 2 if there is not one."""
    if number is not None:
        return person_ref_of(ctx, named), _written(number)
    written = _written(named)
    found = [row["person_ref"] for row in _holders(ctx, written) if row["stands"]]
    if len(found) == 1:
        return found[0], written
    if found:
        people = ", ".join(found)
        fail(
            WRONG,
            ctx.say(
                f"有多人登记为 {written} 的持有人（{people}）；请写人员并加 --number",
                f"several people are on file with {written} ({people}); name the person, and the certificate with --number",
            ),
        )
    ref = person_ref_of(ctx, named)
    held = [s.number for s in certificate_spans(fold(_events(ctx, ref))) if s.covers(day) and s.state in ("valid", "suspended")]
    if len(held) != 1:
        known = ", ".join(held) or ctx.say("没有", "none")
        fail(WRONG, ctx.say(f"请用 --number 指明证书；在效：{known}", f"say which with --number; in force are: {known}"))
    return ref, held[0]


def _day(effective: str | None) -> date:
    return business_day_of("--effective", effective) or business_day(SystemClock().now())


# --- show and verify ----------------------------------------------------------------------------------------------------


@certificate.command()
def show(
    number: NumberArgument,
    effective: EffectiveOption = None,
    data: DataOption = None,
    as_json: JsonOption = False,
    lang: LangOption = None,
) -> None:
    """A certificate: its holder's person_ref, grade, issuer, dates, its life with every change, and where it holds."""
    ctx = context(data, as_json, lang)
    day, written = _day(effective), _written(number)
    rows = _holders(ctx, written)
    if not rows:
        fail(WRONG, ctx.say(f"登记处没有证书 {written}", f"the registry knows no certificate {written}"))
    words, standards = Words(ctx.lang), _standards(ctx)
    found = [each for row in rows if row["stands"] and (each := _told(ctx, row["person_ref"], written, standards, day, words))]
    before = [row["person_ref"] for row in rows if not row["stands"]]
    answer = {"number": written, "effective_on": day.isoformat(), "certificates": found, "withdrawn_from": before}
    ctx.show(answer, lambda: _shown(words, answer))


def _told(ctx: Context, ref: str, number: str, standards: Standards, day: date, words: Words) -> dict[str, Any] | None:
    """What is on file of a person's certificate; None: it was not issued by the day."""
    events = _events(ctx, ref)
    division = _division(ctx, ref, day)
    row = next((r for r in certificates_of(fold(events), standards, division, day) if r["number"] == number), None)
    if row is None:
        return None
    history = [
        {"event_id": each.event_id, "effective_on": each.effective_on, "says": in_words(words, each)}
        for each in events
        if _concerns(each, number)
    ]
    return {"person_ref": ref, "division": division, **row, "history": history}


def _division(ctx: Context, ref: str, day: date) -> str:
    with ctx.log("registry") as log, log.database.read.connect() as connection:
        row = worker_row(connection, ref, day)
    return "" if row is None else row.division


def _concerns(recorded: Recorded, number: str) -> bool:
    """Whether an event is about a certificate: its issue, a change or recognition of it, or an amendment of one of these."""
    event = recorded.event
    if not isinstance(event, StandingEvent):
        return False
    says = getattr(event, "particulars", None)
    if isinstance(says, CertificateChange | Recognition) or getattr(says, "kind", "") == "certificate":
        return bool(says is not None and says.number == number)
    return any(change.slot == f"certificate/{number}" for change in event.standings)


def _shown(words: Words, answer: Mapping[str, Any]) -> str:
    lines = []
    for row in answer["certificates"]:
        grade, state = words.word("grade", row["grade"]), name_of(words, "state", row["state"])
        lines += [
            f"[bold]{safe(row['number'])}[/bold]",
            safe(words.say(f"持有人 {row['person_ref']}，{grade}，{state}", f"holder {row['person_ref']}, {grade}, {state}")),
            words.say(f"{row['issuer']} 于 {row['issued_on']} 颁发", f"issued by {row['issuer']} on {row['issued_on']}"),
        ]
        if row["expires_on"] is not None:
            lines[-1] += words.say(f"，有效期至 {row['expires_on']}", f", valid to {row['expires_on']}")
        lines.append(safe(_territory(words, row)))
        lines += [f"  {each['effective_on']} {safe(each['says'])}" for each in row["history"]]
    for ref in answer["withdrawn_from"]:
        lines.append(
            words.say(f"曾登记在 {ref} 名下，已撤回", f"it once stood in the file of {ref}, and was withdrawn from it")
        )
    if not answer["certificates"] and not answer["withdrawn_from"]:
        lines.append(words.say("当日尚未颁发", "it was not issued by that day"))
    return "\n".join(lines)


def _territory(words: Words, row: Mapping[str, Any]) -> str:
    where = row["valid_in"]
    if where is None:
        text = words.say("没有标准说明其效力范围", "no standard says where it holds")
    elif where == "anywhere":
        text = words.say("各地有效", "holds anywhere")
    else:
        text = words.say(f"在 {where} 及以下有效", f"holds in {where} and below")
    if row["recognised_in"]:
        text += words.say("，已获认可：", ", recognised in ") + ", ".join(row["recognised_in"])
    if row["holds_here"] is False:
        text += words.say(
            f"；在登记地 {row['division']} 须经认可", f"; needs to be recognised in {row['division']}, where the holder is"
        )
    return text


@certificate.command()
def verify(
    number: NumberArgument,
    division: Annotated[
        str | None, typer.Option("--division", help="ask whether it holds there, too", show_default=False)
    ] = None,
    effective: EffectiveOption = None,
    data: DataOption = None,
    as_json: JsonOption = False,
    lang: LangOption = None,
) -> None:
    """Whether a certificate is valid: its check character, then its status in this registry. Ends with 1 if it is not."""
    ctx = context(data, as_json, lang)
    check_division(division)
    day = _day(effective)
    answer = _verified(ctx, number, division, day)
    ctx.show(answer, lambda: _verified_text(Words(ctx.lang), answer))
    if not answer["valid"]:
        raise typer.Exit(DIFFERENCE)


def _verified(ctx: Context, number: str, division: str | None, day: date) -> dict[str, Any]:
    """problem: a code of ``_PROBLEMS``, or None. check: right, wrong, or that the number is not of the registry's own kind."""
    answer: dict[str, Any] = {"number": _written(number), "effective_on": day.isoformat(), "valid": False, "problem": None}
    try:
        check_number(number)
        answer["check"] = "right"
    except ValueError as error:
        answer["check"] = "wrong" if "ISO 7064" in str(error) else "other-kind"
    if answer["check"] == "wrong":
        return answer | {"problem": "check-wrong"}
    standing = [row["person_ref"] for row in _holders(ctx, answer["number"]) if row["stands"]]
    if len(standing) != 1:
        return answer | {"problem": "several" if standing else "unknown"}
    rows = certificates_of(fold(_events(ctx, standing[0])), _standards(ctx), division or "", day)
    row = next((each for each in rows if each["number"] == answer["number"]), None)
    if row is None:
        return answer | {"problem": "not-yet"}
    names = ("state", "grade", "issuer", "issued_on", "expires_on", "since", "valid_in", "recognised_in")
    answer |= {name: row[name] for name in names}
    if row["state"] != "valid":
        return answer | {"problem": row["state"]}
    if division is not None:
        answer |= {"division": division, "holds_there": row["holds_here"]}
        if row["holds_here"] is not True:
            return answer | {"problem": "not-there" if row["holds_here"] is False else "no-standard"}
    return answer | {"valid": True}


_PROBLEMS: Mapping[str, tuple[str, str]] = {
    "check-wrong": ("校验码不正确，请对照证书核对", "the check character is wrong; compare the number with the certificate"),
    "unknown": ("登记处没有这个证书", "the registry knows no such certificate"),
    "several": ("有多人登记为持有人，请登记处核实", "several people are on file with it; ask the registry"),
    "not-yet": ("当日尚未颁发", "it was not issued by that day"),
    "suspended": ("已暂停", "it is suspended"),
    "revoked": ("已撤销", "it was revoked"),
    "superseded": ("已被新证书取代", "it was superseded by another one"),
    "expired": ("已过期", "it has expired"),
    "not-there": ("在该区划须经认可", "it needs to be recognised in that division"),
    "no-standard": ("没有标准说明其在该区划是否有效", "no standard says whether it holds in that division"),
}


def _verified_text(words: Words, answer: Mapping[str, Any]) -> str:
    number = safe(answer["number"])
    if answer["problem"] is not None:
        text = words.say(*_PROBLEMS[answer["problem"]])
        return words.say(f"[red]无效[/red] {number}：{text}", f"[red]not valid[/red] {number}: {text}")
    grade = safe(words.word("grade", answer["grade"]))
    until = answer["expires_on"] or words.say("长期", "without end")
    return words.say(
        f"[green]有效[/green] {number}：{grade}，{answer['issuer']} 于 {answer['issued_on']} 颁发，有效期至 {until}",
        f"[green]valid[/green] {number}: {grade}, issued by {answer['issuer']} on {answer['issued_on']}, until {until}",
    )


# --- acts ---------------------------------------------------------------------------------------------------------------

WhichOption = Annotated[str | None, typer.Option("--number", help="the certificate, if a person is named", show_default=False)]


@certificate.command()
def change(
    named: NamedArgument,
    what: Annotated[str, typer.Option("--change", help=f"one of: {', '.join(CHANGES)}", show_default=False)],
    reason: Annotated[str, typer.Option("--reason", help="why; recorded for ever", show_default=False)],
    grade: Annotated[str | None, typer.Option("--grade", help="the new one, for a downgrade", show_default=False)] = None,
    number: WhichOption = None,
    key: KeyOption = None,
    on: OnOption = None,
    data: DataOption = None,
    as_json: JsonOption = False,
    lang: LangOption = None,
) -> None:
    """Suspend, reinstate, downgrade or revoke a certificate, from the day on."""
    ctx = context(data, as_json, lang)
    if what not in CHANGES:
        fail(WRONG, f"--change {what} is none of: {', '.join(CHANGES)}")
    check_words(("--reason", reason))
    day = business_day_of("--on", on) or business_day(SystemClock().now())
    ref, chosen = _one(ctx, named, number, day)
    values = {
        "person": {"person_ref": ref},
        "key": key or new_key("change"),
        "number": chosen,
        "change": what,
        "grade": grade,
        "reason": reason.strip(),
    }
    act(ctx, "certificate-changed", intake.CertificateChanged, values, on)


@certificate.command()
def recognise(
    named: NamedArgument,
    division: Annotated[str, typer.Option("--division", help="in which it is to hold, too", show_default=False)],
    number: WhichOption = None,
    on: OnOption = None,
    data: DataOption = None,
    as_json: JsonOption = False,
    lang: LangOption = None,
) -> None:
    """Recognise a certificate outside the territory of its issuer, from the day on (认可)."""
    ctx = context(data, as_json, lang)
    day = business_day_of("--on", on) or business_day(SystemClock().now())
    ref, chosen = _one(ctx, named, number, day)
    values = {"person": {"person_ref": ref}, "number": chosen, "division": division}
    act(ctx, "certificate-recognised", intake.CertificateRecognised, values, on)
