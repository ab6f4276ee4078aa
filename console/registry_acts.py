"""``hongling registry …``: the acts on a registration, an engagement, a rating, a fact, as an operator publishes them.

People are named by person_ref, or by a source's key. Identity is sealed in this process, before anything leaves it.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, cast, get_args

import orjson
import typer
from pydantic import TypeAdapter, ValidationError

from console.acting import (
    DivisionOption,
    KeyOption,
    OnOption,
    PersonArgument,
    act,
    check_text,
    engagements_of,
    fold,
    new_key,
    own_name,
    person_of,
    worker_of,
)
from console.context import WRONG, Context, DataOption, JsonOption, LangOption, context, fail
from console.personal import ReasonOption, check_words
from console.publishing import sealing_key
from console.sealing import seal
from contracts import intake
from contracts.base import Category, EntryChannel, EventId
from contracts.particulars import EngagementEnd, Particulars, RegistrationStatus
from contracts.problems import problems_of
from contracts.roles import DESK, OPERATOR
from eventlog.intake import seen_before
from services.registry.decider import Known, Worker, leaves_of

__all__ = ["register"]

LINE_CHARACTERS_MAX = 256
IDENTITY_FILE_BYTES_MAX = 16 * 1024

ManagingOption = Annotated[str | None, typer.Option("--managing-unit", help="管理单位", show_default=False)]
PostingOption = Annotated[str | None, typer.Option("--posting-unit", help="挂靠单位", show_default=False)]
ServingOption = Annotated[str | None, typer.Option("--serving-unit", help="服务单位", show_default=False)]
IdentityFileOption = Annotated[
    str | None,
    typer.Option(
        "--identity-file",
        help="JSON with name, resident_id, phone, bank_account, so that they stand in no shell history; - reads the input",
        show_default=False,
    ),
]
FactArgument = Annotated[
    str,
    typer.Argument(metavar="FACT", help="<source>/<message id> or an event id; see `hongling history`", show_default=False),
]

_EVENT: TypeAdapter[str] = TypeAdapter(EventId)


def register(group: typer.Typer) -> None:
    """Add the acts to a group."""
    group.command("register")(register_worker)
    for command in (transfer, close, reopen, engage, disengage, rate, appeal, merge, correct, withdraw):
        group.command()(command)
    group.command("decide-appeal")(decide_appeal)


# --- registration -------------------------------------------------------------------------------------------------------


def register_worker(
    division: DivisionOption,
    identity_file: IdentityFileOption = None,
    key: Annotated[
        str | None, typer.Option("--key", help="your own key for the person from now on", show_default=False)
    ] = None,
    managing_unit: ManagingOption = None,
    posting_unit: PostingOption = None,
    serving_unit: ServingOption = None,
    civil_servant: Annotated[bool, typer.Option("--civil-servant", help="on the civil-service establishment")] = False,
    on: OnOption = None,
    data: DataOption = None,
    as_json: JsonOption = False,
    lang: LangOption = None,
) -> None:
    """Register a worker (注册登记): name, resident ID, phone and bank account are asked for, or read, a line each.

    They are no options: others on the machine see a process's arguments. They are sealed before they leave this process.
    """
    ctx = context(data, as_json, lang)
    given = _asked(ctx) if identity_file is None else _json_file(identity_file)
    person = {"identity": _sealed(ctx, given), **({} if key is None else {"source_key": key})}
    values = {
        "person": person,
        "division": division,
        "managing_unit": managing_unit,
        "posting_unit": posting_unit,
        "serving_unit": serving_unit,
        "civil_servant": civil_servant,
    }
    act(ctx, "worker-registered", intake.WorkerRegistered, values, on)


def _asked(ctx: Context) -> dict[str, str]:
    """The identity as somebody types it; an empty line is what is not known. At the end of the input, the rest is not."""
    asked = {
        "name": ctx.say("姓名", "name"),
        "resident_id": ctx.say("身份证号（不显示）", "resident ID (not shown)"),
        "phone": ctx.say("电话（可空）", "phone (may be empty)"),
        "bank_account": ctx.say("银行账号（可空，不显示）", "bank account (may be empty, not shown)"),
    }
    given = {}
    for field, question in asked.items():
        if sys.stdin.isatty():
            hidden = field in ("resident_id", "bank_account")
            line = typer.prompt(question, default="", show_default=False, hide_input=hidden, err=True)
        else:
            line = sys.stdin.readline(LINE_CHARACTERS_MAX)
        given[field] = line.strip()
    return {field: line for field, line in given.items() if line}


def _sealed(ctx: Context, given: Any) -> str:
    """The identity, checked and sealed. Ends the command with 2, naming fields and repeating nothing."""
    try:
        identity = intake.Identity.model_validate(given)
    except ValidationError as error:
        problems = problems_of(error, lang="zh" if ctx.lang == "zh" else "en")
        fail(WRONG, "\n".join(f"{p.field}: {p.problem}; {p.remedy}" for p in problems))
    path = ctx.deployment.public_key if ctx.deployment is not None else Path(os.environ.get("HONGLING_PUBLIC_KEY", ""))
    if path == Path():
        fail(WRONG, "identity is sealed with the registry's public key: give --data, or set HONGLING_PUBLIC_KEY (a JWK file)")
    try:
        return seal(identity, sealing_key(ctx, OPERATOR, path))
    except (OSError, ValueError) as error:
        fail(WRONG, f"the identity cannot be sealed: {error}")


def _json_file(file: str) -> Any:
    try:
        if file == "-":
            raw = sys.stdin.buffer.read(IDENTITY_FILE_BYTES_MAX + 1)
        else:
            with Path(file).open("rb") as source:
                raw = source.read(IDENTITY_FILE_BYTES_MAX + 1)
    except OSError as error:
        fail(WRONG, f"{file} cannot be read: {error.strerror}")
    if len(raw) > IDENTITY_FILE_BYTES_MAX:
        fail(WRONG, f"{file} has more than {IDENTITY_FILE_BYTES_MAX} bytes")
    try:
        return orjson.loads(raw)
    except orjson.JSONDecodeError:
        fail(WRONG, f"{file} is not JSON in UTF-8")


def transfer(
    person: PersonArgument,
    division: DivisionOption,
    recognises: Annotated[
        list[str] | None,
        typer.Option("--recognises", help="number of a certificate that the new division recognises", show_default=False),
    ] = None,
    managing_unit: ManagingOption = None,
    posting_unit: PostingOption = None,
    serving_unit: ServingOption = None,
    key: KeyOption = None,
    on: OnOption = None,
    data: DataOption = None,
    as_json: JsonOption = False,
    lang: LangOption = None,
) -> None:
    """Transfer a registration to another division from the day on (转接), with the certificates that it recognises."""
    ctx = context(data, as_json, lang)
    values = {
        "person": person_of(ctx, person),
        "key": key or new_key("transfer"),
        "division": division,
        "recognises": recognises,
        "managing_unit": managing_unit,
        "posting_unit": posting_unit,
        "serving_unit": serving_unit,
    }
    act(ctx, "registration-transferred", intake.RegistrationTransferred, values, on)


_STATUS_REASONS = get_args(RegistrationStatus.model_fields["reason"].annotation)
StatusReason = Annotated[str, typer.Option("--reason", help=f"one of: {', '.join(_STATUS_REASONS)}", show_default=False)]


def close(
    person: PersonArgument,
    reason: StatusReason,
    key: KeyOption = None,
    on: Annotated[str | None, typer.Option("--on", help="last day, YYYY-MM-DD; else today", show_default=False)] = None,
    data: DataOption = None,
    as_json: JsonOption = False,
    lang: LangOption = None,
) -> None:
    """Close a registration (注销)."""
    ctx = context(data, as_json, lang)
    values = {"person": person_of(ctx, person), "key": key or new_key("close"), "reason": reason}
    act(ctx, "registration-closed", intake.RegistrationClosed, values, on)


def reopen(
    person: PersonArgument,
    reason: StatusReason,
    key: KeyOption = None,
    on: OnOption = None,
    data: DataOption = None,
    as_json: JsonOption = False,
    lang: LangOption = None,
) -> None:
    """Open a closed registration again, from the day on (恢复)."""
    ctx = context(data, as_json, lang)
    values = {"person": person_of(ctx, person), "key": key or new_key("reopen"), "reason": reason}
    act(ctx, "registration-reopened", intake.RegistrationReopened, values, on)


# --- engagements --------------------------------------------------------------------------------------------------------


def engage(
    person: PersonArgument,
    category: Annotated[str, typer.Option("--category", help=f"one of: {', '.join(get_args(Category))}", show_default=False)],
    unit: Annotated[str, typer.Option("--unit", help="where", show_default=False)],
    post: Annotated[str, typer.Option("--post", help="as what", show_default=False)],
    full_time: Annotated[bool, typer.Option("--full-time/--part-time")] = True,
    entry_channel: Annotated[
        str | None, typer.Option("--entry-channel", help=f"one of: {', '.join(get_args(EntryChannel))}", show_default=False)
    ] = None,
    engagement: Annotated[
        str | None, typer.Option("--engagement", help="your own key for it; else a new one", show_default=False)
    ] = None,
    on: OnOption = None,
    data: DataOption = None,
    as_json: JsonOption = False,
    lang: LangOption = None,
) -> None:
    """Engage a worker from the day on (聘任). It does not depend on any certificate."""
    ctx = context(data, as_json, lang)
    values = {
        "person": person_of(ctx, person),
        "engagement": engagement or new_key("engagement"),
        "category": category,
        "unit": unit,
        "post": post,
        "full_time": full_time,
        "entry_channel": entry_channel,
    }
    act(ctx, "engagement-started", intake.EngagementStarted, values, on)


_END_REASONS = get_args(EngagementEnd.model_fields["reason"].annotation)


def disengage(
    person: PersonArgument,
    reason: Annotated[str, typer.Option("--reason", help=f"one of: {', '.join(_END_REASONS)}", show_default=False)],
    engagement: Annotated[
        str | None, typer.Option("--engagement", help="which, if there are several", show_default=False)
    ] = None,
    on: Annotated[str | None, typer.Option("--on", help="last day, YYYY-MM-DD; else today", show_default=False)] = None,
    data: DataOption = None,
    as_json: JsonOption = False,
    lang: LangOption = None,
) -> None:
    """End an engagement (离任), whoever reported its beginning."""
    ctx = context(data, as_json, lang)
    who = person_of(ctx, person)
    source, key = _engagement(ctx, who["person_ref"], engagement)
    values = {
        "person": who,
        "engagement": key,
        "engagement_source": None if source == ctx.who(OPERATOR, DESK) else source,
        "reason": reason,
    }
    act(ctx, "engagement-ended", intake.EngagementEnded, values, on)


def _engagement(ctx: Context, ref: str, named: str | None) -> tuple[str, str]:
    """(source, key) of the engagement that is named, or of the only one without an end. Ends the command with 2."""
    if named is not None:
        source, _, key = own_name(ctx, named).partition("/")
        return source, key
    running = [name for name, _, end in engagements_of(worker_of(ctx, ref)) if end is None]
    if len(running) != 1:
        known = ", ".join(running) or ctx.say("没有", "none")
        fail(WRONG, ctx.say(f"请用 --engagement 指明；在任：{known}", f"say which with --engagement; running are: {known}"))
    source, _, key = running[0].partition("/")
    return source, key


# --- ratings and appeals ------------------------------------------------------------------------------------------------


def rate(
    person: PersonArgument,
    year: Annotated[int, typer.Option("--year", show_default=False)],
    rating: Annotated[str, typer.Option("--rating", help="a word of the policy, such as competent", show_default=False)],
    on: OnOption = None,
    data: DataOption = None,
    as_json: JsonOption = False,
    lang: LangOption = None,
) -> None:
    """Report the annual rating of a year (年度考核等次)."""
    ctx = context(data, as_json, lang)
    values = {"person": person_of(ctx, person), "year": year, "rating": rating}
    act(ctx, "annual-rating-recorded", intake.AnnualRatingRecorded, values, on)


def appeal(
    person: PersonArgument,
    year: Annotated[int, typer.Option("--year", show_default=False)],
    grounds: Annotated[str, typer.Option("--grounds", help="without naming anybody; recorded for ever", show_default=False)],
    key: KeyOption = None,
    on: OnOption = None,
    data: DataOption = None,
    as_json: JsonOption = False,
    lang: LangOption = None,
) -> None:
    """Take an appeal against the rating of a year (申诉)."""
    ctx = context(data, as_json, lang)
    values = {
        "person": person_of(ctx, person),
        "appeal": key or new_key("appeal"),
        "year": year,
        "grounds": check_text("--grounds", grounds),
    }
    act(ctx, "rating-appealed", intake.RatingAppealed, values, on)


def decide_appeal(
    person: PersonArgument,
    outcome: Annotated[str, typer.Option("--outcome", help="dismissed or upheld", show_default=False)],
    reason: ReasonOption,
    rating: Annotated[str | None, typer.Option("--rating", help="the new one, if upheld", show_default=False)] = None,
    named: Annotated[
        str | None, typer.Option("--appeal", help="<source>/<key>, if several are open", show_default=False)
    ] = None,
    on: OnOption = None,
    data: DataOption = None,
    as_json: JsonOption = False,
    lang: LangOption = None,
) -> None:
    """Decide an appeal. If it is upheld, the rating is corrected in the same act."""
    ctx = context(data, as_json, lang)
    check_words(("--reason", reason))
    who = person_of(ctx, person)
    if named is None:
        appeals = [name for name, each in worker_of(ctx, who["person_ref"]).appeals.items() if not each.decided]
        if len(appeals) != 1:
            known = ", ".join(appeals) or ctx.say("没有", "none")
            fail(WRONG, ctx.say(f"请用 --appeal 指明；未决：{known}", f"say which with --appeal; open are: {known}"))
        named = appeals[0]
    source, _, key = own_name(ctx, named).partition("/")
    values = {
        "person": who, "appeal": key, "appeal_source": source, "outcome": outcome, "rating": rating, "reason": reason.strip(),
    }  # fmt: skip
    act(ctx, "rating-appeal-decided", intake.RatingAppealDecided, values, on)


# --- two files of one person --------------------------------------------------------------------------------------------


def merge(
    duplicate: Annotated[str, typer.Argument(help="whose file ends", show_default=False)],
    survivor: Annotated[str, typer.Argument(help="whose file goes on", show_default=False)],
    reason: ReasonOption,
    on: OnOption = None,
    data: DataOption = None,
    as_json: JsonOption = False,
    lang: LangOption = None,
) -> None:
    """Say that two files are one person's: the first one ends, its facts go on with the second."""
    ctx = context(data, as_json, lang)
    check_words(("--reason", reason))
    values = {
        "person": person_of(ctx, duplicate), "survivor": person_of(ctx, survivor), "reason": reason.strip(),
    }  # fmt: skip
    act(ctx, "duplicate-confirmed", intake.DuplicateConfirmed, values, on)


# --- corrections --------------------------------------------------------------------------------------------------------


def correct(
    fact: FactArgument,
    reason: ReasonOption,
    change: Annotated[
        list[str] | None,
        typer.Option(
            "--set", help="FIELD=VALUE of what it should say; null empties a field; may be repeated", show_default=False
        ),
    ] = None,
    identity_file: IdentityFileOption = None,
    on: Annotated[str | None, typer.Option("--on", help="the right effective date; else it stays", show_default=False)] = None,
    data: DataOption = None,
    as_json: JsonOption = False,
    lang: LangOption = None,
) -> None:
    """Correct a fact, whoever reported it: what it says now, but for the fields that are set. Nothing is overwritten."""
    ctx = context(data, as_json, lang)
    check_words(("--reason", reason))
    if not change and identity_file is None and on is None:
        fail(WRONG, "say what is to be corrected: --set FIELD=VALUE, --on DATE or --identity-file")
    (source, message_id), known = _fact(ctx, fact)
    if known is None or known.says is None:
        fail(WRONG, ctx.say(f"{fact} 已被撤回，无可更正", f"{fact} was withdrawn, there is nothing to correct"))
    values = {
        "corrects": {"id": message_id, "source": source},
        "replacement": _replacement(known.says, change or ()),
        "identity": None if identity_file is None else _sealed(ctx, _json_file(identity_file)),
        "reason": reason.strip(),
    }
    act(ctx, "fact-corrected", intake.FactCorrected, values, on or known.effective_on.isoformat())


def withdraw(
    fact: FactArgument,
    reason: ReasonOption,
    on: Annotated[str | None, typer.Option("--on", help="effective date; else that of the fact", show_default=False)] = None,
    data: DataOption = None,
    as_json: JsonOption = False,
    lang: LangOption = None,
) -> None:
    """Withdraw a fact, whoever reported it: it should never have been reported. It stays recorded."""
    ctx = context(data, as_json, lang)
    check_words(("--reason", reason))
    (source, message_id), known = _fact(ctx, fact)
    values = {"withdraws": {"id": message_id, "source": source}, "reason": reason.strip()}
    act(ctx, "fact-withdrawn", intake.FactWithdrawn, values, on or (None if known is None else known.effective_on.isoformat()))


def _fact(ctx: Context, named: str) -> tuple[tuple[str, str], Known | None]:
    """(source, message id) of a fact, and how it reads now (None: it was withdrawn). Ends the command with 2."""
    with ctx.log("registry") as log, log.database.read.connect() as connection:
        event_id: str | None = named
        try:
            _EVENT.validate_python(named)
        except ValidationError:
            source, _, message_id = named.partition("/")
            seen = seen_before(connection, [(source, message_id)]).get((source, message_id))
            event_id = None if seen is None else seen.event_id
        recorded = None if event_id is None else log.find(connection, event_id)
        state = Worker() if recorded is None else fold(log.load(connection, [recorded.stream])[recorded.stream])
    if recorded is None or recorded.event_id not in state.facts:
        fail(
            WRONG,
            ctx.say(
                f"登记处没有事实 {named}；请写 <来源>/<消息编号> 或事件编号（见 `hongling history`）",
                f"the registry has no fact {named}; write <source>/<message id> or an event id, see `hongling history`",
            ),
        )
    origin = cast(Any, recorded.event).fact
    return (origin.source, origin.id), leaves_of(state.facts)[recorded.event_id]


def _replacement(says: Particulars, changes: Sequence[str]) -> dict[str, Any]:
    """The whole particulars as they should read. Ends the command with 2 for a field that there is not."""
    values = says.model_dump(mode="json")
    fields = [name for name in values if name != "kind"]
    for change in changes:
        name, equals, text = change.partition("=")
        if not equals or name not in fields:
            fail(WRONG, f"--set {change} is not FIELD=VALUE of a {says.kind}; its fields are: {', '.join(fields)}")
        values[name] = None if text == "null" else _as_before(values[name], text)
    return values


def _as_before(before: Any, text: str) -> Any:
    """A value of the kind that the field had: text, or else JSON."""
    if before is None or isinstance(before, str):
        return text
    try:
        return json.loads(text)
    except ValueError:
        return text
