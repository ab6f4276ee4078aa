"""``hongling registry show``, ``list`` and ``limits``: one worker, the register, and who has reached a hard limit.

``--effective`` asks what was true on a day, ``--known`` what was on file then. Identity is masked; the content of a dossier is
not shown at all.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from datetime import date
from typing import Annotated, Any, get_args

import typer
from cryptography.exceptions import InvalidTag
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from rich.table import Table
from sqlalchemy import Connection

from console.acting import PersonArgument, check_division, engagements_of, fold, in_words
from console.applications import stories_of
from console.certification_standards import published_standards
from console.context import WRONG, Context, DataOption, JsonOption, LangOption, context, fail
from console.explain import KnownOption
from console.masking import masked_identity
from console.people import Known, business_day_of, known_at, person_ref_of, position_at
from console.personal import key_of, standing_identity, the_vault
from console.registry_words import name_of, side
from console.words import Words, safe, show_table
from contracts.base import Category, business_day
from contracts.certificate_life import Span
from contracts.certification import CertificationStandard
from contracts.divisions import above, covers, in_force
from contracts.particulars import Certificate, EngagementStart, InspectionResult, RatingResult, Recognition
from contracts.registry import DossierEntryCorrected, DossierEntryRecorded, FactCorrected, WorkerRegistered
from eventlog.ids import SystemClock
from eventlog.log import Log, Recorded
from services.registry.decider import Worker, certificate_spans, standing_facts, stream_of
from services.registry.divisions import division_title
from services.registry.eligibility import Fact, LimitReached, grade_standard, limits_reached, steward_of, valid_in
from services.registry.views import HeldCertificate, StandingView, Status, WorkerRow, register, worker_as_of
from services.registry.views import known_at as registry_known_at
from services.registry.views.facts import facts_of

__all__ = ["certificates_of", "limits", "list_", "show", "territory"]

PAGE_MAX = 1000
SCANNED_PAGE = 500
_STATES = ("valid", "suspended", "revoked", "superseded", "expired")

EffectiveOption = Annotated[
    str | None, typer.Option("--effective", help="as it was true on that day, YYYY-MM-DD; else today", show_default=False)
]
AfterOption = Annotated[
    str | None, typer.Option("--after", help="DIVISION/PERSON, where the page before ended", show_default=False)
]
LimitOption = Annotated[int, typer.Option("--limit", min=1, max=PAGE_MAX, help="of one page")]

Standards = Sequence[tuple[str, CertificationStandard]]


def _day(effective: str | None) -> date:
    return business_day_of("--effective", effective) or business_day(SystemClock().now())


# --- one worker ---------------------------------------------------------------------------------------------------------


def show(
    person: PersonArgument,
    effective: EffectiveOption = None,
    known: KnownOption = None,
    data: DataOption = None,
    as_json: JsonOption = False,
    lang: LangOption = None,
) -> None:
    """One worker on a day, as it was known at a time: registration, steward, engagements, certificates, results, file."""
    ctx = context(data, as_json, lang)
    moment, day = known_at(known), _day(effective)
    ref = person_ref_of(ctx, person)
    with ctx.log("registry") as log, log.database.read.connect() as connection:
        position = position_at(connection, log.head(connection).position, moment)
        row = worker_as_of(log, connection, ref, day, position)
        events = [each for each in log.load(connection, [stream_of(ref)])[stream_of(ref)] if each.position <= position]
        identity = _identity(ctx, log, ref, events)
    if row is None:
        fail(WRONG, ctx.say(f"{ref} 在 {day} 尚未登记", f"{ref} was not registered on {day}, as far as was known"))
    standards = [(recorded.event_id, document) for recorded, document in published_standards(ctx, position)]
    words = Words(ctx.lang)
    answer = _answer(row, events, standards, day, words) | {"known_at": moment.until, "identity": identity}
    ctx.show(answer, lambda: "")
    if not as_json:
        _print(ctx, words, answer)


def _answer(row: WorkerRow, events: Sequence[Recorded], standards: Standards, day: date, words: Words) -> dict[str, Any]:
    """Everything about a worker but the identity. events: of the person's file, as far as it was known."""
    state = fold(events)
    true_then = [each for each in events if each.effective_on <= day.isoformat()]
    document = _in_force(standards, row.division, day)
    certificate = row.certificate
    grade = certificate.grade if certificate is not None and certificate.state in ("valid", "suspended") else None
    stories = stories_of(true_then, words)
    return {
        "person_ref": row.person_ref,
        "effective_on": day.isoformat(),
        "status": row.status,
        "division": row.division,
        "division_title": division_title(row.division) if row.division else None,
        "steward": steward_of(document, grade, row.division) if row.division else None,
        "registered_on": _text(row.registered_on),
        "closed_on": _text(row.closed_on),
        "merged_into": row.merged_into,
        "merged_files": list(state.files),
        "managing_unit": row.managing_unit,
        "posting_unit": row.posting_unit,
        "serving_unit": row.serving_unit,
        "engagements": _engagements(state, day),
        "certificate": None if certificate is None else certificate.number,
        "certificates": certificates_of(state, standards, row.division, day),
        "ratings": _results(state, RatingResult, day),
        "inspections": _results(state, InspectionResult, day),
        "appeals": [{"appeal": name, "year": each.year, "decided": each.decided} for name, each in state.appeals.items()],
        "applications": [_short(story) for story in stories.values()],
        "dossier": _dossier(true_then),
        "limits": [_limit_row(each) for each in _limits_of(_facts(state), standards, day)],
        "history": [
            {"effective_on": each.effective_on, "event_id": each.event_id, "says": in_words(words, each)} for each in true_then
        ],
    }


def _text(day: date | None) -> str | None:
    return None if day is None else day.isoformat()


def _in_force(standards: Standards, division: str, day: date) -> CertificationStandard | None:
    found = in_force(standards, division, day) if division else None
    return None if found is None else found[1]


def _identity(ctx: Context, log: Log, ref: str, events: Sequence[Recorded]) -> dict[str, str] | None:
    """The identity that stands, masked; None: it was erased, or the registry's secrets are not here."""
    if ctx.deployment is None and not os.environ.get("HONGLING_REGISTRY_KEYS"):
        return None
    found = standing_identity(events)
    event = None if found is None else found.event
    identity = event.identity if isinstance(event, WorkerRegistered | FactCorrected) else None
    vault = the_vault(ctx)
    key = key_of(ctx, log, vault, ref, "identity")
    if found is None or identity is None or key is None:
        return None
    try:
        return masked_identity(vault.decrypt(key, found.event_id, identity))
    except InvalidTag:
        return None


def _engagements(state: Worker, day: date) -> list[dict[str, Any]]:
    """Those that had begun by the day."""
    rows = []
    for name, start, end in engagements_of(state):
        says = start.says
        if isinstance(says, EngagementStart) and start.effective_on <= day:
            over = end is not None and end.effective_on <= day
            row = {"engagement": name, **says.model_dump(mode="json", exclude={"kind", "engagement"})}
            last = end.effective_on.isoformat() if end is not None and over else None
            rows.append({**row, "first_day": start.effective_on.isoformat(), "last_day": last})
    return rows


def _results(state: Worker, kind: type[RatingResult] | type[InspectionResult], day: date) -> list[dict[str, Any]]:
    rows = [
        {"year": k.says.year, **k.says.model_dump(mode="json", exclude={"kind", "year"}), "on": k.effective_on.isoformat()}
        for k in standing_facts(state)
        if isinstance(k.says, kind) and k.effective_on <= day
    ]
    return sorted(rows, key=lambda row: row["year"])


def _short(story: Mapping[str, Any]) -> dict[str, Any]:
    names = ("application", "grade", "issuer", "promotes", "applied_on", "stage", "since", "due_on", "outcome")
    return {name: story[name] for name in names}


def _dossier(events: Sequence[Recorded]) -> list[dict[str, Any]]:
    """What the file holds, without what it says: the latest version of each entry."""
    entries: dict[str, dict[str, Any]] = {}
    for each in events:
        event = each.event
        if isinstance(event, DossierEntryRecorded | DossierEntryCorrected):
            before = entries.get(event.entry, {"recorded_on": each.effective_on, "versions": 0})
            entries[event.entry] = before | {
                "entry": event.entry,
                "section": event.section,
                "changed_on": each.effective_on,
                "versions": before["versions"] + 1,
                "attachments": [attachment.payload() for attachment in event.attachments],
            }
    return list(entries.values())


def _facts(state: Worker) -> list[Fact]:
    return [Fact(k.event_id, k.effective_on, k.says, k.source) for k in standing_facts(state) if k.says is not None]


# --- certificates -------------------------------------------------------------------------------------------------------


def certificates_of(state: Worker, standards: Standards, division: str, day: date) -> list[dict[str, Any]]:
    """Every certificate that was issued by the day: its state then, its life, and where it holds.

    holds_here: in the division of registration; None: no standard says. division: empty if there is none.
    """
    spans = certificate_spans(state)
    rows = []
    for known in standing_facts(state):
        issue = known.says
        if not isinstance(issue, Certificate) or known.effective_on > day:
            continue
        life = [span for span in spans if span.number == issue.number]
        now = next(span for span in life if span.covers(day))
        recognised = _recognised(state, issue.number, day)
        held = HeldCertificate(
            issue.number, now.grade, now.state, now.first, now.last, issue.issuer, known.effective_on, issue.expires_on
        )
        territory_ = territory(held, standards, day)
        rows.append(
            {
                "number": issue.number,
                "grade": now.grade,
                "state": now.state,
                "since": now.first.isoformat(),
                "until": _text(now.last),
                "issuer": issue.issuer,
                "issued_on": known.effective_on.isoformat(),
                "expires_on": _text(issue.expires_on),
                "event_id": known.event_id,
                "valid_in": territory_,
                "recognised_in": recognised,
                "holds_here": _holds(held, standards, recognised, division, day),
                "life": [_span(span) for span in life],
            }
        )
    return sorted(rows, key=lambda row: (row["issued_on"], row["number"]))


def _span(span: Span) -> dict[str, Any]:
    return {"state": span.state, "grade": span.grade, "first": span.first.isoformat(), "last": _text(span.last)}


def _recognised(state: Worker, number: str, day: date) -> list[str]:
    return sorted(
        k.says.division
        for k in standing_facts(state)
        if isinstance(k.says, Recognition) and k.says.number == number and k.effective_on <= day
    )


def territory(certificate: HeldCertificate, standards: Standards, day: date) -> str | None:
    """Where it holds without recognition: a division and all below it, or ``anywhere``; None: no standard says."""
    document = _in_force(standards, certificate.issuer, day)
    grade = None if document is None else grade_standard(document, certificate.grade)
    if grade is None:
        return None
    if grade.valid_in == "anywhere":
        return "anywhere"
    return above(certificate.issuer, grade.valid_in)


def _holds(
    certificate: HeldCertificate, standards: Standards, recognised: Sequence[str], division: str, day: date
) -> bool | None:
    document = _in_force(standards, certificate.issuer, day)
    grade = None if document is None else grade_standard(document, certificate.grade)
    if not division or any(covers(each, division) for each in recognised):
        return bool(division) or None
    return None if grade is None else valid_in(grade, certificate.issuer, division)


# --- one worker as text -------------------------------------------------------------------------------------------------


def _print(ctx: Context, words: Words, answer: Mapping[str, Any]) -> None:
    for line in _head(words, answer):
        ctx.out.print(line)
    _print_rows(ctx, words.say("聘任", "Engagements"), [_engagement_text(words, row) for row in answer["engagements"]])
    _print_rows(ctx, words.say("证书", "Certificates"), [_certificate_text(words, row) for row in answer["certificates"]])
    ratings = [f"{row['year']} {words.word('rating', row['rating'])}" for row in answer["ratings"]]
    _print_rows(ctx, words.say("年度考核", "Annual ratings"), ratings)
    inspections = [f"{row['year']} {words.word('outcome', row['outcome'])}" for row in answer["inspections"]]
    _print_rows(ctx, words.say("年检", "Annual inspections"), inspections)
    applications = [_application_text(words, row) for row in answer["applications"]]
    _print_rows(ctx, words.say("资格认证", "Certification"), applications)
    entries = [f"{name_of(words, 'section', row['section'])} {row['entry']} {row['changed_on']}" for row in answer["dossier"]]
    _print_rows(ctx, words.say("专项档案", "Dossier"), entries)
    if answer["limits"]:
        _print_rows(ctx, words.say("达到硬杠杠", "Hard limits reached"), [_limit_text(words, row) for row in answer["limits"]])


def _print_rows(ctx: Context, title: str, rows: Sequence[str]) -> None:
    ctx.out.print(f"[bold]{title}[/bold]")
    for row in rows or ["–"]:
        ctx.out.print(f"  {safe(row)}")


def _head(words: Words, answer: Mapping[str, Any]) -> list[str]:
    ref, day, known = answer["person_ref"], answer["effective_on"], answer["known_at"]
    as_of = words.say(f"人员 {ref}，{day} 当日", f"person {ref} on {day}")
    if known is not None:
        as_of += words.say(f"，截至 {known} 已知", f", as known at {known}")
    identity = answer["identity"]
    shown = words.say("不可读", "not readable") if identity is None else ", ".join(identity.values())
    lines = [as_of, words.say("身份：", "identity: ") + shown]
    status = name_of(words, "status", answer["status"])
    place = f"{answer['division']} {answer['division_title'] or ''}".strip()
    lines.append(words.say(f"登记：{status}，区划 {place}", f"registration: {status}, division {place}"))
    if answer["registered_on"] is not None:
        lines[-1] += words.say(f"，自 {answer['registered_on']}", f", since {answer['registered_on']}")
    if answer["closed_on"] is not None:
        lines[-1] += words.say(f"，至 {answer['closed_on']}", f", last day {answer['closed_on']}")
    if answer["merged_into"] is not None:
        lines.append(words.say(f"并入 {answer['merged_into']}", f"goes on as {answer['merged_into']}"))
    if answer["merged_files"]:
        lines.append(words.say("已并入的档案：", "files merged into this one: ") + ", ".join(answer["merged_files"]))
    if answer["steward"] is not None:
        lines.append(words.say(f"管理机关：{answer['steward']}", f"steward: {answer['steward']}"))
    labels = (("管理单位", "managing unit"), ("挂靠单位", "posting unit"), ("服务单位", "serving unit"))
    for (zh, en), name in zip(labels, ("managing_unit", "posting_unit", "serving_unit"), strict=True):
        if answer[name] is not None:
            lines.append(words.say(f"{zh}：{answer[name]}", f"{en}: {answer[name]}"))
    return [safe(line) for line in lines]


def _engagement_text(words: Words, row: Mapping[str, Any]) -> str:
    time = words.say("专职", "full time") if row["full_time"] else words.say("兼职", "part time")
    category, last = words.word("category", row["category"]), row["last_day"] or "…"
    return f"{row['first_day']} – {last} {category}, {row['unit']}, {row['post']}, {time} ({row['engagement']})"


def _certificate_text(words: Words, row: Mapping[str, Any]) -> str:
    grade, state = words.word("grade", row["grade"]), name_of(words, "state", row["state"])
    text = words.say(
        f"{row['number']} {grade}，{row['issuer']} {row['issued_on']} 颁发，{state}",
        f"{row['number']} {grade}, issued by {row['issuer']} on {row['issued_on']}, {state}",
    )
    if row["expires_on"] is not None:
        text += words.say(f"，有效期至 {row['expires_on']}", f", valid to {row['expires_on']}")
    if row["holds_here"] is False:
        text += words.say("，在登记地须经认可", ", needs to be recognised where the person is registered")
    if row["recognised_in"]:
        text += words.say("，已获认可：", ", recognised in ") + ", ".join(row["recognised_in"])
    return text


def _application_text(words: Words, row: Mapping[str, Any]) -> str:
    grade, stage = words.word("grade", row["grade"]), name_of(words, "stage", row["stage"])
    text = f"{row['application']} {grade}, {stage} ({row['since']})"
    if row["outcome"] is not None:
        text += f", {name_of(words, 'result', row['outcome']['outcome'])}"
    return text


# --- the register -------------------------------------------------------------------------------------------------------


def list_(
    division: Annotated[str | None, typer.Option("--division", help="and those below it", show_default=False)] = None,
    grade: Annotated[str | None, typer.Option("--grade", help="of a certificate in force", show_default=False)] = None,
    certificate: Annotated[
        str | None, typer.Option("--certificate", help=f"its state, one of: {', '.join(_STATES)}", show_default=False)
    ] = None,
    status: Annotated[str, typer.Option("--status", help=f"one of: {', '.join(get_args(Status))}")] = "open",
    category: Annotated[
        str | None, typer.Option("--category", help=f"of the main post: {', '.join(get_args(Category))}", show_default=False)
    ] = None,
    limit: LimitOption = 100,
    after: AfterOption = None,
    effective: EffectiveOption = None,
    known: KnownOption = None,
    data: DataOption = None,
    as_json: JsonOption = False,
    lang: LangOption = None,
) -> None:
    """The register on a day, by division, a page at a time. As it was known earlier takes as long as a replay."""
    ctx = context(data, as_json, lang)
    check_division(division)
    words = (("--status", status, get_args(Status)), ("--certificate", certificate, _STATES))
    for option, value, allowed in (*words, ("--category", category, get_args(Category))):
        if value is not None and value not in allowed:
            fail(WRONG, f"{option} {value} is none of: {', '.join(allowed)}")
    chosen = {"division": division, "grade": grade, "status": status, "certificate_state": certificate}
    moment, day = known_at(known), _day(effective)
    with _register_at(ctx, moment) as connection:
        rows = _page(connection, day, chosen, category, _after(after), limit)
    following = f"{rows[-1].division}/{rows[-1].person_ref}" if len(rows) == limit else None
    if as_json:
        ctx.show({"effective_on": day.isoformat(), "known_at": moment.until, "workers": _as_json(rows), "after": following})
        return
    _print_list(ctx, rows)
    if following is not None:
        ctx.out.print(ctx.say(f"下一页：--after {following}", f"next page: --after {following}"))


@contextmanager
def _register_at(ctx: Context, moment: Known) -> Iterator[Connection]:
    """The read models as they stood at a moment: the live ones, or ones made beside them."""
    with ctx.log("registry") as log:
        with log.database.read.connect() as connection:
            if moment.until is None:
                yield connection
                return
            position = position_at(connection, log.head(connection).position, moment)
        with _bar(ctx, position) as progress, registry_known_at(log, position, (StandingView(),), progress) as made:
            yield made


@contextmanager
def _bar(ctx: Context, total: int) -> Iterator[Any]:
    """A progress bar on a terminal, nothing on a pipe. Yields what takes how far it is."""
    if ctx.as_json or not ctx.out.is_terminal:
        yield None
        return
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("registry", total=total)
        yield lambda done: progress.update(task, completed=done)


def _after(text: str | None) -> tuple[str, str] | None:
    if text is None:
        return None
    division, slash, ref = text.partition("/")
    if not slash:
        fail(WRONG, f"--after {text} is not DIVISION/PERSON; copy it from the page before")
    return division, ref


def _page(
    connection: Connection,
    day: date,
    chosen: Mapping[str, Any],
    category: str | None,
    after: tuple[str, str] | None,
    limit: int,
) -> list[WorkerRow]:
    """A page of the register; with a category, as many of its pages as it takes."""
    found: list[WorkerRow] = []
    size = limit if category is None else SCANNED_PAGE
    while True:
        rows = register(connection, day, **chosen, after=after, limit=size)
        found += [row for row in rows if category is None or (row.post is not None and row.post.category == category)]
        if len(rows) < size or len(found) >= limit:
            return found[:limit]
        after = rows[-1].division, rows[-1].person_ref


def _as_json(rows: Sequence[WorkerRow]) -> list[dict[str, Any]]:
    made = []
    for row in rows:
        value = asdict(row)
        value["rating"] = None if row.rating is None else {"year": row.rating[0], "rating": row.rating[1]}
        value["inspection"] = None if row.inspection is None else {"year": row.inspection[0], "outcome": row.inspection[1]}
        made.append(_plain(value))
    return made


def _plain(value: Any) -> Any:
    """Dates as text, at any depth."""
    if isinstance(value, dict):
        return {name: _plain(each) for name, each in value.items()}
    return value.isoformat() if isinstance(value, date) else value


def _print_list(ctx: Context, rows: Sequence[WorkerRow]) -> None:
    words = Words(ctx.lang)
    table = Table()
    columns = "区划,人员,类别,单位,证书,等级,状态,考核,年检"
    for column in ctx.say(columns, "division,person,category,unit,certificate,grade,state,rating,inspection").split(","):
        table.add_column(column, overflow="fold")
    for row in rows:
        held, post = row.certificate, row.post
        table.add_row(
            row.division,
            row.person_ref,
            "" if post is None else words.word("category", post.category),
            "" if post is None else safe(post.unit),
            "" if held is None else safe(held.number),
            "" if held is None else safe(words.word("grade", held.grade)),
            "" if held is None else name_of(words, "state", held.state),
            "" if row.rating is None else safe(f"{row.rating[0]} {words.word('rating', row.rating[1])}"),
            "" if row.inspection is None else f"{row.inspection[0]} {words.word('outcome', row.inspection[1])}",
        )
    show_table(ctx.out, table)


# --- hard limits --------------------------------------------------------------------------------------------------------


def limits(
    division: Annotated[str, typer.Option("--division", help="of registration, and those below it", show_default=False)],
    limit: LimitOption = 100,
    after: AfterOption = None,
    effective: EffectiveOption = None,
    data: DataOption = None,
    as_json: JsonOption = False,
    lang: LangOption = None,
) -> None:
    """Who has reached a hard limit (淘汰硬杠杠), two-sided. The issuer acts on it: `hongling certificate change`."""
    ctx = context(data, as_json, lang)
    check_division(division)
    day, place = _day(effective), _after(after)
    standards = [(recorded.event_id, document) for recorded, document in published_standards(ctx)]
    rows: list[dict[str, Any]] = []
    following = None
    with ctx.log("registry") as log, log.database.read.connect() as connection:
        for person, facts in _holders(connection, division, day, place):
            reached = _limits_of(facts, standards, day)
            about = {"person_ref": person.person_ref, "division": person.division}
            rows += [about | _limit_row(each) for each in reached]
            if len(rows) >= limit:
                following = f"{person.division}/{person.person_ref}"
                break
    if as_json:
        ctx.show({"division": division, "effective_on": day.isoformat(), "limits": rows, "after": following})
        return
    _print_limits(ctx, rows)
    if following is not None:
        ctx.out.print(ctx.say(f"下一页：--after {following}", f"next page: --after {following}"))


def _holders(
    connection: Connection, division: str, day: date, after: tuple[str, str] | None
) -> Iterator[tuple[WorkerRow, list[Fact]]]:
    """Who is registered in a division and holds a certificate in force, with the facts that stand."""
    while True:
        rows = register(connection, day, division=division, after=after, limit=SCANNED_PAGE)
        held = [row for row in rows if row.certificate is not None and row.certificate.state in ("valid", "suspended")]
        facts = facts_of(connection, [row.person_ref for row in held])
        for row in held:
            # Engagements count for no limit, so that nobody's own keys are needed.
            yield row, [Fact(stands.event_id, stands.on, stands.says, "") for stands in facts[row.person_ref]]
        if len(rows) < SCANNED_PAGE:
            return
        after = rows[-1].division, rows[-1].person_ref


def _limits_of(facts: Sequence[Fact], standards: Standards, day: date) -> list[LimitReached]:
    """By the standard of each certificate's issuer, since the issuer acts."""
    issuers = {fact.says.number: fact.says.issuer for fact in facts if isinstance(fact.says, Certificate)}
    found: list[LimitReached] = []
    for issuer in sorted(set(issuers.values())):
        document = _in_force(standards, issuer, day)
        if document is not None:
            found += [each for each in limits_reached(document, facts, day) if issuers[each.certificate] == issuer]
    return found


def _limit_row(reached: LimitReached) -> dict[str, Any]:
    row: dict[str, Any] = _plain(asdict(reached))
    return row | {"facts": list(reached.facts)}


def _limit_text(words: Words, row: Mapping[str, Any]) -> str:
    required, found = side(words, row["required"]), side(words, row["found"])
    then, clause = words.word("change", row["then"]), words.clause(row["clause"])
    what = f"{row['certificate']} {name_of(words, 'rule', row['rule'])}"
    return words.say(
        f"{what}：要求{required}，实际{found}，应{then}（{clause}）",
        f"{what}: {required} is required, found {found}; to be {then} ({clause})",
    )


def _print_limits(ctx: Context, rows: Sequence[Mapping[str, Any]]) -> None:
    words = Words(ctx.lang)
    table = Table()
    columns = "区划,人员,证书,情形,要求,实际,自,应作处理,条款"
    for column in ctx.say(columns, "division,person,certificate,limit,required,found,since,to be,clause").split(","):
        table.add_column(column, overflow="fold")
    for row in rows:
        table.add_row(
            row["division"],
            row["person_ref"],
            safe(row["certificate"]),
            name_of(words, "rule", row["rule"]),
            safe(side(words, row["required"])),
            safe(side(words, row["found"])),
            row["since"],
            words.word("change", row["then"]),
            safe(row["clause"]),
        )
    show_table(ctx.out, table)
