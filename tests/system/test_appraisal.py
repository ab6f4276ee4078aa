"""An appraisal cycle on real parts: concluded in talent, it changes an allowance, though nobody touches the others."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.system.conftest import Message, Office, start
from tests.talent.cycle_example import cycle_text

POLICY = Path("policies/changtu-2021.yaml")
CYCLE = "hr/annual-2021"
TEXT = cycle_text(
    division="division: 211224", effective_on="effective_on: 2022-01-05", year="year: 2021", first_day="first_day: 2021-01-01",
    last_day="last_day: 2021-12-31", ratings_until="ratings_until: 2022-01-31",
    bands="bands: [{rating: excellent, at_least: 90}, {rating: good, at_least: 75}, {rating: competent, at_least: 0}]",
    quota="quota: {percent: 50, limit_percent: 50, clause: 3}",
)  # fmt: skip


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    for made in start(tmp_path_factory.mktemp("appraisal")):
        made.asked("policy", "publish", str(POLICY))
        yield made


def say(office: Office, fact: str, on: str, ref: str | None = None, **data: Any) -> Message:
    said = data if ref is None else {"person": {"person_ref": ref}, **data}
    made = office.fact("hr", fact, said, on)
    return made._replace(subject=f"intake.hr.talent.{fact}")


def rated(office: Office, ref: str, points: int) -> list[Message]:
    """Enrolled, measured, and marked by a leader and one of the staff."""
    cycle = {"cycle": "annual-2021"}
    marks = [{"item": item, "hundredths": 100 * points} for item in ("virtue", "ability")]
    return [
        say(office, "appraisal-person-enrolled", "2022-01-05", ref, **cycle),
        say(office, "appraisal-result-measured", "2022-01-10", ref, item="output", achieved=12, **cycle),
        *(
            say(office, "appraisal-rating-given", "2022-01-10", ref, role=role, rater=f"{role}-1", marks=marks, **cycle)
            for role in ("leader", "staff")
        ),
    ]


def worker(office: Office, key: str) -> str:
    receipts = office.publish(office.registration(key), office.engagement(key)).values()
    (ref,) = {receipt.person_ref for receipt in receipts}
    assert ref is not None
    return ref


def amount(office: Office, key: str) -> tuple[str, int]:
    answer = office.asked("explain", f"hr:{key}", "--year", "2021")
    return answer["decision"], answer["amount_fen"]


def test_a_concluded_cycle_changes_an_allowance(office: Office) -> None:
    """From ratings in talent, through a fact of source talent in the registry, to the amount; each step can be traced."""
    refs = {key: worker(office, key) for key in ("best", "second", "reported")}
    office.publish(office.rating("reported", "good"))
    office.settle()
    assert [amount(office, key) for key in refs] == [("undecided", 0), ("undecided", 0), ("granted", 240_000)]

    cycle = {"cycle": "annual-2021"}
    opened = say(office, "appraisal-cycle-opened", "2022-01-05", text=TEXT, **cycle)
    messages = [opened, *rated(office, refs["best"], 96), *rated(office, refs["second"], 80)]
    receipts = office.publish(*messages, *rated(office, refs["reported"], 40))
    assert {receipt.outcome for receipt in receipts.values()} == {"accepted"}
    acts = [
        say(office, "appraisal-cycle-scored", "2022-02-01", **cycle),
        say(office, "appraisal-cycle-published", "2022-02-02", appeals_until="2022-02-07", **cycle),
        say(office, "appraisal-cycle-concluded", "2022-02-08", **cycle),
    ]
    assert [(r.outcome, r.problems) for r in office.publish(*acts).values()] == [("accepted", ())] * 3
    office.settle()
    # The rating that another source had reported is contradicted by the later one: by the registry's rule that one stands.
    assert [amount(office, key) for key in refs] == [("granted", 360_000), ("granted", 240_000), ("denied", 0)]

    told = office.asked("talent", "cycle", "explain", CYCLE, refs["best"])
    assert (told["final"], told["score"], told["rank"], told["registry_answer"]) == ("excellent", 9760, 1, "accepted")
    facts = office.asked("history", refs["best"])["facts"]
    (rating,) = [fact for fact in facts if fact["source"] == "talent"]
    assert rating["particulars"] == {"kind": "rating", "year": 2021, "rating": "excellent"}
    traced = office.asked("trace", rating["event_id"])
    assert [cause.get("type", cause.get("message")) for cause in traced["causes"]][1:] == [
        "talent.cycle-concluded.v1", f"hr/{acts[-1].message_id}",
    ]  # fmt: skip


def test_an_operator_appraises_by_commands(office: Office, tmp_path: Path) -> None:
    """The next year, typed: opened, everybody enrolled, rated, scored, published, appealed, decided, concluded."""
    path = tmp_path / "cycle.yaml"
    path.write_text(
        TEXT.replace("2022-", "2023-").replace("2021-", "2022-").replace("year: 2021", "year: 2022"), encoding="utf-8"
    )
    ref = worker(office, "typed")
    office.settle()

    def typed(*words: str) -> Any:
        return office.asked("talent", "cycle", *words)

    assert typed("open", str(path), "--key", "annual-2022")["outcome"] == "accepted"
    enrolled = typed("enrol", "annual-2022", "--all", "--on", "2023-01-05")
    assert (enrolled["asked"], enrolled["outcomes"]) == (4, {"accepted": 4})
    for role in ("leader", "staff"):
        marks = ("--mark", "virtue=88.5", "--mark", "ability=90")
        typed("rate", "annual-2022", ref, "--role", role, "--rater", f"{role}-1", *marks, "--on", "2023-01-10")
    typed("measure", "annual-2022", ref, "--item", "output", "--achieved", "9", "--on", "2023-01-10")
    office.asked(
        "talent", "conduct", "points", ref, "--points", "4", "--entry", "p-1", "--reason", "示例", "--on", "2022-05-01"
    )
    typed("score", "annual-2022", "--on", "2023-02-01")
    typed("publish", "annual-2022", "--appeals-until", "2023-02-07", "--on", "2023-02-02")
    shown = typed("show", "annual-2022")["results"][0]
    assert (shown["person_ref"], shown["score"], shown["rating"]) == (ref, 8395, "good")
    typed("appeal", "annual-2022", ref, "--appeal", "s-1", "--grounds", "漏计一项实绩", "--on", "2023-02-03")
    refused = office.asked(
        "talent", "cycle", "decide", "annual-2022", ref, "--appeal", "s-1", "--rating", "excellent", "--reason", "属实",
        "--on", "2023-02-04", code=2,
    )  # fmt: skip
    assert [p["code"] for p in refused["problems"]] == ["above-limit"]
    typed("decide", "annual-2022", ref, "--appeal", "s-1", "--reason", "无新事实", "--on", "2023-02-05")
    typed("conclude", "annual-2022", "--on", "2023-02-08")
    office.settle()
    assert [row["stage"] for row in typed("list", "--year", "2022")] == ["concluded"]
    facts = [f["particulars"] for f in office.asked("history", ref)["facts"] if f["source"] == "talent"]
    assert facts == [{"kind": "rating", "year": 2022, "rating": "good"}]


def test_log_read_model_and_stream_of_the_service_agree(office: Office) -> None:
    """After all of the above; and a replay comes to the same tables."""
    office.settle()
    verdict = office.asked("verify", "talent")
    assert verdict["agrees"], verdict
    assert office.asked("replay", "talent", "--diff")["same"]
