"""Which name and account each payee of a run has on file: by reference for the seal, compared with the seal at the export.

A seal names, for each payout, the registry's event that holds the payee's encrypted identity, and that identity's keyed digest
(``contracts.payment.payees_digest``). Nothing is decrypted for it. At the export, whoever has another identity on file than the
sealed one is looked at once more: a new telephone number changes no payment, another name or account does.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Literal, NoReturn

import typer
from sqlalchemy import Connection, select

from console.context import DIFFERENCE, Context
from console.finance_acts import busy, snapshot
from console.finance_people import Missing, OnFile, Payee, Why, decrypted, identities, missing_fields
from console.finance_words import LEFT_OUT
from console.masking import mask
from console.personal import merged_into, standing_identity
from console.words import safe
from contracts.payment import payees_digest
from contracts.registry import FactCorrected, WorkerRegistered
from eventlog import schema
from eventlog.bulk import one_of
from eventlog.log import Log, Recorded
from services.allowance.payment_views import PayoutLine, SealedList
from services.registry.decider import stream_of
from services.registry.vault import Vault

__all__ = [
    "ChangedPayee",
    "Payees",
    "changed_payees",
    "end_for_changed",
    "end_for_missing",
    "look_up",
    "missing_text",
    "moved",
    "unpayable",
]

SHOWN_MAX = 50
PAGE = 1000


@dataclass(frozen=True, slots=True)
class Payees:
    """ready: person_ref → where the identity is, of those who have all that a file needs. missing: the others.

    position: of the registry's log when it was looked up. sha256: as ``payees_digest`` makes it; None while somebody is
    missing.
    """

    ready: Mapping[str, OnFile]
    missing: Sequence[Missing]
    position: int
    sha256: str | None


def look_up(ctx: Context, lines: Sequence[PayoutLine]) -> Payees:
    """Where the identities of a run's people are now. Nothing is decrypted."""
    with ctx.log("registry") as log, snapshot(log.database) as connection, busy(ctx.say("正在查找账号…", "looking up…")):
        position = log.head(connection).position
        found = identities(log, connection, [line.person_ref for line in lines])
    ready, missing = {}, []
    for line in lines:
        one = found[line.person_ref]
        why = missing_fields(one)
        if why is not None:
            missing.append(Missing(line.payout, line.person_ref, why))
        elif isinstance(one, OnFile):
            ready[line.person_ref] = one
    return Payees(ready, missing, position, None if missing else _digest(lines, ready))


def unpayable(ctx: Context, people: Sequence[str]) -> dict[str, Why]:
    """Whom no file can pay now, and why. Nothing is decrypted."""
    with ctx.log("registry") as log, snapshot(log.database) as connection, busy(ctx.say("正在查找账号…", "looking up…")):
        found = identities(log, connection, people)
    return {ref: why for ref, one in found.items() if (why := missing_fields(one)) is not None}


def _digest(lines: Sequence[PayoutLine], found: Mapping[str, OnFile]) -> str:
    on_file = ((line.payout, found[line.person_ref]) for line in lines)
    return payees_digest((payout, one.file, one.event_id, one.identity.mark) for payout, one in on_file)


def missing_text(ctx: Context, count: int, missing: Sequence[Missing]) -> str:
    if not missing:
        return ctx.say(f"{count} 笔付款的姓名和账号都在册", f"name and account of all {count} payouts are on file")
    lines = [f"{safe(each.payout)} {each.person_ref}: {ctx.say(*LEFT_OUT[each.why])}" for each in missing[:SHOWN_MAX]]
    if len(missing) > SHOWN_MAX:
        more = len(missing) - SHOWN_MAX
        lines.append(ctx.say(f"……另有 {more} 笔，见 --json", f"… and {more} more; see --json"))
    total = ctx.say(
        f"{count} 笔中有 {len(missing)} 笔不能封存和导出；请先补登记账号，再重试",
        f"{len(missing)} of {count} payouts cannot be sealed or exported; have their accounts registered, then try again",
    )
    return "\n".join([*lines, total])


def end_for_missing(ctx: Context, run: str, count: int, missing: Sequence[Missing]) -> None:
    """End the command with 1 if somebody cannot be paid: half a file would be another list than the sealed one."""
    if missing:
        answer = {"run": run, "payouts": count, "missing": [asdict(each) for each in missing], "written": False}
        ctx.show(answer, lambda: missing_text(ctx, count, missing))
        raise typer.Exit(DIFFERENCE)


# --- since the seal -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ChangedPayee:
    """Somebody who would be paid otherwise than was sealed. sealed, now: the account with all but its last digits masked; None
    where there is none, or where it is the name that changed."""

    payout: str
    person_ref: str
    what: Literal["account", "name", "unreadable"]
    sealed: str | None = None
    now: str | None = None


def moved(ctx: Context, sealed: SealedList, now: Payees) -> dict[str, OnFile | Why]:
    """person_ref → the identity that was sealed, of everybody who has another on file now. Nothing is decrypted.

    Raises ValueError if what the registry's log says of that moment is not what was sealed.
    """
    if now.sha256 is not None and now.sha256 == sealed.payees_sha256:
        return {}
    assert sealed.registry_position is not None
    people = [line.person_ref for line in sealed.lines]
    with ctx.log("registry") as log, snapshot(log.database) as connection:
        then = _identities_at(log, connection, people, now.ready, sealed.registry_position)
    found = {**now.ready, **then}
    on_file = {ref: one for ref, one in found.items() if isinstance(one, OnFile)}
    if len(on_file) < len(people) or _digest(sealed.lines, on_file) != sealed.payees_sha256:
        raise ValueError("the names and accounts that the registry's log had at the seal are not those that were sealed")
    return {ref: one for ref, one in then.items() if one != now.ready.get(ref)}


def _identities_at(
    log: Log, connection: Connection, people: Sequence[str], now: Mapping[str, OnFile], position: int
) -> dict[str, OnFile | Why]:
    """person_ref → the identity as of a position, of those whose file something was recorded in after it."""
    files = {ref: now[ref].file if ref in now else ref for ref in people}
    touched = _touched(connection, {*people, *files.values()}, position)
    found: dict[str, OnFile | Why] = {}
    for ref in people:
        if ref in touched or files[ref] in touched or ref not in now:
            found[ref] = _identity_at(log, connection, ref, position)
    return found


def _touched(connection: Connection, files: set[str], position: int) -> set[str]:
    event, streams = schema.event.c, [stream_of(file) for file in sorted(files)]
    found: set[str] = set()
    for start in range(0, len(streams), PAGE):
        chosen = one_of(connection, event.stream, streams[start : start + PAGE]), event.position > position
        found.update(connection.scalars(select(event.stream).where(*chosen).distinct()))
    return {stream.partition("-")[2] for stream in found}


def _identity_at(log: Log, connection: Connection, ref: str, position: int) -> OnFile | Why:
    def history(file: str) -> list[Recorded]:
        return [each for each in log.load(connection, [stream_of(file)])[stream_of(file)] if each.position <= position]

    file, events = ref, history(ref)
    while (into := merged_into(events)) is not None:
        file, events = into, history(into)
    found = standing_identity(events)
    if found is None or not isinstance(found.event, WorkerRegistered | FactCorrected) or found.event.identity is None:
        return "withdrawn"
    return OnFile(file, found.event_id, found.event.identity)


def changed_payees(
    ctx: Context,
    vault: Vault,
    sealed: SealedList,
    before: Mapping[str, OnFile | Why],
    payees: Mapping[str, Payee | Why],
) -> list[ChangedPayee]:
    """Who would be paid by another name or to another account than was sealed. before: as ``moved`` found; payees: in plain."""
    with ctx.log("registry") as log, snapshot(log.database) as connection:
        then = decrypted(connection, vault, {ref: one for ref, one in before.items() if isinstance(one, OnFile)})
    found = []
    for line in sealed.lines:
        ref = line.person_ref
        if ref not in before:
            continue
        was, now = then.get(ref), payees[ref]
        if not isinstance(was, Payee) or not isinstance(now, Payee):
            found.append(ChangedPayee(line.payout, ref, "unreadable"))
        elif was.account != now.account:
            shown = (mask("bank_account", was.account), mask("bank_account", now.account))
            found.append(ChangedPayee(line.payout, ref, "account", *shown))
        elif was.name != now.name:
            found.append(ChangedPayee(line.payout, ref, "name"))
    return found


_WHAT: Mapping[str, tuple[str, str]] = {
    "account": ("账号已变更", "another account"),
    "name": ("姓名已变更", "another name"),
    "unreadable": ("封存时的内容已无法解密", "what was sealed cannot be read any more"),
}


def end_for_changed(ctx: Context, run: str, changed: Sequence[ChangedPayee]) -> NoReturn:
    """End the command with 1, and say whose name or account is another than was sealed."""
    lines = [
        f"{safe(each.payout)} {each.person_ref}: {ctx.say(*_WHAT[each.what])}"
        + (f" {each.sealed} → {each.now}" if each.sealed else "")
        for each in changed[:SHOWN_MAX]
    ]
    total = ctx.say(
        f"封存后有 {len(changed)} 人的姓名或账号变更；没有写入文件。请核实是谁改的，再取消批次、重新编制和复核",
        f"names or accounts of {len(changed)} people were changed after the seal; no file is written. Find out who changed "
        "them, then cancel the run, and prepare and check it again",
    )
    answer = {"run": run, "changed_payees": [asdict(each) for each in changed], "written": False}
    ctx.show(answer, lambda: "\n".join([*lines, total]))
    raise typer.Exit(DIFFERENCE)
