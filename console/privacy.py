"""``hongling registry unmask`` and ``erase``: the two acts on a person that are recorded before they are done.

Everywhere else personal data are masked (``console.masking``). The dossier's commands are in ``console.dossier``, the
certificate of an erasure in ``console.erasure``.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer
from cryptography.exceptions import InvalidTag
from rich.console import Console

from console import dossier
from console.context import (
    DIFFERENCE,
    UNREACHABLE,
    WRONG,
    Context,
    DataOption,
    JsonOption,
    LangOption,
    chosen_language,
    context,
    fail,
    run_async,
)
from console.erasure import (
    attachments_named,
    certificate,
    check_certificate,
    delivered,
    left_elsewhere,
    read_certificate,
    sealed_messages,
    what_is_left,
)
from console.masking import IDENTITY_FIELDS, mask
from console.people import person_ref_of
from console.personal import (
    ReasonOption,
    attachments_if_kept,
    check_words,
    erased_in,
    files_of,
    key_of,
    merged_into,
    out_file,
    publish_act,
    record_unmasking,
    standing_identity,
    the_attachments,
    the_vault,
)
from console.proposals import end_for_waiting, open_proposal
from console.publishing import is_proposed, show_receipt
from console.words import safe
from contracts import intake
from contracts.base import PersonRef
from contracts.registry import FactCorrected, WorkerRegistered
from contracts.roles import DESK, OPERATOR
from eventlog.ids import SystemClock
from eventlog.log import Recorded
from eventlog.relay import cursor_of
from services.registry.attachments import Attachments
from services.registry.erasing import CURSOR
from services.registry.vault import Vault, erasure

__all__ = ["register"]

SWEEP_WAIT_SECONDS = 20.0
"""How long the certificate waits for the registry's sweep of the stream."""
POLL_SECONDS = 0.1

PersonArgument = Annotated[str, typer.Argument(help="a person_ref, or <source>:<key> such as hr:K001", show_default=False)]
_LABELS: Mapping[str, tuple[str, str]] = {
    "name": ("姓名", "name"),
    "resident_id": ("身份证号", "resident ID"),
    "phone": ("电话", "phone"),
    "bank_account": ("银行账号", "bank account"),
}


def register(group: typer.Typer) -> None:
    """Add the commands about personal data to a group."""
    for command in (unmask, erase):
        group.command()(command)
    dossier.register(group)


# --- unmask -----------------------------------------------------------------------------------------------------------


def unmask(
    person: PersonArgument,
    field: Annotated[
        list[str], typer.Option("--field", help=f"one of: {', '.join(IDENTITY_FIELDS)}; may be repeated", show_default=False)
    ],
    reason: ReasonOption,
    data: DataOption = None,
    as_json: JsonOption = False,
    lang: LangOption = None,
) -> None:
    """Show fields of a person's identity in plain, after it is on record who was shown them and why; the others stay masked."""
    ctx = context(data, as_json, lang)
    strangers = [each for each in field if each not in IDENTITY_FIELDS]
    if strangers:
        fail(WRONG, f"there is no field {strangers[0]} to unmask; choose from: {', '.join(IDENTITY_FIELDS)}")
    check_words(("--reason", reason))
    ref = person_ref_of(ctx, person)
    vault = the_vault(ctx)
    with ctx.log("registry") as log, log.database.read.connect() as connection:
        events = files_of(connection, log, ref)[ref]
    into = merged_into(events)
    if into is not None:
        fail(WRONG, ctx.say(f"{ref} 已并入 {into}；请改用后者", f"{ref} was merged into {into}; name that one"))
    recorded = record_unmasking(ctx, ref, field, reason)
    plain = _identity(ctx, vault, ref)
    answer: dict[str, Any] = {"person_ref": ref, "event_id": recorded.event_id, "recorded_at": recorded.recorded_at}
    answer["fields"] = {name: plain.get(name) for name in IDENTITY_FIELDS if name in field}
    answer["masked"] = {name: mask(name, plain[name]) for name in IDENTITY_FIELDS if name not in field and name in plain}
    ctx.show(answer, lambda: _unmasked_text(ctx, answer))


def _identity(ctx: Context, vault: Vault, ref: str) -> dict[str, str]:
    """The identity that stands, in plain. Ends the command with 1 if nobody can read it."""
    with ctx.log("registry") as log:
        with log.database.read.connect() as connection:
            # Read again: what was corrected while the act was recorded is shown as it is now.
            events = files_of(connection, log, ref)[ref]
        key = key_of(ctx, log, vault, ref, "identity")
    found = standing_identity(events)
    event = None if found is None else found.event
    identity = event.identity if isinstance(event, WorkerRegistered | FactCorrected) else None
    if key is None or found is None or identity is None:
        text = "there is no identity that anybody can read: it was erased or withdrawn"
        fail(DIFFERENCE, ctx.say("没有可读的身份信息：已删除或已撤回", text))
    try:
        return vault.decrypt(key, found.event_id, identity)
    except InvalidTag:
        fail(DIFFERENCE, "the identity was changed in the database, or its key is another; see `hongling verify`")


def _unmasked_text(ctx: Context, answer: Mapping[str, Any]) -> str:
    missing = ctx.say("（未登记）", "(not on file)")
    lines = [
        f"{ctx.say(*_LABELS[name])}{ctx.say('：', ': ')}{safe(missing if value is None else value)}"
        for name, value in {**answer["fields"], **answer["masked"]}.items()
    ]
    event = answer["event_id"]
    return "\n".join([*lines, ctx.say(f"[dim]已记录（事件 {event}）[/dim]", f"[dim]recorded as event {event}[/dim]")])


# --- erase ------------------------------------------------------------------------------------------------------------


def erase(
    person: Annotated[str | None, typer.Argument(help="a person_ref, or <source>:<key>", show_default=False)] = None,
    reason: Annotated[str | None, typer.Option("--reason", help="why; recorded for ever", show_default=False)] = None,
    certificate_file: Annotated[
        Path | None, typer.Option("--certificate", help="a new file for the certificate", show_default=False)
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="do it; without it, only say what would go")] = False,
    check: Annotated[
        Path | None, typer.Option("--check", help="verify a certificate instead; needs no deployment", show_default=False)
    ] = None,
    root: Annotated[
        str | None, typer.Option("--root", help="with --check: a root kept elsewhere that it must lead to", show_default=False)
    ] = None,
    data: DataOption = None,
    as_json: JsonOption = False,
    lang: LangOption = None,
) -> None:
    """Make a person's identity and dossier unreadable for ever, and certify it. Safe to repeat until it is complete."""
    if check is not None:
        # It asks no deployment, so --data and HONGLING_DATA are left alone.
        _check(Context(None, as_json, chosen_language(lang), Console(highlight=False, soft_wrap=True)), check, root)
        return
    ctx = context(data, as_json, lang)
    if person is None or reason is None:
        fail(WRONG, "say who is to be erased, and for what --reason; or --check a certificate")
    check_words(("--reason", reason))
    ref = person_ref_of(ctx, person)
    files = _files(ctx, ref)
    # A registry that keeps no attachments needs no place for them.
    store = the_attachments(ctx) if attachments_named(files) else attachments_if_kept(ctx)
    done = erased_in(files[ref])
    if done is None and not yes:
        fail(WRONG, _would_go(ctx, ref, files, _kept(store, files)))
    if certificate_file is not None and certificate_file.exists():
        fail(WRONG, f"{certificate_file} is there already; choose another name")
    recorded = done or _record(ctx, ref, reason.strip())
    try:
        deleted = sum(store.delete_of(each) for each in files) if store is not None else 0
    except OSError as error:
        fail(
            UNREACHABLE,
            f"the erasure is on record (event {recorded.event_id}), and nobody can read the attachments any more; but their "
            f"files cannot be deleted ({error.strerror}): give the command again",
        )
    made = _certificate(ctx, recorded, files, {"deleted": deleted, "left": _kept(store, files)})
    if certificate_file is not None:
        out_file(certificate_file, (json.dumps(made, ensure_ascii=False, indent=2) + "\n").encode())
    problems = check_certificate(made)
    ctx.show({**made, "problems": problems}, lambda: _erased_text(ctx, made, problems))
    if problems:
        raise typer.Exit(DIFFERENCE)


def _files(ctx: Context, ref: PersonRef) -> dict[str, list[Recorded]]:
    with ctx.log("registry") as log, log.database.read.connect() as connection:
        files = files_of(connection, log, ref)
    into = merged_into(files[ref])
    if into is not None:
        text = f"{ref} was merged into {into}: erase that one, and this file goes with it"
        fail(WRONG, ctx.say(f"{ref} 已并入 {into}；请删除后者，本档一并删除", text))
    return files


def _kept(store: Attachments | None, files: Iterable[PersonRef]) -> int:
    return 0 if store is None else sum(len(store.digests_of(each)) for each in files)


def _would_go(ctx: Context, ref: str, files: Mapping[str, Sequence[Recorded]], attachments: int) -> str:
    with ctx.log("registry") as log, log.database.read.connect() as connection:
        gone = erasure(connection, ref, also=[each for each in files if each != ref])
    return ctx.say(
        f"将永久删除 {ref} 的 {len(gone.keys)} 个密钥、{len(gone.index)} 条索引和 {attachments} 个附件，不可恢复；"
        "确认请加 --yes",
        f"{len(gone.keys)} keys, {len(gone.index)} index entries and {attachments} attachments of {ref} would go for ever, and "
        "nothing brings them back; add --yes to do it",
    )


def _record(ctx: Context, ref: str, reason: str) -> Recorded:
    """Have the registry erase the person. Returns the event, read back; otherwise ends the command."""
    person = {"person": {"person_ref": ref}}
    _end_if_proposed(ctx, person)
    receipt = publish_act(ctx, "person-erased", intake.PersonErased, {**person, "reason": reason})
    if receipt.outcome != "accepted":
        show_receipt(ctx, receipt)
        raise typer.Exit(DIFFERENCE)
    if is_proposed(receipt):
        _end_if_proposed(ctx, person)
    with ctx.log("registry") as log, log.database.read.connect() as connection:
        recorded = erased_in(files_of(connection, log, ref)[ref])
    if recorded is None:
        fail(DIFFERENCE, f"message {receipt.id} was accepted, but the registry's log has no erasure of {ref}; give it again")
    return recorded


def _end_if_proposed(ctx: Context, person: Mapping[str, Any]) -> None:
    """End the command with 1 while the erasure waits for its second principal."""
    with ctx.log("registry") as log:
        waiting = open_proposal(log, ctx.who(OPERATOR, DESK), "person-erased", person)
    if waiting is not None:
        end_for_waiting(ctx, "registry", waiting)


def _certificate(
    ctx: Context, recorded: Recorded, files: Mapping[str, list[Recorded]], attachments: Mapping[str, int]
) -> dict[str, Any]:
    _await_sweep(ctx, recorded.position)
    now = SystemClock().now()
    with ctx.log("registry") as log:
        with log.database.read.connect() as connection:
            remains = what_is_left(connection, recorded)
            messages = delivered(connection, list(files), now)
        on_stream = run_async(sealed_messages(ctx, messages)) if messages else None
        remains += [on_stream] if on_stream is not None else []
        remains += run_async(left_elsewhere(ctx, recorded, SWEEP_WAIT_SECONDS))
        with log.database.read.connect() as connection:
            return certificate(connection, log, recorded, files, attachments, remains, now)


def _await_sweep(ctx: Context, position: int) -> None:
    """Give the registry time to delete the person's messages from the stream; the certificate counts what is left then."""
    deadline = time.monotonic() + SWEEP_WAIT_SECONDS
    with ctx.log("registry") as log:
        while time.monotonic() < deadline:
            with log.database.read.connect() as connection:
                if cursor_of(connection, CURSOR) >= position:
                    return
            time.sleep(POLL_SECONDS)


def _erased_text(ctx: Context, made: Mapping[str, Any], problems: Sequence[str]) -> str:
    erased, event = made["erased"], made["event"]
    numbers = (erased["keys"], erased["index_entries"], erased["attachments_deleted"])
    lines = [
        ctx.say(
            "[green]已删除[/green] {}：{} 个密钥，{} 条索引，{} 个附件".format(made["person_ref"], *numbers),
            "[green]erased[/green] {}: {} keys, {} index entries, {} attachments".format(made["person_ref"], *numbers),
        ),
        ctx.say(
            f"登记日志第 {event['position']} 位，事件 {event['event_id']}，根哈希 {made['proof']['root']}",
            f"position {event['position']} of the registry's log, event {event['event_id']}, root {made['proof']['root']}",
        ),
        ctx.say("仍然存在：", "what is still there:"),
    ]
    for each in made["remains"]:
        count = "" if each["count"] is None else f"{each['count']} "
        until = "" if each["until"] is None else ctx.say(f"（至 {each['until']}）", f" (until {each['until']})")
        lines.append(f"  {safe(each['where'])}: {count}{safe(each['what'])}{until}")
    return "\n".join([*lines, *(f"[red]{safe(each)}[/red]" for each in problems)])


def _check(ctx: Context, file: Path, root: str | None) -> None:
    """Verify a certificate. Ends the command with 1 if it does not hold, 2 if it cannot be read."""
    try:
        found = read_certificate(file)
    except (OSError, ValueError) as error:
        fail(WRONG, f"{file} cannot be read as a certificate ({type(error).__name__})")
    problems = check_certificate(found, root)
    answer: dict[str, Any] = {"file": str(file), "holds": not problems, "problems": problems}
    if not problems:
        answer |= {name: found[name] for name in ("person_ref", "erased", "made_at")}
        answer |= {"event_id": found["event"]["event_id"], "recorded_at": found["event"]["recorded_at"], **found["proof"]}
        del answer["path"]
    ctx.show(answer, lambda: _checked_text(ctx, answer))
    if problems:
        raise typer.Exit(DIFFERENCE)


def _checked_text(ctx: Context, answer: Mapping[str, Any]) -> str:
    if answer["problems"]:
        return "\n".join([ctx.say("[red]证书不成立[/red]", "[red]it does not hold[/red]"), *map(safe, answer["problems"])])
    who, on, size, root = (answer[name] for name in ("person_ref", "recorded_at", "tree_size", "root"))
    return ctx.say(
        f"[green]证书成立[/green]：{who} 于 {on} 删除，事件在登记日志的前 {size} 个事件中；请将根哈希 {root} 与另行保存的核对",
        f"[green]it holds[/green]: {who} was erased at {on}; the event stands among the first {size} of the registry's log; "
        f"compare the root {root} with one kept elsewhere",
    )
