"""``hongling talent profile-page``: one person on one page (素描画像), as JSON, for the terminal, as HTML or as PDF.

Talent holds no name. It is joined from the registry: masked, for whoever has its secrets; in plain only with ``--name``, which
is recorded, with who and why, before anything is shown or written.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import fields, is_dataclass
from datetime import date
from pathlib import Path
from typing import Annotated, Any

import typer
from cryptography.exceptions import InvalidTag
from pydantic import BaseModel
from rich.table import Table
from sqlalchemy import Connection

from console.context import WRONG, Context, DataOption, JsonOption, LangOption, context, fail
from console.explain import KnownOption
from console.masking import mask
from console.people import known_at, position_at
from console.personal import (
    check_words,
    files_of,
    key_of,
    merged_into,
    out_file,
    record_unmasking,
    standing_identity,
    the_vault,
)
from console.profile_sheet import Section, Sheet, sheet_of
from console.talent_acting import PersonArgument, ref_of
from console.talent_staffing import connected, day_of_option
from console.talent_vacancies import named
from console.words import safe, show_table
from contracts.registry import FactCorrected, WorkerRegistered
from contracts.standard import QualificationStandard
from eventlog.log import Log, Recorded
from services.talent.candidates import asked_of, member_of, standards_known
from services.talent.conduct import conduct_stream
from services.talent.decider import Admitted, Around, Member, NotNominated, StandardKnown, standing_facts, stream_of
from services.talent.matching import Candidate, Match, match
from services.talent.profile import Page, Told, page_of
from services.talent.staffing_views import VacancyRow, course_titles, open_vacancies_of, vacancy_row

__all__ = ["page_json", "register"]

FITS_MAX = 5
"""Vacancies on a page: those that fit best."""
SUFFIXES = (".html", ".pdf")


def register(group: typer.Typer) -> None:
    """Add the command to the group ``talent``."""
    group.command("profile-page")(profile_page)


def profile_page(
    person: PersonArgument,
    out: Annotated[
        Path | None, typer.Option("--out", help="write it to this new file, .html or .pdf", show_default=False)
    ] = None,
    vacancy: Annotated[str | None, typer.Option("--vacancy", help="show the fit for this one", show_default=False)] = None,
    name: Annotated[bool, typer.Option("--name", help="the name in plain; needs --reason")] = False,
    reason: Annotated[str, typer.Option("--reason", help="why; recorded for ever", show_default=False)] = "",
    on: Annotated[str | None, typer.Option("--on", help="as it was true on that day; else today", show_default=False)] = None,
    known: KnownOption = None,
    data: DataOption = None,
    as_json: JsonOption = False,
    lang: LangOption = None,
) -> None:
    """One person on one page: competencies, gaps, fit for a post, history, development, honours and sanctions."""
    ctx = context(data, as_json, lang)
    if out is not None and out.suffix not in SUFFIXES:
        fail(WRONG, f"--out {out} is neither a page nor a document; let it end in {' or '.join(SUFFIXES)}")
    if name:
        check_words(("--reason", reason))
    elif reason:
        fail(WRONG, "--reason is recorded with the name; add --name, or leave it out")
    ref, day = ref_of(ctx, person), day_of_option(on)
    page = _page(ctx, ref, day, known, vacancy)
    shown, event_id = _name(ctx, ref, reason if name else None)
    sheet = sheet_of(page, ctx.lang, shown)
    if out is not None:
        out_file(out, _rendered(sheet, out.suffix))
    answer = {**page_json(page), "name": shown, "name_shown_by": event_id, "file": None if out is None else str(out)}
    ctx.show(answer, lambda: "")
    if not as_json:
        _print(ctx, sheet, out)


def _rendered(sheet: Sheet, suffix: str) -> bytes:
    # Only whoever writes a file loads what it is written with.
    if suffix == ".html":
        from console.profile_html import profile_html

        return profile_html(sheet).encode()
    from console.profile_pdf import profile_pdf

    return profile_pdf(sheet)


# --- the page -----------------------------------------------------------------------------------------------------------


def _page(ctx: Context, ref: str, day: date, known: str | None, vacancy: str | None) -> Page:
    moment = known_at(known)
    with ctx.log("talent") as log, log.database.read.connect() as connection:
        position = position_at(connection, log.head(connection).position, moment)
        standards = standards_known(log, connection, position)
        own, conduct = _events(log, connection, ref, position)
    state = member_of(own)
    if not state.heard:
        text = f"nothing was known here about {ref}; see `hongling registry show`"
        fail(WRONG, ctx.say(f"这里没有 {ref} 的任何记录；请查看 `hongling registry show`", text))
    told = [Told(e.event_id, date.fromisoformat(e.effective_on), e.event) for e in (*own, *conduct)]
    plain = page_of(ref, state, told, day, standard=None)
    division = plain.pool_division or plain.division
    with connected(ctx, moment) as views:
        rows = _vacancies(ctx, views, division, vacancy, state)
        courses = course_titles(views)
    fits = _fits(ref, state, rows, standards, day)
    standard = _standard(standards, division, day)
    return page_of(ref, state, told, day, standard=standard, fits=fits, courses=courses)


def _events(log: Log, connection: Connection, ref: str, position: int) -> tuple[list[Recorded], list[Recorded]]:
    """The person's own stream and that of their conduct, as far as was known at a position."""
    streams = (stream_of(ref), conduct_stream(ref))
    loaded = log.load(connection, streams)
    own, conduct = ([e for e in loaded[stream] if e.position <= position] for stream in streams)
    return own, conduct


def _standard(standards: tuple[StandardKnown, ...], division: str | None, day: date) -> QualificationStandard | None:
    found = None if division is None else Around(standards).in_force(division, day)
    return None if found is None else found.document


def _vacancies(
    ctx: Context, connection: Connection, division: str | None, vacancy: str | None, state: Member
) -> list[VacancyRow]:
    """The one that is named; else those that are open and that the person, as a member, is looked at for."""
    if vacancy is not None:
        row = vacancy_row(connection, named(ctx, vacancy))
        if row is None:
            text = f"there is no vacancy {named(ctx, vacancy)}; see `hongling talent vacancy list`"
            fail(WRONG, ctx.say(f"没有岗位需求 {named(ctx, vacancy)}；请查看 `hongling talent vacancy list`", text))
        return [row]
    stage = state.stage
    if not isinstance(stage, Admitted) or division is None:
        return []
    return [row for row in open_vacancies_of(connection, division) if row.ladder in (None, stage.candidacy.ladder)]


def _fits(
    ref: str, state: Member, rows: Sequence[VacancyRow], standards: tuple[StandardKnown, ...], day: date
) -> list[tuple[str, str, str, Match]]:
    """The best fits first."""
    since = day if isinstance(state.stage, NotNominated) else state.stage.on
    flagged = isinstance(state.stage, Admitted) and state.stage.flag is not None
    candidate = Candidate(ref, since, state.profiles, standing_facts(state), flagged)
    found = [(row.vacancy, row.unit, row.post, match(asked_of(row, standards, day), candidate, day)) for row in rows]
    return sorted(found, key=lambda each: (not each[3].eligible, -each[3].fit, each[0]))[:FITS_MAX]


def page_json(page: Page) -> dict[str, Any]:
    """Everything that the page is made of; codes and field names as they are."""
    return {**_plain(page), "gaps": [criterion.payload() for criterion in page.gaps]}


def _plain(value: Any) -> Any:
    """A value as JSON has it."""
    if is_dataclass(value) and not isinstance(value, type):
        return {each.name: _plain(getattr(value, each.name)) for each in fields(value)}
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json")
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Mapping):
        return {key: _plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    return value


# --- the name -----------------------------------------------------------------------------------------------------------


def _name(ctx: Context, ref: str, recorded_for: str | None) -> tuple[str | None, str | None]:
    """(the name as it may be seen, the event that records that it was shown). None: nobody here can read it."""
    variables = ("HONGLING_REGISTRY_KEYS", "HONGLING_REGISTRY_DATABASE_URL")
    if ctx.deployment is None and not all(os.environ.get(each) for each in variables):
        if recorded_for is not None:
            fail(WRONG, f"the name is read with the registry's secrets: set {' and '.join(variables)}, or give --data")
        return None, None
    vault = the_vault(ctx)
    event_id = None
    if recorded_for is not None:
        with ctx.log("registry") as log, log.database.read.connect() as connection:
            into = merged_into(files_of(connection, log, ref)[ref])
        if into is not None:
            fail(WRONG, ctx.say(f"{ref} 已并入 {into}；请改用后者", f"{ref} was merged into {into}; name that one"))
        event_id = record_unmasking(ctx, ref, ["name"], recorded_for).event_id
    with ctx.log("registry") as log:
        with log.database.read.connect() as connection:
            found = standing_identity(files_of(connection, log, ref)[ref])
        key = key_of(ctx, log, vault, ref, "identity")
    event = None if found is None else found.event
    identity = event.identity if isinstance(event, WorkerRegistered | FactCorrected) else None
    if found is None or identity is None or key is None:
        return None, event_id
    try:
        plain = vault.decrypt(key, found.event_id, identity).get("name")
    except InvalidTag:
        return None, event_id
    if plain is None:
        return None, event_id
    return (plain if recorded_for is not None else mask("name", plain)), event_id


# --- for the terminal ---------------------------------------------------------------------------------------------------


def _print(ctx: Context, sheet: Sheet, out: Path | None) -> None:
    ctx.out.print(f"[bold]{sheet.title}[/bold]")
    for label, value in sheet.facts:
        ctx.out.print(f"{label}{ctx.say('：', ': ')}{safe(value)}")
    scores = [f"{axis.label} {'–' if axis.score is None else axis.score}" for axis in sheet.axes]
    ctx.out.print(f"{sheet.axes_title}{ctx.say('：', ': ')}{ctx.say('、', ', ').join(scores)}")
    for section in sheet.sections:
        if section.rows:
            _print_section(ctx, section)
    if out is not None:
        ctx.out.print(safe(ctx.say(f"已写入 {out}", f"written to {out}")))


def _print_section(ctx: Context, section: Section) -> None:
    table = Table(*section.headings)
    for row in section.rows:
        table.add_row(*map(safe, row))
    show_table(ctx.out, table, section.title)
    if section.more:
        ctx.out.print(section.more)
