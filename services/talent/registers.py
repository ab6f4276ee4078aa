"""The lists that an office works with: who comes up for rotation, which training is overdue, what is to be put right. Queries.

Each reads the tables of ``services.talent.development_views`` and asks the pure rules; each row is plain data for JSON. A list
is of a division and all below it, as of a day; the policy of each row is the one in force for its division on that day.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Any

from sqlalchemy import ColumnElement, Connection, Table, select

from contracts.appraisal_events import HonourAwarded, SanctionImposed
from contracts.development_policy import DevelopmentPolicy
from contracts.divisions import in_force
from contracts.terms import months_after
from contracts.workdays import Calendar
from services.talent.appraisal_views import conduct, conduct_of
from services.talent.conduct import in_period
from services.talent.development import PolicyKnown
from services.talent.development_views import (
    course,
    mentorship,
    plan,
    plan_activity,
    post_held,
    problem,
    responsibility_check,
    responsibility_item,
    responsibility_list,
    rotation_exemption,
    secondment,
    session,
    training_result,
)
from services.talent.matters import period_end, periods_of
from services.talent.rotation import Exempt, Held, clocks
from services.talent.training import CourseKnown, Due, Result, coverage, duties_of
from services.talent.views import below, pool_member

__all__ = [
    "Policies",
    "catalogue",
    "conduct_by_unit",
    "conduct_list",
    "coverage_of",
    "development_of",
    "duties_list",
    "mentors_by_unit",
    "mentors_list",
    "plans_list",
    "problems_by_unit",
    "problems_list",
    "responsibility_by_unit",
    "responsibility_lists",
    "rotation_list",
    "secondments_list",
    "training_hours",
]


class Policies:
    """The published policies as of a day, asked by division: each division's is looked for once."""

    def __init__(self, known: Sequence[PolicyKnown], day: date) -> None:
        self.day = day
        self._known = [(policy.event_id, policy.document) for policy in known]
        self._found: dict[str, DevelopmentPolicy | None] = {}

    def of(self, division: str) -> DevelopmentPolicy | None:
        if division not in self._found:
            held = in_force(self._known, division, self.day) if division else None
            self._found[division] = None if held is None else held[1]
        return self._found[division]


def _in(column: Any, division: str) -> ColumnElement[bool]:
    made: ColumnElement[bool] = column.startswith(below(division), autoescape=True)
    return made


def _rows(connection: Connection, table: Table, *conditions: ColumnElement[bool]) -> list[dict[str, Any]]:
    query = select(table).where(*conditions).order_by(*table.primary_key.columns)
    return [dict(row._mapping) for row in connection.execute(query)]


def _of_division(person_ref: Any, division: str) -> ColumnElement[bool]:
    """Whether somebody holds a post in the division or below, or is in a pool there."""
    posts = select(post_held.c.person_ref).where(_in(post_held.c.division, division))
    pools = select(pool_member.c.person_ref).where(_in(pool_member.c.division, division))
    made: ColumnElement[bool] = person_ref.in_(posts.union(pools))
    return made


# --- posts and rotation -------------------------------------------------------------------------------------------------


def _posts(connection: Connection, division: str) -> dict[str, tuple[str, list[Held]]]:
    """person_ref → division and posts, of a division and below."""
    found: dict[str, tuple[str, list[Held]]] = {}
    for row in _rows(connection, post_held, _in(post_held.c.division, division)):
        found.setdefault(row["person_ref"], (row["division"], []))[1].append(held_of(row))
    return found


def held_of(row: Mapping[str, Any]) -> Held:
    """A row of ``post_held`` as the rules take it."""
    until = None if row["until"] is None else date.fromisoformat(row["until"])
    return Held(
        row["key"],
        row["fact"],
        row["unit"],
        row["post"],
        row["category"],
        bool(row["full_time"]),
        row["entry_channel"],
        date.fromisoformat(row["since"]),
        until,
    )


def rotation_list(connection: Connection, policies: Policies, division: str, months: int | None = None) -> list[dict[str, Any]]:
    """The clock of every post held that a policy limits; months: only those that come up within so many months, or have."""
    exempt: dict[str, list[Exempt]] = {}
    for row in _rows(connection, rotation_exemption):
        made = Exempt(row["key"], date.fromisoformat(row["until"]), row["reason"])
        exempt.setdefault(row["person_ref"], []).append(made)
    until = None if months is None else months_after(policies.day, months)
    found = []
    for ref, (where, posts) in _posts(connection, division).items():
        policy = policies.of(where)
        if policy is None or policy.rotation is None:
            continue
        for clock in clocks(posts, exempt.get(ref, ()), policy.rotation, policies.day):
            if until is None or clock.due_on <= until:
                last = clock.tenure.last
                found.append(
                    {
                        "person_ref": ref,
                        "division": where,
                        "unit": last.unit,
                        "post": last.post,
                        "category": last.category,
                        "engagement": last.key,
                        "since": clock.tenure.since.isoformat(),
                        "limit_on": clock.limit_on.isoformat(),
                        "due_on": clock.due_on.isoformat(),
                        "warn_on": clock.warn_on.isoformat(),
                        "state": clock.state,
                        "exempt_until": None if clock.exempt is None else clock.exempt.until.isoformat(),
                        "exempt_reason": None if clock.exempt is None else clock.exempt.reason,
                        "document": policy.document,
                        "clause": policy.rotation.clause,
                    }
                )
    return sorted(found, key=lambda row: (row["due_on"], row["person_ref"], row["engagement"]))


def secondments_list(connection: Connection, division: str, day: date, *, ended: bool = False) -> list[dict[str, Any]]:
    """Secondments of people of a division, running on the day or (``ended``) all of them. overdue: past the planned end."""
    rows = _rows(connection, secondment, _of_division(secondment.c.person_ref, division))
    found = []
    for row in rows:
        running = row["since"] <= day.isoformat() and (row["ended_on"] is None or row["ended_on"] >= day.isoformat())
        if running or ended:
            overdue = row["ended_on"] is None and row["ends_on"] < day.isoformat()
            found.append({**row, "real_duties": bool(row["real_duties"]), "running": running, "overdue": overdue})
    return sorted(found, key=lambda row: (row["ends_on"], row["person_ref"]))


# --- training -----------------------------------------------------------------------------------------------------------


def _courses(connection: Connection) -> dict[str, CourseKnown]:
    return {row["course"]: CourseKnown(row["topic"], row["level"], row["title"]) for row in _rows(connection, course)}


def _results(connection: Connection, condition: ColumnElement[bool]) -> dict[str, list[Result]]:
    found: dict[str, list[Result]] = {}
    for row in _rows(connection, training_result, condition):
        made = Result(row["result"], row["course"], date.fromisoformat(row["effective_on"]), row["hours"], row["outcome"])
        found.setdefault(row["person_ref"], []).append(made)
    return found


def duties_list(
    connection: Connection, policies: Policies, division: str, calendar: Calendar | None, states: Iterable[str] = ()
) -> list[dict[str, Any]]:
    """Training duties of everybody who holds or held a post; states: only those, such as ``overdue``; none: all."""
    wanted, courses = frozenset(states), _courses(connection)
    results = _results(connection, _of_division(training_result.c.person_ref, division))
    found = []
    for ref, (where, posts) in _posts(connection, division).items():
        policy = policies.of(where)
        if policy is None:
            continue
        for due in duties_of(posts, results.get(ref, ()), courses, policy, policies.day, calendar):
            if not wanted or due.state in wanted:
                found.append({"person_ref": ref, "division": where, "document": policy.document, **_due_row(due)})
    return sorted(found, key=lambda row: (row["due_on"], row["person_ref"], row["duty"]))


def _due_row(due: Due) -> dict[str, Any]:
    return {
        "duty": due.duty,
        "clause": due.clause,
        "unit": due.unit,
        "post": due.post,
        "category": due.category,
        "begins_on": due.begins_on.isoformat(),
        "due_on": due.due_on.isoformat(),
        "calendar": due.calendar,
        "hours": due.hours,
        "hours_at_least": due.hours_at_least,
        "completed_on": None if due.completed_on is None else due.completed_on.isoformat(),
        "results": list(due.results),
        "state": due.state,
    }


def coverage_of(duties: Iterable[Mapping[str, Any]], by: str) -> list[dict[str, Any]]:
    """How far duties are done, by one of the columns of ``duties_list``: unit, duty, division, or term (its days)."""

    def named(row: Mapping[str, Any]) -> str:
        return f"{row['begins_on']} – {row['due_on']}" if by == "term" else str(row[by])

    pairs = [(named(row), _as_due(row)) for row in duties]
    return [
        {
            "name": each.name,
            "due": each.due,
            "completed": each.completed,
            "overdue": each.overdue,
            # Exact: of 10,000, half up; shown with two decimals.
            "completed_per_myriad": (each.completed * 20_000 + each.due) // (2 * each.due),
        }
        for each in coverage(pairs)
    ]


def _as_due(row: Mapping[str, Any]) -> Due:
    done = None if row["completed_on"] is None else date.fromisoformat(row["completed_on"])
    begins_on, due_on = date.fromisoformat(row["begins_on"]), date.fromisoformat(row["due_on"])
    return Due(
        row["duty"], row["clause"], row["unit"], row["post"], row["category"], begins_on, due_on, row["calendar"],
        row["hours"], row["hours_at_least"], done, tuple(row["results"]), row["state"],
    )  # fmt: skip


def catalogue(connection: Connection, topic: str | None = None, level: str | None = None) -> list[dict[str, Any]]:
    """培训信息库: courses with their sessions."""
    conditions = [course.c.topic == topic] if topic is not None else []
    conditions += [course.c.level == level] if level is not None else []
    sessions: dict[str, list[dict[str, Any]]] = {}
    for row in _rows(connection, session):
        sessions.setdefault(row["course"], []).append({**row, "cancelled": bool(row["cancelled"])})
    return [
        {**row, "contest": bool(row["contest"]), "sessions": sessions.get(row["course"], [])}
        for row in _rows(connection, course, *conditions)
    ]


def training_hours(connection: Connection, division: str, first: date, last: date) -> list[dict[str, Any]]:
    """Hours and people by topic and level, of passed and completed results from first to last day; contests apart."""
    known = {row["course"]: row for row in _rows(connection, course)}
    of_division = _of_division(training_result.c.person_ref, division)
    table = training_result.c
    chosen = (table.effective_on >= first.isoformat(), table.effective_on <= last.isoformat())
    sums: dict[tuple[str, str, bool], tuple[int, set[str], int]] = {}
    for row in _rows(connection, training_result, of_division, *chosen):
        if row["outcome"] not in ("passed", "completed"):
            continue
        found = known.get(row["course"])
        key = ("", "", False) if found is None else (found["topic"], found["level"], bool(found["contest"]))
        hours, people, results = sums.get(key, (0, set(), 0))
        sums[key] = (hours + row["hours"], people | {row["person_ref"]}, results + 1)
    return [
        {"topic": topic, "level": level, "contest": contest, "hours": hours, "people": len(people), "results": results}
        for (topic, level, contest), (hours, people, results) in sorted(sums.items())
    ]


# --- plans and mentors --------------------------------------------------------------------------------------------------


def plans_list(connection: Connection, division: str, day: date, status: str | None = None) -> list[dict[str, Any]]:
    """Plans of a division: how far their activities are, and what is overdue on the day."""
    conditions = [_in(plan.c.division, division)]
    conditions += [plan.c.status == status] if status is not None else []
    steps: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for row in _rows(connection, plan_activity):
        steps.setdefault((row["person_ref"], row["plan"]), []).append(row)
    found = []
    for row in _rows(connection, plan, *conditions):
        activities = steps.get((row["person_ref"], row["plan"]), [])
        late = [a["activity"] for a in activities if a["status"] in ("planned", "begun") and a["ends_on"] < day.isoformat()]
        open_ = row["status"] == "open"
        found.append(
            {
                **row,
                "gaps": row["gaps"].split(",") if row["gaps"] else [],
                "activities": len(activities),
                "done": sum(a["status"] == "done" for a in activities),
                "dropped": sum(a["status"] == "dropped" for a in activities),
                "overdue_activities": late if open_ else [],
                "review_overdue": open_ and row["review_on"] < day.isoformat(),
            }
        )
    return sorted(found, key=lambda row: (row["review_on"], row["person_ref"]))


def mentors_list(connection: Connection, policies: Policies, division: str) -> list[dict[str, Any]]:
    """Each mentor of people of a division: whom they teach on the day, what is overdue, and whether that is more than the
    policy of the division says."""
    policy = policies.of(division)
    most = None if policy is None or policy.mentoring is None else policy.mentoring.mentees_at_most
    day = policies.day.isoformat()
    found: dict[str, dict[str, Any]] = {}
    for row in _rows(connection, mentorship, _of_division(mentorship.c.person_ref, division)):
        made = found.setdefault(
            row["mentor"], {"mentor": row["mentor"], "current": [], "overdue": [], "ended": 0, "mentees_at_most": most}
        )
        if row["ended_on"] is not None and row["ended_on"] < day:
            made["ended"] += 1
        elif row["since"] <= day:
            made["current"].append(row["person_ref"])
            if row["ended_on"] is None and row["ends_on"] < day:
                made["overdue"].append(row["mentorship"])
    for made in found.values():
        made["over"] = most is not None and len(made["current"]) > most
    return [found[mentor] for mentor in sorted(found)]


def mentors_by_unit(connection: Connection, division: str, day: date) -> list[dict[str, Any]]:
    """Of each unit that those who are taught belong to on the day: how many, by how many mentors, and what is past its end."""
    units = _units_of(connection, division, day)
    found: dict[str, dict[str, Any]] = {}
    mentors: dict[str, set[str]] = {}
    for row in _rows(connection, mentorship, _of_division(mentorship.c.person_ref, division)):
        if row["since"] > day.isoformat() or (row["ended_on"] is not None and row["ended_on"] < day.isoformat()):
            continue
        for unit in units.get(row["person_ref"], ("",)):
            made = found.setdefault(unit, {"unit": unit, "taught": 0, "mentors": 0, "overdue": 0})
            mentors.setdefault(unit, set()).add(row["mentor"])
            made["taught"] += 1
            made["overdue"] += row["ended_on"] is None and row["ends_on"] < day.isoformat()
    return [{**found[unit], "mentors": len(mentors[unit])} for unit in sorted(found)]


# --- points, sanctions, honours -----------------------------------------------------------------------------------------


def _units_of(connection: Connection, division: str, day: date) -> dict[str, tuple[str, ...]]:
    """person_ref → the units of the posts that are held on the day."""
    found = {}
    for ref, (_, posts) in _posts(connection, division).items():
        held = {post.unit for post in posts if post.since <= day and (post.until is None or post.until >= day)}
        if held:
            found[ref] = tuple(sorted(held))
    return found


def conduct_list(connection: Connection, division: str, first: date, day: date) -> list[dict[str, Any]]:
    """Everybody of a division of whom something is on record by the day, by person_ref.

    points: earned less deducted from ``first`` to the day; honours: titles of that time; sanctions: in force on the day, with
    their last day if it is known, the mildest step first.
    """
    chosen = select(conduct.c.person_ref).where(_of_division(conduct.c.person_ref, division), conduct.c.on <= day.isoformat())
    people = connection.scalars(chosen.distinct().order_by(conduct.c.person_ref)).all()
    units = _units_of(connection, division, day)
    found = []
    for ref, held in sorted(conduct_of(connection, people).items()):
        entries = [(name, each) for name, each in held.entries.items() if each.on <= day and not each.withdrawn]
        in_force = in_period((each for _, each in entries), day, day).sanctions
        sanctions = [
            {
                "entry": name,
                "step": each.says.step,
                "since": each.on.isoformat(),
                "last_day": None if each.last_day is None else each.last_day.isoformat(),
            }
            for name, each in entries
            if isinstance(each.says, SanctionImposed) and (each.last_day is None or each.last_day >= day)
        ]
        titles = [each.says.title for _, each in entries if isinstance(each.says, HonourAwarded) and each.on >= first]
        found.append(
            {
                "person_ref": ref,
                "units": list(units.get(ref, ())),
                "points": in_period((each for _, each in entries), first, day).points,
                "honours": titles,
                "sanctions": sorted(sanctions, key=lambda row: (in_force.index(row["step"]), row["since"])),
            }
        )
    return found


def conduct_by_unit(rows: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Of each unit: people on record, their points and honours, and how many are under a sanction."""
    found: dict[str, dict[str, Any]] = {}
    for row in rows:
        for unit in row["units"] or [""]:
            made = found.setdefault(unit, {"unit": unit, "people": 0, "points": 0, "honours": 0, "sanctioned": 0})
            made["people"] += 1
            made["points"] += row["points"]
            made["honours"] += len(row["honours"])
            made["sanctioned"] += bool(row["sanctions"])
    return [found[unit] for unit in sorted(found)]


def development_of(connection: Connection, person_ref: str) -> dict[str, Any]:
    """Everything that the tables hold of one person: posts, plans, secondments, mentors, exceptions, training."""
    steps: dict[str, list[dict[str, Any]]] = {}
    for row in _rows(connection, plan_activity, plan_activity.c.person_ref == person_ref):
        steps.setdefault(row["plan"], []).append(row)
    known = {row["course"]: row for row in _rows(connection, course)}
    training = []
    for row in _rows(connection, training_result, training_result.c.person_ref == person_ref):
        about = known.get(row["course"], {})
        more = {name: about.get(name) for name in ("title", "topic", "level")}
        training.append({**row, **more, "contest": bool(about.get("contest", False))})
    plans = _rows(connection, plan, plan.c.person_ref == person_ref)
    return {
        "posts": _rows(connection, post_held, post_held.c.person_ref == person_ref),
        "plans": [
            {**row, "gaps": row["gaps"].split(",") if row["gaps"] else [], "activities": steps.get(row["plan"], [])}
            for row in plans
        ],
        "secondments": _rows(connection, secondment, secondment.c.person_ref == person_ref),
        "mentorships": _rows(connection, mentorship, mentorship.c.person_ref == person_ref),
        "teaches": _rows(connection, mentorship, mentorship.c.mentor == person_ref),
        "exemptions": _rows(connection, rotation_exemption, rotation_exemption.c.person_ref == person_ref),
        "training": sorted(training, key=lambda row: (row["effective_on"], row["result"])),
    }


# --- ledgers ------------------------------------------------------------------------------------------------------------


def problems_list(connection: Connection, division: str, day: date, status: str | None = None) -> list[dict[str, Any]]:
    """问题台账. status: open, evidenced, closed, or overdue: not closed when its last day has passed. days_left: negative where
    it is overdue; None where it is closed."""
    chosen = [problem.c.status == status] if status not in (None, "overdue") else []
    found = []
    for row in _rows(connection, problem, _in(problem.c.division, division), *chosen):
        closed = row["status"] == "closed"
        left = None if closed else (date.fromisoformat(row["due_on"]) - day).days
        overdue = left is not None and left < 0
        if status != "overdue" or overdue:
            found.append({**row, "days_left": left, "overdue": overdue})
    return sorted(found, key=lambda row: (row["due_on"], row["problem"]))


def problems_by_unit(rows: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Of each unit: how many problems, open, overdue, closed, and closed late."""
    found: dict[str, dict[str, Any]] = {}
    for row in rows:
        unit = found.setdefault(row["unit"], {"unit": row["unit"], "all": 0, "open": 0, "overdue": 0, "closed": 0, "late": 0})
        unit["all"] += 1
        unit["open"] += row["status"] != "closed"
        unit["overdue"] += bool(row["overdue"])
        unit["closed"] += row["status"] == "closed"
        unit["late"] += bool(row["late"])
    return [found[name] for name in sorted(found)]


def responsibility_lists(connection: Connection, division: str, year: int, day: date) -> list[dict[str, Any]]:
    """责任清单 of a year: signed or not, and each item by period: done, not_done, overdue (the period has ended), pending,
    not_due (it ended before the list was issued). settled: of each item the periods that were checked, and on which day."""
    lists = _rows(
        connection, responsibility_list, _in(responsibility_list.c.division, division), responsibility_list.c.year == year
    )
    keys = [row["list"] for row in lists]
    items: dict[str, list[dict[str, Any]]] = {}
    checks: dict[tuple[str, str, str], tuple[str, str]] = {}
    for start in range(0, len(keys), 500):
        page = keys[start : start + 500]
        for row in _rows(connection, responsibility_item, responsibility_item.c.list.in_(page)):
            items.setdefault(row["list"], []).append(row)
        for row in _rows(connection, responsibility_check, responsibility_check.c.list.in_(page)):
            checks[row["list"], row["item"], row["period"]] = row["result"], row["checked_on"]
    found = []
    for row in lists:
        shown = []
        for item in sorted(items.get(row["list"], []), key=lambda each: each["place"]):
            said = {period: checks.get((row["list"], item["item"], period)) for period in periods_of(item["every"], year)}
            periods = {period: due_state(period, row["issued_on"], day) if c is None else c[0] for period, c in said.items()}
            settled = {period: check[1] for period, check in said.items() if check is not None}
            named = {name: item[name] for name in ("item", "says", "every")}
            shown.append({**named, "periods": periods, "settled": settled})
        states = [state for item in shown for state in item["periods"].values()]
        live = row["withdrawn_on"] is None
        found.append(
            {
                **row,
                "items": shown,
                "done": states.count("done"),
                "not_done": states.count("not_done"),
                "overdue": states.count("overdue") if live else 0,
                "unsigned_overdue": live and row["signed_on"] is None and row["sign_by"] < day.isoformat(),
            }
        )
    return found


def due_state(period: str, issued_on: str, day: date) -> str:
    """Of a period that nobody has checked: nothing is due before the list was issued."""
    end = period_end(period)
    if end < date.fromisoformat(issued_on):
        return "not_due"
    return "overdue" if end < day else "pending"


def responsibility_by_unit(rows: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Of each unit: its lists that were not withdrawn, those not signed, and items done, not done and overdue."""
    found: dict[str, dict[str, Any]] = {}
    for row in rows:
        if row["withdrawn_on"] is not None:
            continue
        none = {"unit": row["unit"], "lists": 0, "unsigned": 0, "done": 0, "not_done": 0, "overdue": 0}
        unit = found.setdefault(row["unit"], none)
        unit["lists"] += 1
        unit["unsigned"] += row["signed_on"] is None
        for name in ("done", "not_done", "overdue"):
            unit[name] += row[name]
    return [found[name] for name in sorted(found)]
