"""Every kind of fact that the talent service takes, each where it changes something. Nobody here exists."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from contracts.intake import fact_subject
from eventlog.database import Database
from eventlog.desk import Item
from eventlog.workdays import WorkCalendar
from services.talent.handlers import Talent
from tests.support import intake_bytes
from tests.talent.cycle_example import cycle_text
from tests.talent.developing import COURSE, LIST, POLICY_TEXT, PROBLEM, SECONDED, TRAINED, a_plan, engages
from tests.talent.example import DIVISION, FULL, REF, certified, inspected, rated, registered, standard_text
from tests.talent.test_appraisal_handlers import AppraisalBench
from tests.talent.test_development_handlers import MENTOR, hear_of
from tests.talent.test_handlers import HOLD_SECONDS, _erase
from tests.telling import as_told

__all__ = ["EverythingBench"]

OTHER = "p0000000000000000000000000c"
_UNIT: dict[str, Any] = {"unit": "第七党支部", "division": DIVISION}
_PROFILE: dict[str, Any] = FULL.model_dump(mode="json")


class EverythingBench(AppraisalBench):
    """The talent service with all of its read models and a calendar; the registry has told of three people."""

    service = "talent"

    def __init__(self, database: Database) -> None:
        super().__init__(database)
        mine = [registered(), certified(), rated(), inspected(), engages(5, "2021-03-01")]
        mentor = [hear_of(MENTOR, registered(40)), hear_of(MENTOR, certified(41, "special"))]
        self.hear(*as_told([*mine, *mentor, hear_of(OTHER, registered(50))]))

    def new_talent(self) -> Talent:
        return Talent(self.log, hold_seconds=HOLD_SECONDS, wake=lambda: None, erase=_erase, calendar=WorkCalendar())

    def settle(self, item: Item) -> None:
        self.take(item)

    def told(self, fact: str, on: str, person: str | None = None, source: str = "hr", /, **data: Any) -> Item:
        number = next(self.sequence)
        said = data if person is None else {"person": {"person_ref": person}, **data}
        raw = intake_bytes(fact, said, id=f"first-{number}", source=source, on=on, time="2026-02-01T08:00:00Z")
        return Item(fact_subject(source, "talent", f"intake.{fact}.v1"), raw, number)

    def everything(self) -> Iterator[Item]:
        """One after the other: each is decided on what those before it have come to."""
        yield from self._pool()
        yield from self._development()
        yield from self._matters()
        yield from self._appraisal()
        yield from self._staffing()
        yield self.told("candidate-placed", "2026-02-26", REF, category="secretary", **{"unit": "u", "post": "书记"})
        yield from self._nominated(OTHER)
        yield self.told("candidate-removed", "2026-02-10", OTHER, reason="withdrew")

    def _nominated(self, ref: str) -> Iterator[Item]:
        more = {"division": DIVISION, "nominated_by": "reserve_recommended", "ladder": "near-term", "pool": "pool-1"}
        yield self.told("candidate-nominated", "2026-01-10", ref, **more)

    def _pool(self) -> Iterator[Item]:
        yield self.told("qualification-standard-published", "2025-01-01", None, "policy", text=standard_text())
        yield self.told("development-policy-published", "2025-01-01", None, "policy", text=POLICY_TEXT)
        yield from self._nominated(REF)
        yield self.told("candidate-profiled", "2026-01-12", REF, **_PROFILE)
        yield self.told("candidate-screened", "2026-02-01", REF)
        yield self.told("candidate-admitted", "2026-02-02", REF)

    def _development(self) -> Iterator[Item]:
        yield self.told("plan-adopted", "2026-02-10", REF, **a_plan().model_dump(mode="json"))
        more = {"activity": "a-3", "kind": "training", "title": "补课", "begins_on": "2026-03-01", "ends_on": "2026-05-31"}
        yield self.told("plan-activity-added", "2026-02-11", REF, plan="plan-1", activity=more)
        yield self.told("plan-activity-moved", "2026-02-12", REF, plan="plan-1", activity="a-1", status="begun", note="到岗")
        yield self.told("plan-activity-moved", "2026-02-13", REF, plan="plan-1", activity="a-1", status="done", note="在档")
        review = {"plan": "plan-1", "conclusion": "on_track", "next_review_on": "2026-09-30", "note": "按期"}
        yield self.told("plan-reviewed", "2026-02-20", REF, **review)
        yield self.told("plan-closed", "2026-02-25", REF, plan="plan-1", outcome="partly", note="调整")
        exempt = {"engagement": "e-1", "engagement_source": "hr", "until": "2027-01-31", "reason": "换届"}
        yield self.told("rotation-exempted", "2026-01-25", REF, **exempt)
        yield self.told("secondment-started", "2026-01-01", REF, **SECONDED.model_dump(mode="json"))
        yield self.told("secondment-ended", "2026-02-01", REF, secondment="s-1", outcome="completed", note="期满")
        aim = {"mentorship": "m-1", "mentor": MENTOR, "aim": "带教", "ends_on": "2026-12-31"}
        yield self.told("mentor-assigned", "2026-02-01", REF, **aim)
        yield self.told("mentorship-ended", "2026-02-20", REF, mentorship="m-1", outcome="completed", note="期满")
        yield self.told("training-reported", "2026-01-20", REF, **TRAINED.model_dump(mode="json"))

    def _matters(self) -> Iterator[Item]:
        yield self.told("training-course-recorded", "2026-01-01", **COURSE.model_dump(mode="json"))
        session: dict[str, Any] = {
            "session": "k-1",
            "course": "c-1",
            "begins_on": "2026-03-01",
            "ends_on": "2026-03-05",
            "division": DIVISION,
        }
        yield self.told("training-session-recorded", "2026-01-02", **session)
        yield self.told("problem-raised", "2026-02-02", **PROBLEM.model_dump(mode="json"))
        shown: dict[str, Any] = {"problem": "P-1", "evidence": ["a" * 64], "says": "已补齐"}
        yield self.told("problem-evidenced", "2026-02-03", **shown)
        longer = {"problem": "P-1", "due_on": "2026-06-30", "reason": "工程未完", "granted_by": "督查组"}
        yield self.told("problem-extended", "2026-02-04", **longer)
        yield self.told("problem-returned", "2026-02-05", problem="P-1", reason="缺签字")
        yield self.told("problem-evidenced", "2026-02-06", **shown | {"says": "已签字"})
        closing = {"problem": "P-1", "outcome": "rectified", "closed_by": "督查组", "note": "属实"}
        yield self.told("problem-closed", "2026-02-07", **closing)
        yield self.told("responsibility-issued", "2026-01-05", **LIST.model_dump(mode="json"))
        yield self.told("responsibility-signed", "2026-01-20", list="L-1")
        check = {"list": "L-1", "item": "lessons", "period": "2026-Q1", "result": "done", "note": "已讲"}
        yield self.told("responsibility-checked", "2026-02-20", **check)
        yield self.told("responsibility-withdrawn", "2026-02-21", list="L-1", reason="机构调整")

    def _appraisal(self) -> Iterator[Item]:
        cycle = {"cycle": "annual-2025"}
        yield self.told("appraisal-cycle-opened", "2026-01-05", text=cycle_text(), **cycle)
        yield self.told("appraisal-person-enrolled", "2026-01-06", REF, **cycle)
        marks = [{"item": item, "hundredths": 8500} for item in ("virtue", "ability")]
        for role in ("leader", "staff"):
            yield self.told("appraisal-rating-given", "2026-01-10", REF, role=role, rater="r-1", marks=marks, **cycle)
        yield self.told("appraisal-rating-given", "2026-01-11", REF, role="staff", rater="r-2", marks=marks, **cycle)
        gone = {"role": "staff", "rater": "r-3", "reason": "误评"}
        yield self.told("appraisal-rating-withdrawn", "2026-01-12", REF, **gone, **cycle)
        yield self.told("appraisal-result-measured", "2026-01-13", REF, item="output", achieved=11, **cycle)
        yield from self._conduct()
        yield self.told("appraisal-cycle-scored", "2026-02-01", **cycle)
        yield self.told("appraisal-cycle-published", "2026-02-02", appeals_until="2026-02-07", **cycle)
        yield self.told("appraisal-result-appealed", "2026-02-03", REF, appeal="s-1", grounds="漏计一项实绩", **cycle)
        decided = {"appeal": "s-1", "outcome": "dismissed", "reason": "已计"}
        yield self.told("appraisal-appeal-decided", "2026-02-04", REF, **decided, **cycle)
        yield self.told("appraisal-cycle-concluded", "2026-02-08", **cycle)
        another = cycle_text(document="document: cycle-2", division="division: 320106")
        yield self.told("appraisal-cycle-opened", "2026-01-05", cycle="other", text=another)
        yield self.told("appraisal-cycle-cancelled", "2026-01-06", cycle="other", reason="重新组织")

    def _conduct(self) -> Iterator[Item]:
        yield self.told("points-recorded", "2025-05-01", REF, entry="p-1", points=2, reason="示例")
        yield self.told("sanction-imposed", "2025-06-01", REF, entry="s-1", step="interview", reason="示例")
        yield self.told("sanction-lifted", "2025-09-01", REF, entry="s-1", reason="整改到位")
        yield self.told("honour-awarded", "2025-07-01", REF, entry="h-1", title="优秀党务工作者", level="county")
        yield self.told("conduct-withdrawn", "2025-09-01", REF, entry="p-1", reason="误报")

    def _staffing(self) -> Iterator[Item]:
        yield self.told("unit-staff-reported", "2026-02-01", staff=120, **_UNIT)
        posts: list[dict[str, str]] = [{"post": "书记", "side": "party"}, {"post": "主任", "side": "management"}]
        yield self.told("leadership-model-set", "2026-02-01", model="one_person", posts=posts, **_UNIT)
        degree = {"rule": "degree", "at_least": "bachelor", "clause": "1"}
        vacancy: dict[str, Any] = {"vacancy": "V-1", "post": "书记", "category": "secretary", "hard": [degree]}
        yield self.told("vacancy-described", "2026-02-01", **vacancy, **_UNIT)
        yield self.told("vacancy-closed", "2026-02-20", vacancy="V-1", outcome="withdrawn")
