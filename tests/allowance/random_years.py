"""Random workers and random policies of one year, all made up: every kind of fact, every rule, every value of every setting.

Values of settings are read from the contract, so that a new one is drawn as soon as it exists. Workers are drawn where it
hurts: first and last days of months, days next to each other, several things in one month, around both ends of the year.
"""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Callable, Sequence
from datetime import date, timedelta
from itertools import product
from typing import Any, Literal, get_args, get_origin
from uuid import UUID

from hypothesis import strategies as st

from contracts.particulars import (
    Certificate,
    CertificateChange,
    EngagementEnd,
    EngagementStart,
    InspectionResult,
    Particulars,
    RatingResult,
    Recognition,
    Registration,
    RegistrationStatus,
    Transfer,
)
from contracts.policy import PolicyDocument, Settings
from services.allowance.engine import KnownFact, PolicyInForce

__all__ = ["YEAR", "in_force", "policies", "workers"]

YEAR = 2022
DIVISIONS = ("320102", "320104", "320500", "330102")
GRADES = ("junior", "intermediate", "senior", "special")
RATINGS = ("excellent", "competent", "basic", "incompetent")
CATEGORIES = ("secretary", "deputy_secretary", "recruited", "instructor", "part_time")
CHANNELS = ("internal", "recruited", "dispatched")

_edges = [date(YEAR, month, day) for month in range(1, 13) for day in (1, monthrange(YEAR, month)[1])]
days = (
    st.sampled_from([*_edges, date(YEAR - 1, 12, 31), date(YEAR + 1, 1, 1)])
    | st.dates(date(YEAR, 5, 1), date(YEAR, 6, 30))
    | st.dates(date(YEAR, 1, 1), date(YEAR, 12, 31))
    | st.dates(date(YEAR - 2, 1, 1), date(YEAR + 1, 12, 31))
)
divisions = st.sampled_from(["320102", "320102", *DIVISIONS])
early_days = st.dates(date(YEAR - 3, 1, 1), date(YEAR - 1, 12, 31)) | days


# Workers ----------------------------------------------------------------------------------------------------------------


class _Said:
    """What is said of a worker so far. Facts get ids in an order that has nothing to do with their dates."""

    def __init__(self, numbers: Sequence[int]) -> None:
        self.facts: list[KnownFact] = []
        self._numbers = iter(numbers)

    def add(self, on: date, says: Particulars, source: str = "") -> None:
        self.facts.append(KnownFact(str(UUID(int=next(self._numbers))), on, says, source))


@st.composite
def workers(draw: st.DrawFn) -> list[KnownFact]:
    """The standing facts of one worker, in some order: a usual year, and up to five things that happen to it or are missing."""
    said = _Said(draw(st.permutations(range(1, 40))))
    happen = draw(st.lists(st.sampled_from([*_HAPPENINGS, "missing"]), max_size=5))
    missing = draw(
        st.sets(st.sampled_from(["registration", "post", "certificate", "rating", "inspection"]), min_size=1, max_size=1)
    )
    missing = missing if "missing" in happen else set()
    if "registration" not in missing:
        registration = Registration(division=draw(divisions), civil_servant=draw(st.integers(0, 7)) == 0)
        said.add(draw(early_days), registration)
    if "post" not in missing:
        _engage(draw, said, 0, draw(st.just(date(YEAR - 2, 3, 1)) | early_days), lasting=draw(st.integers(0, 4)) > 0)
    if "certificate" not in missing:
        _certify(draw, said, 0, draw(st.just(date(YEAR - 2, 5, 1)) | early_days), lasting=draw(st.integers(0, 4)) > 0)
    if "rating" not in missing:
        word = draw(
            st.sampled_from(["excellent", "competent", "competent", "excellent", "competent", "basic", *RATINGS, "outstanding"])
        )
        late = st.dates(date(YEAR + 1, 1, 1), date(YEAR + 13, 12, 31))
        said.add(draw(st.just(date(YEAR + 1, 1, 20)) | days | late), RatingResult(year=YEAR, rating=word))
    if "inspection" not in missing:
        outcome: Any = draw(st.sampled_from(["passed", "passed", "passed", "failed", "missed"]))
        said.add(draw(days), InspectionResult(year=YEAR, outcome=outcome))
    for number, what in enumerate(happen, start=1):
        if what in _HAPPENINGS:
            _HAPPENINGS[what](draw, said, number)
    return draw(st.permutations(said.facts))


def _engage(draw: st.DrawFn, said: _Said, number: int, begun: date, *, lasting: bool) -> None:
    """An engagement, perhaps ended: soon, late, or before it began; by the source that told of it, or by another one."""
    source = draw(st.sampled_from(["hr", "hr", "org"]))
    start = EngagementStart.model_validate(
        {
            "engagement": f"e{draw(st.sampled_from([*[number] * 9, 0]))}",
            "category": draw(st.sampled_from(["secretary", "secretary", "secretary", *CATEGORIES])),
            "unit": "u",
            "post": "p",
            "full_time": draw(st.integers(0, 3)) > 0,
            "entry_channel": draw(st.sampled_from([None, *CHANNELS])),
        }
    )
    said.add(begun, start, source)
    if not lasting:
        ended = draw(days | st.integers(-3, 700).map(lambda later: begun + timedelta(days=later)))
        by = draw(st.sampled_from([source, source, source, source, "hr"]))
        said.add(ended, EngagementEnd(engagement=start.engagement, reason="other"), by)


def _certify(draw: st.DrawFn, said: _Said, number: int, issued: date, *, lasting: bool) -> None:
    expires = None
    if not lasting:
        expires = draw(days | st.integers(-1, 400).map(lambda later: issued + timedelta(days=later)))
    grade = draw(st.sampled_from([*GRADES, "junior", "senior", "master"]))
    issuer = draw(st.sampled_from([*DIVISIONS, "320102", "320100", "320000"]))
    said.add(issued, Certificate(number=f"c{number}", grade=grade, issuer=issuer, expires_on=expires))


def _change(draw: st.DrawFn, said: _Said, number: int) -> None:
    change: Any = draw(st.sampled_from(["suspended", "suspended", "reinstated", "downgraded", "revoked", "superseded"]))
    lower = draw(st.sampled_from(["junior", "intermediate", "master", None])) if change == "downgraded" else None
    of = draw(st.sampled_from(["c0", "c0", "c1", "c2"]))
    said.add(draw(early_days), CertificateChange(key=f"k{9 - number}", number=of, change=change, grade=lower, reason="r"))


def _suspend_and_reinstate(draw: st.DrawFn, said: _Said, number: int) -> None:
    for turn, change in enumerate(("suspended", "reinstated")):
        key = f"k{number}{turn}"
        said.add(draw(days), CertificateChange.model_validate({"key": key, "number": "c0", "change": change, "reason": "r"}))


def _inspect(draw: st.DrawFn, said: _Said, _number: int) -> None:
    outcome: Any = draw(st.sampled_from(["passed", "failed", "missed"]))
    said.add(draw(days), InspectionResult(year=draw(st.integers(YEAR - 2, YEAR + 1)), outcome=outcome))


def _close(draw: st.DrawFn, said: _Said, number: int) -> None:
    """A closing, and mostly a reopening some time around it."""
    on = draw(days)
    said.add(on, RegistrationStatus(key=f"s{number}", status="closed", reason="other"))
    if draw(st.integers(0, 3)):
        again = on + timedelta(days=draw(st.sampled_from([0, 1, 2, 3, 40]) | st.integers(-10, 400)))
        said.add(again, RegistrationStatus(key=f"r{number}", status="reopened", reason="returned"))


_HAPPENINGS: dict[str, Callable[[st.DrawFn, _Said, int], None]] = {
    "second post": lambda draw, said, number: _engage(draw, said, number, draw(early_days), lasting=draw(st.booleans())),
    "promotion": lambda draw, said, number: _certify(draw, said, number, draw(days), lasting=draw(st.integers(0, 2)) > 0),
    "change": _change,
    "suspended for a while": _suspend_and_reinstate,
    "recognised": lambda draw, said, number: said.add(
        draw(early_days), Recognition(number=draw(st.sampled_from(["c0", "c1"])), division=draw(divisions))
    ),
    "inspected": _inspect,
    "closed": _close,
    "moved": lambda draw, said, number: said.add(draw(days), Transfer(key=f"m{number}", division=draw(divisions))),
    "rated": lambda draw, said, number: said.add(
        draw(days), RatingResult(year=draw(st.integers(YEAR - 1, YEAR + 1)), rating=draw(st.sampled_from(RATINGS)))
    ),
}


# Policies ---------------------------------------------------------------------------------------------------------------

_RULES = ("category", "engaged", "full_time", "entry_channel", "not_civil_servant", "certificate", "inspection", "rating")
_POSTS = ("category", "engaged", "full_time", "entry_channel")
"""The rules that look at posts."""
_DIMENSIONS = {"category": _POSTS, "full_time": _POSTS, "grade": ("certificate",), "rating": ("rating",), "division": ()}
_PERIODS = (
    {"first_day": f"{YEAR - 1}-01-01", "last_day": f"{YEAR + 2}-12-31"},
    {"first_day": f"{YEAR - 1}-01-01", "last_day": f"{YEAR + 2}-12-31"},
    {"first_day": f"{YEAR}-04-15", "last_day": f"{YEAR + 1}-12-31"},
    {"first_day": f"{YEAR - 1}-01-01", "last_day": f"{YEAR}-09-30"},
)
_NUMBERS = {
    "basic_percent": ("basic", "reduced", st.integers(1, 99)),
    "excellent_percent": ("excellent", "raised", st.integers(101, 300)),
    "late_rating_years": ("late_rating", "within_years", st.integers(0, 10)),
}
_fen = st.sampled_from([0, 1, 7, 1000, 30001, 100_000, 240_000]) | st.integers(0, 400_000)


def in_force(document: PolicyDocument, number: int = 900) -> PolicyInForce:
    return PolicyInForce(str(UUID(int=number)), document)


@st.composite
def policies(draw: st.DrawFn, instrument: str = "allowance") -> PolicyDocument:
    """A policy that the checker has nothing against. instrument: what it gives."""
    settings = draw(_settings())
    needed = {"rating"} if "grade_at_rating" in settings.values() or "at_rating" in settings.values() else set()
    needed |= {"rating"} if {settings["basic"], settings["excellent"]} & {"reduced", "listed", "raised"} else set()
    among = [rule for rule in _RULES if (instrument, rule) != ("part_time", "full_time")]
    among += ["without_allowance"] if instrument != "allowance" else []
    rules = [rule for rule in draw(st.permutations(among)) if rule in needed or draw(st.booleans())] or ["engaged"]
    lines = [draw(_lines(number, rules, settings)) for number in range(draw(st.integers(1, 3)))]
    if instrument == "work_expense":
        lines = [line | {"taxable": None} for line in lines]
    clause = {"clause": "1"}
    return PolicyDocument.model_validate(
        {
            "document": "random",
            "title": "随机办法",
            "instrument": instrument,
            "division": draw(st.sampled_from(["320000", "320000", "320100", "320102"])),
            "issued_on": "2020-12-01",
            "effective": draw(st.sampled_from(_PERIODS)),
            "source": "made up",
            "vocabulary": {
                "ratings": [{"word": word, "zh": word} for word in RATINGS],
                "grades": [{"word": word, "zh": word} for word in GRADES],
                "categories": [{"word": word, "zh": word} for word in CATEGORIES],
            },
            "eligibility": [draw(_rule(rule, settings)) | clause for rule in rules],
            "payers": [{"name": name, "zh": name} for name in ("province", "city", "county")],
            "lines": lines,
            "floors": draw(_floors(rules, settings, [line["name"] for line in lines])),
            "cap": draw(st.none() | st.fixed_dictionaries({"amount_fen": _fen, "clause": st.just("9")})),
            "rounding": {
                "to": draw(st.sampled_from(["fen", "jiao", "yuan"])),
                "how": draw(st.sampled_from(["half_up", "down", "up"])),
            },
            "settings": settings,
        }
    )


@st.composite
def _settings(draw: st.DrawFn) -> dict[str, Any]:
    """Each setting with one of its values, the default as often as all others."""
    chosen: dict[str, Any] = {}
    for name, field in Settings.model_fields.items():
        if get_origin(field.annotation) is Literal:
            chosen[name] = draw(st.sampled_from([field.default, *get_args(field.annotation)]))
        else:
            assert name in _NUMBERS, f"say here how {name} is drawn"
    for name, (setting, value, numbers) in _NUMBERS.items():
        if chosen[setting] == value:
            chosen[name] = draw(numbers)
    return chosen


@st.composite
def _rule(draw: st.DrawFn, rule: str, settings: dict[str, Any]) -> dict[str, Any]:
    match rule:
        case "category":
            paid = draw(
                st.lists(st.sampled_from(["secretary", "recruited", "instructor", "part_time"]), min_size=1, unique=True)
            )
            deputy = settings["deputy_secretary"] == "paid" and draw(st.booleans())
            return {"rule": rule, "among": [*paid, "deputy_secretary"] if deputy else paid}
        case "entry_channel":
            return {"rule": rule, "among": draw(st.lists(st.sampled_from(CHANNELS), min_size=1, unique=True))}
        case "certificate":
            within = st.sampled_from(["county", "city", "province", "anywhere"])
            some = [{"grade": "special", "within": draw(within)}] if draw(st.booleans()) else []
            where = [*some, {"within": draw(within)}] if settings["territory"] == "required" and draw(st.booleans()) else []
            return {"rule": rule, "at_least": draw(st.sampled_from([None, None, "junior", "intermediate"])), "valid_in": where}
        case "without_allowance":
            return {"rule": rule, "within": draw(st.sampled_from(["month", "year"]))}
        case "rating":
            return {"rule": rule, "at_least": "basic" if settings["basic"] == "listed" else "competent"}
        case _:
            return {"rule": rule}


def _by(rules: Sequence[str]) -> st.SearchStrategy[list[str]]:
    possible = [name for name, needed in _DIMENSIONS.items() if not needed or {*needed} & {*rules}]
    return st.lists(st.sampled_from(possible), max_size=2, unique=True)


@st.composite
def _lines(draw: st.DrawFn, number: int, rules: Sequence[str], settings: dict[str, Any]) -> dict[str, Any]:
    by = draw(_by(rules))
    period = draw(st.sampled_from(["annual", "monthly"]))
    return {
        "name": f"line{number}",
        "zh": "津贴",
        "clause": f"5.{number}",
        "period": period,
        "prorated": draw(st.booleans()) if period == "annual" else True,
        "by": by,
        "amounts": draw(_amounts(by, settings)),
        "others": draw(st.sampled_from(["gap", "nothing"])),
        "paid_by": draw(_paid_by("certificate" in rules)),
        "taxable": draw(st.none() | st.booleans()),
    }


@st.composite
def _floors(draw: st.DrawFn, rules: Sequence[str], settings: dict[str, Any], lines: Sequence[str]) -> list[dict[str, Any]]:
    """Now and then another scale, for all lines or for some of them."""
    if draw(st.integers(0, 4)):
        return []
    by = draw(_by(rules))
    return [
        {
            "name": "other",
            "zh": "另一标准",
            "clause": "8",
            "period": draw(st.sampled_from(["annual", "monthly"])),
            "by": by,
            "amounts": draw(_amounts(by, settings)),
            "lines": draw(st.lists(st.sampled_from(lines), unique=True)),
        }
    ]


@st.composite
def _amounts(draw: st.DrawFn, by: Sequence[str], settings: dict[str, Any]) -> list[dict[str, Any]]:
    """A row for most of the combinations; some change within the year, or hold in some of its months only."""
    ratings = RATINGS[1:] if settings["excellent"] == "raised" else RATINGS
    values: dict[str, Sequence[Any]] = {
        "category": CATEGORIES,
        "full_time": (True, False),
        "grade": GRADES,
        "rating": ratings,
        "division": ("320000", "320100", "320102", "320104"),
    }
    rows: list[dict[str, Any]] = []
    for combination in product(*[values[dimension] for dimension in by]):
        row = dict(zip(by, combination, strict=True))
        shape = draw(st.sampled_from(["whole", "whole", "whole", "changed", "part", "none"])) if rows or by else "whole"
        month = draw(st.integers(1, 11))
        if shape == "whole":
            rows.append(row | {"amount_fen": draw(_fen)})
        if shape in ("changed", "part"):
            rows.append(row | {"amount_fen": draw(_fen), "last_month": f"{YEAR}-{month:02}"})
        if shape == "changed":
            rows.append(row | {"amount_fen": draw(_fen), "first_month": f"{YEAR}-{month + 1:02}"})
    return rows or [dict(zip(by, combination, strict=True)) | {"amount_fen": draw(_fen)}]


@st.composite
def _paid_by(draw: st.DrawFn, by_grade: bool) -> list[dict[str, Any]]:
    """Payers under conditions, and one entry for all others."""
    conditions: list[dict[str, Any]] = [{"division": "320104"}, {"division": "320100"}, {"last_month": f"{YEAR}-05"}]
    conditions += [{"grade": "special"}, {"grade": "junior", "division": "320102"}] if by_grade else []
    chosen = draw(st.lists(st.sampled_from(conditions), max_size=2, unique_by=str))
    return [condition | draw(_shares()) for condition in [*chosen, {}]]


@st.composite
def _shares(draw: st.DrawFn) -> dict[str, Any]:
    percent = draw(st.sampled_from([100, 50, 33, 1]))
    if percent == 100:
        return {"shares": [{"payer": draw(st.sampled_from(["province", "city", "county"])), "percent": 100}]}
    shares = [{"payer": "city", "percent": percent}, {"payer": "county", "percent": 100 - percent}]
    return {"shares": shares, "remainder": draw(st.sampled_from(["city", "county"]))}
