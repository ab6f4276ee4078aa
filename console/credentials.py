"""``hongling certificate export``, ``status-list`` and ``verify-file``: a certificate as a file that proves itself.

The credential holds no name, unless that is asked for, which is recorded before it is read. Verifying asks no deployment: the
file, the issuer's public key and the status list are enough.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, time, timedelta, timezone
from pathlib import Path
from typing import Annotated, Any

import typer
from cryptography.exceptions import InvalidTag
from joserfc.jwk import OKPKey
from rich.console import Console

from console.context import DIFFERENCE, WRONG, Context, DataOption, JsonOption, LangOption, chosen_language, context, fail
from console.personal import (
    check_words,
    files_of,
    key_of,
    keys_folder,
    out_file,
    record_unmasking,
    standing_identity,
    the_vault,
)
from console.registry_words import name_of
from console.sealing import KEY_FILE_BYTES_MAX
from console.words import Words, safe
from contracts.base import business_date, business_day, utc_text
from contracts.certificate_life import CertificateState
from contracts.names import legible_name
from contracts.registry import FactCorrected, WorkerRegistered
from eventlog.ids import SystemClock
from eventlog.log import Log, Recorded
from services.registry.credential import (
    CREDENTIAL_BYTES_MAX,
    CredentialError,
    StatusEntry,
    StatusFound,
    Verified,
    issue,
    status_list,
    status_of,
    verify,
)
from services.registry.decider import stream_of
from services.registry.numbers import check_number
from services.registry.status_index import TYPES, Credential, credentials_of
from services.registry.vault import KeyRing
from services.registry.views import holders

__all__ = ["register"]

DEFAULT_ISSUER = "urn:hongling:registry"
ISSUER_VARIABLE = "HONGLING_CREDENTIAL_ISSUER"
LIST_DAYS_MAX = 366
LIST_DAYS = 30
LIST_FILE_BYTES_MAX = 1024 * 1024
PAGE = 1000
_SHANGHAI = timezone(timedelta(hours=8))

IssuerOption = Annotated[
    str | None,
    typer.Option(
        "--issuer-url",
        help=f"by which verifiers know the registry; the same for ever (else {ISSUER_VARIABLE}, else {DEFAULT_ISSUER})",
        show_default=False,
    ),
]
OutOption = Annotated[Path, typer.Option("--out", help="a new file", show_default=False)]


def register(group: typer.Typer) -> None:
    """Add the commands about credentials to a group."""
    group.command()(export)
    group.command("status-list")(status_list_file)
    group.command("verify-file")(verify_file)


def _issuer(given: str | None) -> str:
    return given or os.environ.get(ISSUER_VARIABLE, "").strip() or DEFAULT_ISSUER


def _list_url(issuer: str, number: int) -> str:
    return f"{issuer}/status/{number}"


def _signing_key(ctx: Context) -> OKPKey:
    """The key that certificates are signed with. Ends the command with 2 if there is none."""
    folder = keys_folder(ctx)
    try:
        key = KeyRing.read(folder).credential
    except (OSError, ValueError) as error:
        fail(WRONG, f"the registry's secrets in {folder} cannot be read ({error})")
    if key is None:
        fail(WRONG, f"{folder} has no credential-private.jwk; make it with `hongling keys credential {folder}`")
    return key


def _events(log: Log) -> Iterator[Recorded]:
    """Every event of the registry that can concern a certificate."""
    with log.database.read.connect() as connection:
        after = 0
        while page := log.read(connection, after, PAGE, types=TYPES):
            yield from page
            after = page[-1].position


# --- export -------------------------------------------------------------------------------------------------------------


def export(
    number: Annotated[str, typer.Argument(metavar="NUMBER", show_default=False)],
    out: OutOption,
    with_name: Annotated[bool, typer.Option("--with-name", help="put the holder's name in; it is recorded who asked")] = False,
    reason: Annotated[str | None, typer.Option("--reason", help="with --with-name: why", show_default=False)] = None,
    issuer_url: IssuerOption = None,
    data: DataOption = None,
    as_json: JsonOption = False,
    lang: LangOption = None,
) -> None:
    """Hand out a certificate as a signed credential (W3C Verifiable Credentials 2.0, application/vc+jwt), for its holder."""
    ctx = context(data, as_json, lang)
    if with_name and reason is None:
        fail(WRONG, "--with-name shows the holder's name to whoever has the file: say for what --reason")
    if not with_name and reason is not None:
        fail(WRONG, "--reason goes with --with-name")
    if out.exists():
        fail(WRONG, f"{out} is there already; choose another name")
    if with_name:
        check_words(("--reason", reason or ""))
    found, key = _exportable(ctx, number), _signing_key(ctx)
    assert found.facts is not None
    issuer = _issuer(issuer_url)
    status = StatusEntry(_list_url(issuer, found.place.number), found.place.index)
    name = _name(ctx, found.person_ref, reason or "") if with_name else None
    try:
        jwt = issue(key, issuer, found.facts, SystemClock().now(), status, name)
    except ValueError as error:
        fail(WRONG, f"the certificate cannot be a credential: {error}")
    out_file(out, jwt.encode())
    answer = {
        "file": str(out),
        "number": found.number,
        "person_ref": found.person_ref,
        "grade": found.facts.grade,
        "state": found.state,
        "issuer": issuer,
        "status_list": status.url,
        "status_index": status.index,
        "with_name": name is not None,
    }
    ctx.show(
        answer,
        ctx.say(
            f"证书 {found.number} 已写入 {safe(out)}；状态列表 {safe(status.url)}，第 {status.index} 位",
            f"certificate {found.number} written to {safe(out)}; status list {safe(status.url)}, index {status.index}",
        ),
    )


def _exportable(ctx: Context, number: str) -> Credential:
    """The credential of a certificate that is in force. Ends the command with 2 if there is not one."""
    try:
        number = check_number(number)
    except ValueError:
        number = number.strip()
    today = business_day(SystemClock().now())
    with ctx.log("registry") as log, log.database.read.connect() as connection:
        refs = [row["person_ref"] for row in holders(connection, number) if row["stands"]]
        if len(refs) != 1:
            several = ctx.say("有多个持有人", "several people are on file with it")
            unknown = ctx.say("登记处没有这个证书", "the registry knows no such certificate")
            fail(WRONG, f"{number}: {several if refs else unknown}")
        events = log.load(connection, [stream_of(refs[0])])[stream_of(refs[0])]
    found = next(each for each in credentials_of(events, today) if each.number == number)
    if found.facts is None or found.state not in ("valid", "suspended", "not-yet"):
        state = name_of(Words(ctx.lang), "state", found.state)
        fail(WRONG, ctx.say(f"证书 {number} {state}，不予导出", f"certificate {number} is {state}: it is not handed out"))
    return found


def _name(ctx: Context, ref: str, reason: str) -> str:
    """The holder's name, after it is on record who asked. Ends the command with 1 if nobody can read it."""
    vault = the_vault(ctx)
    record_unmasking(ctx, ref, ("name",), reason)
    with ctx.log("registry") as log:
        with log.database.read.connect() as connection:
            found = standing_identity(files_of(connection, log, ref)[ref])
        key = key_of(ctx, log, vault, ref, "identity")
    event = None if found is None else found.event
    identity = event.identity if isinstance(event, WorkerRegistered | FactCorrected) else None
    if found is None or identity is None or key is None:
        fail(
            DIFFERENCE,
            ctx.say("没有可读的姓名：已删除或已撤回", "there is no name that anybody can read: it was erased or withdrawn"),
        )
    try:
        return legible_name(vault.decrypt(key, found.event_id, identity)["name"])
    except InvalidTag:
        fail(DIFFERENCE, "the identity was changed in the database, or its key is another; see `hongling verify`")


# --- status list --------------------------------------------------------------------------------------------------------


def status_list_file(
    out: OutOption,
    number: Annotated[int, typer.Option("--list", min=0, help="which, if there are several")] = 0,
    days: Annotated[int, typer.Option("--days", min=1, max=LIST_DAYS_MAX, help="until when verifiers rely on it")] = LIST_DAYS,
    issuer_url: IssuerOption = None,
    data: DataOption = None,
    as_json: JsonOption = False,
    lang: LangOption = None,
) -> None:
    """Sign the list that tells what became of every certificate handed out (Bitstring Status List). Publish it at its URL."""
    ctx = context(data, as_json, lang)
    if out.exists():
        fail(WRONG, f"{out} is there already; choose another name")
    key, issuer, now = _signing_key(ctx), _issuer(issuer_url), SystemClock().now()
    states: dict[int, CertificateState] = {}
    lists = {0}
    with ctx.log("registry") as log:
        for credential in credentials_of(_events(log), business_day(now)):
            for place, state in credential.states.items():
                lists.add(place.number)
                if place.number == number:
                    states[place.index] = state
    url, until = _list_url(issuer, number), now + timedelta(days=days)
    try:
        jwt = status_list(key, issuer, url, states, made_at=now, valid_until=until)
    except ValueError as error:
        fail(WRONG, f"the list cannot be made: {error}")
    out_file(out, jwt.encode())
    answer = {
        "file": str(out),
        "list": number,
        "lists": len(lists),
        "url": url,
        "credentials": len(states),
        "not_valid": sum(state in ("suspended", "revoked", "superseded") for state in states.values()),
        "made_at": utc_text(now),
        "valid_until": utc_text(until),
    }
    ctx.show(
        answer,
        ctx.say(
            f"状态列表已写入 {safe(out)}：{answer['credentials']} 份，其中 {answer['not_valid']} 份无效；"
            f"请发布在 {safe(url)}，{answer['valid_until']} 前更新",
            f"status list written to {safe(out)}: {answer['credentials']} credentials, {answer['not_valid']} of them not "
            f"valid; publish it at {safe(url)}, and a new one before {answer['valid_until']}",
        ),
    )


# --- verifying, offline -------------------------------------------------------------------------------------------------


def verify_file(
    file: Annotated[Path, typer.Argument(help="a credential", show_default=False)],
    key: Annotated[
        Path, typer.Option("--key", help="the issuer's credential-public.jwk, or .jwks with all", show_default=False)
    ],
    status: Annotated[
        Path | None, typer.Option("--status-list", help="without it, only signature and dates are known", show_default=False)
    ] = None,
    at: Annotated[
        str | None, typer.Option("--at", help="a day or time, YYYY-MM-DD or with its zone; else now", show_default=False)
    ] = None,
    data: DataOption = None,
    as_json: JsonOption = False,
    lang: LangOption = None,
) -> None:
    """Verify a credential without any deployment. Ends with 1 if it must not be believed, or is not valid."""
    # It asks no deployment, so --data and HONGLING_DATA are left alone.
    ctx = Context(None, as_json, chosen_language(lang), Console(highlight=False, soft_wrap=True))
    moment = _moment(at)
    jwk, jwt = _public_jwk(key), _read(file, CREDENTIAL_BYTES_MAX)
    answer: dict[str, Any] = {"file": str(file), "valid": False, "signature": False, "at": utc_text(moment), "problem": None}
    try:
        verified = verify(jwt, jwk)
        answer |= _told(verified)
        found = None if status is None else status_of(verified, _read(status, LIST_FILE_BYTES_MAX), jwk, moment)
        answer |= _standing(verified, found, moment)
    except CredentialError as error:
        answer["problem"] = {"code": error.code, "problem": error.problem, "remedy": error.remedy}
    ctx.show(answer, lambda: _text(Words(ctx.lang), answer))
    if answer["problem"] is not None and answer["problem"]["code"] == "key-wrong":
        raise typer.Exit(WRONG)
    if answer["valid"] is False:
        raise typer.Exit(DIFFERENCE)


def _moment(text: str | None) -> datetime:
    """A time; a day is its noon in Asia/Shanghai. Ends the command with 2 if it is none."""
    if text is None:
        return SystemClock().now()
    try:
        if len(text) == 10:
            return datetime.combine(business_date(text), time(12), _SHANGHAI).astimezone(UTC)
        found = datetime.fromisoformat(text)
        return (found if found.tzinfo is not None else found.replace(tzinfo=_SHANGHAI)).astimezone(UTC)
    except (ValueError, OverflowError):
        fail(WRONG, f"--at {text} is no day or time; write it as 2026-03-02 or 2026-03-02T10:00:00+08:00")


def _read(path: Path, bytes_max: int) -> str:
    try:
        with path.open("rb") as opened:
            raw = opened.read(bytes_max + 2)
    except OSError as error:
        fail(WRONG, f"{path} cannot be read: {error.strerror}")
    # A file that is too long, or is no text, is no credential: that is for ``verify`` to say.
    return raw.decode("ascii", "replace").strip()


def _public_jwk(path: Path) -> Mapping[str, Any]:
    text = _read(path, KEY_FILE_BYTES_MAX)
    try:
        found = json.loads(text)
    except ValueError:
        found = None
    if not isinstance(found, dict):
        fail(WRONG, f"{path} is no key file; get credential-public.jwk from the issuer")
    return found


def _told(verified: Verified) -> dict[str, Any]:
    facts = verified.certificate
    return {
        "signature": True,
        "issuer": verified.issuer,
        "number": facts.number,
        "grade": facts.grade,
        "division": facts.issuer,
        "issued_on": facts.issued_on.isoformat(),
        "expires_on": None if facts.expires_on is None else facts.expires_on.isoformat(),
        "holder_name": verified.holder_name,
        "signed_at": utc_text(verified.signed_at),
        "status_list": verified.status_url,
    }


def _standing(verified: Verified, found: StatusFound | None, at: datetime) -> dict[str, Any]:
    """state: None without a list, as long as the dates do not say otherwise; then nobody knows whether it is valid."""
    if found is not None:
        told = {"made_at": utc_text(found.made_at), "valid_until": utc_text(found.valid_until)}
        return {"state": found.state, "valid": found.state == "valid", "status_known": told}
    state: CertificateState | None = None
    if at < verified.valid_from:
        state = "not-yet"
    elif verified.valid_until is not None and at >= verified.valid_until:
        state = "expired"
    return {"state": state, "valid": None if state is None else False, "status_known": None}


_ZH: Mapping[str, str] = {
    "key-wrong": "这不是颁证机关的公钥（Ed25519，JWK），请向其索取 credential-public.jwk",
    "not-a-credential": "这不是已签名的证书文件，请使用颁证机关发出的完整文件",
    "signed-by-another": "由另一把密钥签名，请向颁证机关索取 credential-public.jwks（含其用过的全部公钥）",
    "signature-wrong": "签名不符，或内容被改动，请勿采信，并向颁证机关核实",
    "form-wrong": "内容不符合格式，请向颁证机关索取新文件",
    "another-list": "这不是该证书所指的状态列表，请取得其指明的列表",
    "list-not-yet": "状态列表尚未生效，请核对时间",
    "list-outdated": "状态列表已过期，请取得最新的列表",
    "list-too-short": "状态列表不完整，请取得完整的列表",
    "index-beyond": "该证书不在此状态列表内，请取得最新的列表",
}


def _text(words: Words, answer: Mapping[str, Any]) -> str:
    problem = answer["problem"]
    if problem is not None:
        english = f"{problem['problem']}; {problem['remedy']}"
        text = safe(words.say(_ZH.get(problem["code"], english), english))
        return words.say(f"[red]不可采信[/red]：{text}", f"[red]not to be believed[/red]: {text}")
    grade = safe(words.word("grade", answer["grade"]))
    name = "" if answer["holder_name"] is None else safe(answer["holder_name"]) + words.say("，", ", ")
    until = answer["expires_on"] or words.say("长期", "without end")
    about = words.say(
        f"{name}{safe(answer['number'])}，{grade}，{answer['division']} 于 {answer['issued_on']} 颁发，有效期至 {until}",
        f"{name}{safe(answer['number'])}, {grade}, issued by {answer['division']} on {answer['issued_on']}, until {until}",
    )
    if answer["valid"] is None:
        unknown = words.say(
            "签名正确；是否被暂停或撤销须查状态列表", "rightly signed; whether it was suspended or revoked, the list tells"
        )
        return f"[yellow]{unknown}[/yellow]\n{about}"
    state = name_of(words, "state", answer["state"])
    colour = "green" if answer["valid"] else "red"
    return f"[{colour}]{state}[/{colour}]\n{about}"
