"""What a certificate is worth on a day: its issue and the standing changes of it, folded into spans. Pure, and for everyone.

The registry, allowance and talent ask the same question of the same facts, so the answer stands here, once. Order of arrival
does not matter: changes are taken in the order of their effective day, then of their key, then of what they say. A person holds
one certificate at a time: one that is issued later supersedes the one before it, whoever issued either (``superseding``).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import pairwise
from typing import Literal, assert_never

from contracts.base import Grade
from contracts.particulars import Certificate, CertificateChange, Particulars

__all__ = ["CertificateState", "Issue", "Span", "spans_of", "spans_of_all", "state_on", "superseding", "told"]

CertificateState = Literal["not-yet", "valid", "suspended", "revoked", "superseded", "expired"]

_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Issue:
    """A standing certificate or change: the event that says it, the day from which it counts, and what it says."""

    event_id: str
    on: date
    says: Certificate | CertificateChange


@dataclass(frozen=True, slots=True)
class Span:
    """Days on which a certificate has one state and one grade. last None: without end.

    facts: the issue, and every change that has counted so far, in order: from these alone the same state and grade follow.
    """

    number: str
    state: Literal["valid", "suspended", "revoked", "superseded", "expired"]
    grade: Grade
    first: date
    last: date | None
    facts: tuple[str, ...]

    def covers(self, day: date) -> bool:
        return self.first <= day and (self.last is None or day <= self.last)


def spans_of(issue: Issue, changes: Iterable[Issue]) -> tuple[Span, ...]:
    """The life of one certificate, in order and without a gap. A change dated before the issue counts from the issue on.
    changes: also those by ``superseding``, if the person has others.

    What makes no sense changes nothing: reinstating what is not suspended, anything after the end. Days after ``expires_on``
    are expired whatever came before, but for what was revoked or superseded.
    """
    said = _certificate(issue)
    state: Literal["valid", "suspended", "revoked", "superseded", "expired"] = "valid"
    grade, first = said.grade, issue.on
    facts: tuple[str, ...] = (issue.event_id,)
    spans: list[Span] = []
    # The last day that a date can say is how systems write "without end"; there is no day after it on which to expire.
    end = said.expires_on if said.expires_on != date.max else None
    for change in sorted(changes, key=_order):
        what = change.says
        if not isinstance(what, CertificateChange) or what.number != said.number:
            continue
        on = max(change.on, issue.on)
        after = _after(state, grade, what)
        if after is None or (end is not None and on > end and what.change not in ("revoked", "superseded")):
            continue
        if on > first:
            spans += _closed(said.number, state, grade, first, on - _DAY, end, facts)
        state, grade = after
        first, facts = on, (*facts, change.event_id)
    return (*spans, *_closed(said.number, state, grade, first, None, end, facts))


def _order(change: Issue) -> tuple[date, str, str, str, str]:
    """Two sources may use one key on one day: what they say comes before the event ids, which tell who came first."""
    said = change.says
    if not isinstance(said, CertificateChange):
        return change.on, "", "", "", change.event_id
    return change.on, said.key, said.change, said.grade or "", change.event_id


def _after(
    state: Literal["valid", "suspended", "revoked", "superseded", "expired"], grade: Grade, change: CertificateChange
) -> tuple[Literal["valid", "suspended", "revoked", "superseded"], Grade] | None:
    """State and grade after a change; None: it changes nothing."""
    if state not in ("valid", "suspended"):
        return None
    match change.change:
        case "suspended":
            return ("suspended", grade) if state == "valid" else None
        case "reinstated":
            return ("valid", grade) if state == "suspended" else None
        case "downgraded":
            return (state, change.grade) if change.grade is not None and change.grade != grade else None
        case "revoked":
            return "revoked", grade
        case "superseded":
            return "superseded", grade
        case _:
            assert_never(change.change)


def _closed(
    number: str,
    state: Literal["valid", "suspended", "revoked", "superseded", "expired"],
    grade: Grade,
    first: date,
    last: date | None,
    end: date | None,
    facts: tuple[str, ...],
) -> list[Span]:
    """The span, cut in two where the certificate expires in it."""
    if state in ("revoked", "superseded") or end is None or (last is not None and last <= end):
        return [Span(number, state, grade, first, last, facts)]
    if first > end:
        return [Span(number, "expired", grade, first, last, facts)]
    return [Span(number, state, grade, first, end, facts), Span(number, "expired", grade, end + _DAY, last, facts)]


def superseding(issues: Iterable[Issue]) -> tuple[Issue, ...]:
    """What each certificate of a person does to the one that was issued before it: a change that supersedes it, from its own
    issue on, with the event id of that. Of two of one day the greater number is the later."""
    ordered = sorted(issues, key=_order_of_issue)
    found = []
    for earlier, later in pairwise(ordered):
        before, after = _certificate(earlier), _certificate(later)
        if before.number != after.number:
            reason = f"superseded by {after.number}"
            said = CertificateChange(key=after.number, number=before.number, change="superseded", reason=reason)
            found.append(Issue(later.event_id, later.on, said))
    return tuple(found)


def _order_of_issue(issue: Issue) -> tuple[date, str, str]:
    return issue.on, _certificate(issue).number, issue.event_id


def _certificate(issue: Issue) -> Certificate:
    if not isinstance(issue.says, Certificate):
        raise TypeError("the life of a certificate begins with its issue")
    return issue.says


def spans_of_all(facts: Iterable[tuple[str, date, Particulars]]) -> tuple[Span, ...]:
    """The spans of every certificate of a person among the standing facts (event id, effective day, particulars), in order of
    issue. On no day are two of them valid or suspended."""
    issues: list[Issue] = []
    changes: dict[str, list[Issue]] = {}
    for event_id, on, says in facts:
        if isinstance(says, Certificate):
            issues.append(Issue(event_id, on, says))
        elif isinstance(says, CertificateChange):
            changes.setdefault(says.number, []).append(Issue(event_id, on, says))
    issues.sort(key=_order_of_issue)
    for end in superseding(issues) if len(issues) > 1 else ():
        changes.setdefault(end.says.number, []).append(end)
    return tuple(span for issue in issues for span in spans_of(issue, changes.get(issue.says.number, ())))


def state_on(spans: Iterable[Span], number: str, day: date) -> tuple[CertificateState, Grade | None]:
    """State and grade of a certificate on a day."""
    for span in spans:
        if span.number == number and span.covers(day):
            return span.state, span.grade
    return "not-yet", None


def told(issued: Certificate, spans: Iterable[Span]) -> str:
    """What has happened to a certificate since its issue, to follow a text about that: ``, suspended since 2025-04-01``; empty:
    nothing. spans: of this certificate, from the first up to where the story ends. That it has expired is not told."""
    text, grade = "", issued.grade
    state: CertificateState = "valid"
    for span in spans:
        if span.grade != grade:
            text += f", downgraded to {span.grade} on {span.first}"
        if span.state != state:
            text += _begun(span)
        state, grade = span.state, span.grade
    return text


def _begun(span: Span) -> str:
    match span.state:
        case "valid":
            return f", reinstated on {span.first}"
        case "suspended":
            return f", suspended since {span.first}"
        case "revoked" | "superseded":
            return f", {span.state} on {span.first}"
        case "expired":
            return ""
        case _:
            assert_never(span.state)
