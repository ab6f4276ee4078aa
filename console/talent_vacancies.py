"""``hongling talent vacancy``: posts to be filled, described, matched to the pool with reasons, closed."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, get_args

import typer
from rich.table import Table

from console.acting import check_division
from console.context import WRONG, Context, DataOption, JsonOption, LangOption, context, fail
from console.explain import KnownOption
from console.people import known_at, position_at
from console.publishing import check_document, sound_document
from console.staffing_words import StaffingWords
from console.talent_acting import ref_of, report
from console.talent_staffing import connected, day_of_option
from console.talent_words import TalentWords
from console.words import safe, show_table
from contracts import staffing_intake
from contracts.roles import DESK, OPERATOR
from contracts.staffing import VacancyOutcome
from services.talent.candidates import admitted_refs, asked_of, candidates, standards_known
from services.talent.matching import Match, shortlist
from services.talent.shares import percent_text
from services.talent.staffing_views import VacancyRow, vacancies, vacancy_row
from services.talent.vacancy_document import check_vacancy, read_vacancy

__all__ = ["match_json", "register", "vacancy_json"]

PAGE_MAX = 1000
TOP_MAX = 1000
STATUSES = ("open", "filled", "withdrawn")

vacancy = typer.Typer(no_args_is_help=True, help="Vacancies: describe, match to the pool, close.")

NameArgument = Annotated[str, typer.Argument(metavar="VACANCY", help="<source>/<key>, or your own key", show_default=False)]


def register(group: typer.Typer) -> None:
    """Add these commands to the group ``talent``."""
    group.add_typer(vacancy, name="vacancy")


def named(ctx: Context, text: str) -> str:
    return text if "/" in text else f"{ctx.who(OPERATOR, DESK)}/{text}"


# --- describe, close ----------------------------------------------------------------------------------------------------

FileArgument = Annotated[Path, typer.Argument(help="YAML file of a vacancy", show_default=False)]


@vacancy.command()
def check(file: FileArgument, data: DataOption = None, as_json: JsonOption = False, lang: LangOption = None) -> None:
    """Say what is wrong with a vacancy, at its line and column. Publishes nothing; ends with 2 on errors."""
    check_document(file, check_vacancy, as_json, lang)


@vacancy.command()
def describe(file: FileArgument, data: DataOption = None, as_json: JsonOption = False, lang: LangOption = None) -> None:
    """Check a vacancy and publish it; under a key that is known, it is described anew."""
    ctx = context(data, as_json, lang)
    document = read_vacancy(sound_document(ctx, file, check_vacancy))
    values = document.model_dump(mode="json", exclude={"effective_on"}, exclude_none=True)
    report(ctx, "vacancy-described", staffing_intake.VacancyDescribed, values, document.effective_on, file)


@vacancy.command()
def close(
    name: NameArgument,
    outcome: Annotated[
        str, typer.Option("--outcome", help=f"one of: {', '.join(get_args(VacancyOutcome))}", show_default=False)
    ],
    person: Annotated[
        str | None, typer.Option("--person", help="who fills it: a person_ref, or <source>:<key>", show_default=False)
    ] = None,
    on: Annotated[str | None, typer.Option("--on", help="effective date; else today", show_default=False)] = None,
    data: DataOption = None,
    as_json: JsonOption = False,
    lang: LangOption = None,
) -> None:
    """Close a vacancy: it is filled, or withdrawn. The placement itself is `hongling talent place`."""
    ctx = context(data, as_json, lang)
    source, _, key = named(ctx, name).partition("/")
    filled = None if person is None else {"person_ref": ref_of(ctx, person)}
    values = {"vacancy": key, "vacancy_source": source, "outcome": outcome, "person": filled}
    report(ctx, "vacancy-closed", staffing_intake.VacancyClosed, values, on)


# --- list, show ---------------------------------------------------------------------------------------------------------


def vacancy_json(row: VacancyRow) -> dict[str, Any]:
    criteria = {
        "hard": [criterion.model_dump(mode="json", exclude_none=True) for criterion in row.hard],
        "soft": [each.model_dump(mode="json", exclude_none=True) for each in row.soft],
    }
    return {name: criteria.get(name, getattr(row, name)) for name in VacancyRow.__dataclass_fields__}


@vacancy.command("list")
def list_(
    division: Annotated[str, typer.Option("--division", help="GB/T 2260 code; with those below it", show_default=False)],
    status: Annotated[str | None, typer.Option("--status", help=f"one of: {', '.join(STATUSES)}", show_default=False)] = None,
    limit: Annotated[int, typer.Option("--limit", min=1, max=PAGE_MAX, help="of one page")] = 100,
    after: Annotated[str, typer.Option("--after", help="the last vacancy of the page before", show_default=False)] = "",
    data: DataOption = None,
    as_json: JsonOption = False,
    lang: LangOption = None,
) -> None:
    """Vacancies by their names, a page at a time."""
    ctx = context(data, as_json, lang)
    check_division(division)
    if status is not None and status not in STATUSES:
        fail(WRONG, f"there is no status {status}; choose one of: {', '.join(STATUSES)}")
    with ctx.log("talent") as log, log.database.read.connect() as connection:
        rows = vacancies(connection, division, status=status, after=after, limit=limit)
    following = rows[-1].vacancy if len(rows) == limit else None
    if as_json:
        ctx.show({"vacancies": [vacancy_json(row) for row in rows], "after": following})
        return
    words = StaffingWords(ctx.lang)
    table = Table(
        *words.say("需求,区划,单位,职务,类别,自,状态,人员", "vacancy,division,unit,post,category,from,status,person").split(",")
    )
    for row in rows:
        cells = (safe(row.unit), safe(row.post), words.category(row.category), row.from_on, words.status(row.status))
        table.add_row(safe(row.vacancy), row.division, *cells, row.person_ref or "")
    show_table(ctx.out, table)
    if following is not None:
        ctx.out.print(safe(ctx.say(f"下一页：--after {following}", f"next page: --after {following}")))


# --- match --------------------------------------------------------------------------------------------------------------


@vacancy.command()
def match(
    name: NameArgument,
    pool: Annotated[
        str | None,
        typer.Option("--pool", help="whose pool, with those below it; else the vacancy's division", show_default=False),
    ] = None,
    top: Annotated[int, typer.Option("--top", min=1, max=TOP_MAX, help="of those who are eligible")] = 10,
    everybody: Annotated[bool, typer.Option("--everybody", help="those who are not eligible, too")] = False,
    on: Annotated[str | None, typer.Option("--on", help="on the facts of that day; else today", show_default=False)] = None,
    known: KnownOption = None,
    data: DataOption = None,
    as_json: JsonOption = False,
    lang: LangOption = None,
) -> None:
    """Who of the pool fits a vacancy: ranked, with points for each requirement, and what each still lacks."""
    ctx = context(data, as_json, lang)
    day, moment = day_of_option(on), known_at(known)
    if pool is not None:
        check_division(pool)
    with connected(ctx, moment) as views:
        row = vacancy_row(views, named(ctx, name))
        if row is None:
            text = f"there is no vacancy {named(ctx, name)}; see `hongling talent vacancy list`"
            fail(WRONG, ctx.say(f"没有岗位需求 {named(ctx, name)}；请查看 `hongling talent vacancy list`", text))
        refs = admitted_refs(views, pool or row.division, row.ladder)
    with ctx.log("talent") as log, log.database.read.connect() as connection:
        position = position_at(connection, log.head(connection).position, moment)
        asked = asked_of(row, standards_known(log, connection, position), day)
        found = shortlist(asked, candidates(log, connection, refs, position), day)
    eligible = [each for each in found if each.eligible]
    shown = [*eligible[:top], *([each for each in found if not each.eligible] if everybody else [])]
    if as_json:
        ctx.show({
            "vacancy": vacancy_json(row), "on": day.isoformat(), "known_at": moment.until, "looked_at": len(found),
            "eligible": len(eligible), "matches": [match_json(each) for each in shown],
        })  # fmt: skip
        return
    _print(ctx, row, shown, len(found), len(eligible))


def match_json(each: Match) -> dict[str, Any]:
    """fit: in percent, two decimals, rounded half up."""
    return {
        "rank": each.rank,
        "person_ref": each.person_ref,
        "eligible": each.eligible,
        "admitted_on": each.admitted_on.isoformat(),
        "fit": percent_text(each.fit),
        "points": each.points,
        "points_max": each.points_max,
        "hard": [result.payload() for result in each.hard],
        "soft": [{**s.result.payload(), "weight": s.weight, "degree": s.degree, "points": s.points} for s in each.soft],
        "missing": [result.name for result in each.missing],
    }


def _print(ctx: Context, row: VacancyRow, shown: Sequence[Match], looked_at: int, eligible: int) -> None:
    words = StaffingWords(ctx.lang)
    title = f"{safe(row.vacancy)} {safe(row.unit)} {safe(row.post)} ({row.division})"
    ctx.out.print(f"[bold]{title}[/bold]")
    counted = f"{looked_at} members were looked at, {eligible} meet every hard requirement"
    ctx.out.print(words.say(f"共比对{looked_at}人，{eligible}人符合全部硬性要求", counted))
    table = Table(*words.say("名次,人员,匹配度,得分,入库,尚缺", "rank,person,fit,points,admitted,still lacks").split(","))
    for each in shown:
        rank = words.say("不符合", "not eligible") if each.rank is None else str(each.rank)
        points = f"{each.points}/{each.points_max}"
        lacks = "\n".join(safe(line) for line in TalentWords(ctx.lang).unmet(each.missing))
        table.add_row(rank, each.person_ref, f"{percent_text(each.fit)} %", points, str(each.admitted_on), lacks)
    show_table(ctx.out, table)
