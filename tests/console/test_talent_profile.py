"""``hongling talent profile-page``: one person on one page, the name masked unless it is recorded who sees it."""

from __future__ import annotations

import re
import zlib
from base64 import a85decode
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from html.parser import HTMLParser
from itertools import pairwise
from math import dist
from pathlib import Path
from xml.etree import ElementTree

import pytest
from typer.testing import CliRunner

from console.main import app
from console.profile_charts import radar_of, timeline_of
from console.profile_html import profile_html
from console.profile_pdf import profile_pdf
from console.profile_sheet import ROWS_MAX, Axis, Span, sheet_of
from contracts.registry import PersonalDataUnmasked
from services.talent.profile import Bar
from tests.console.desk import Desk, desk
from tests.support import events_of
from tests.talent.profile_example import PAGE

SHEET = sheet_of(PAGE, "zh", "张*")
CJK = re.compile("[\u4e00-\u9fff]")
VOID = frozenset({"meta", "br", "hr", "img", "link", "input"})


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    """A worker who is registered and engaged; talent has heard of them."""
    with desk(tmp_path_factory.mktemp("profile")) as found:
        found.worker(1)
        yield found


class Tags(HTMLParser):
    """Keeps what is open and the text; an end that fits nothing is a fault."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: list[str] = []

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self.seen.append(tag)
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: object) -> None:
        self.seen.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def shown(made: Desk) -> int:
    """How often it is on record that somebody was shown personal data."""
    return sum(isinstance(e.event, PersonalDataUnmasked) for e in events_of(made.office.registry))


# --- the name -----------------------------------------------------------------------------------------------------------


def test_the_name_is_masked_and_nothing_is_recorded(made: Desk, tmp_path: Path) -> None:
    before = shown(made)
    found = made.asked("talent", "profile-page", "hr:K001", "--out", str(tmp_path / "p.html"))
    assert (found["name"], found["name_shown_by"], found["posts"][0]["unit"]) == ("张*", None, "一村")
    text = (tmp_path / "p.html").read_text(encoding="utf-8")
    assert ("张*" in text, "张三" in text) == (True, False)
    assert shown(made) == before


def test_the_name_stands_in_plain_once_it_is_recorded_who_sees_it(made: Desk, tmp_path: Path) -> None:
    before = shown(made)
    words = ("--name", "--reason", "会议材料", "--out", str(tmp_path / "p.html"))
    found = made.asked("talent", "profile-page", "hr:K001", *words)
    assert (found["name"], shown(made)) == ("张三", before + 1)
    assert found["name_shown_by"] in [e.event_id for e in events_of(made.office.registry)]
    assert "张三" in (tmp_path / "p.html").read_text(encoding="utf-8")


def test_without_the_registrys_secrets_there_is_no_name(made: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only talent's store is given: the page is made all the same; the name in plain is refused."""
    monkeypatch.setenv("HONGLING_TALENT_DATABASE_URL", f"sqlite:///{made.folder / 'talent.db'}")
    for name in ("HONGLING_DATA", "HONGLING_REGISTRY_KEYS", "HONGLING_REGISTRY_DATABASE_URL"):
        monkeypatch.delenv(name, raising=False)
    ref = made.asked("talent", "profile-page", "hr:K001")["person_ref"]
    page = CliRunner().invoke(app, ["talent", "profile-page", ref, "--lang", "zh"])
    assert (page.exit_code, "姓名：不可读" in page.stdout) == (0, True)
    plain = CliRunner().invoke(app, ["talent", "profile-page", ref, "--name", "--reason", "b"])
    assert (plain.exit_code, "HONGLING_REGISTRY_KEYS" in plain.output) == (2, True)


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("hr:K001", "--name"), "--reason"),
        (("hr:K001", "--reason", "x"), "add --name"),
        (("hr:K001", "--name", "--reason", "11010519491231002X"), "personal data"),
        (("hr:K001", "--out", "page.docx"), ".pdf"),
        (("hr:K001", "--vacancy", "V-9"), "no vacancy"),
        (("hr:K009",), "knows nobody"),
        (("p" + "9" * 26,), "nothing was known"),
    ],
)
def test_wrong_use_ends_with_two_and_records_nothing(made: Desk, words: tuple[str, ...], told: str) -> None:
    before = shown(made)
    result = made.ask("talent", "profile-page", *words)
    assert (result.exit_code, told in result.output, shown(made)) == (2, True, before)


def test_a_file_that_is_there_is_not_written_over(made: Desk, tmp_path: Path) -> None:
    path = tmp_path / "p.pdf"
    made.told("talent", "profile-page", "hr:K001", "--out", str(path))
    assert path.read_bytes().startswith(b"%PDF-")
    assert path.stat().st_mode & 0o077 == 0, "only its owner reads it"
    made.told("talent", "profile-page", "hr:K001", "--out", str(path), code=2)


# --- what is drawn ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_the_page_is_whole_html_without_anything_from_elsewhere(lang: str) -> None:
    """Every element is closed, nothing is loaded and nothing runs; both charts are in it, and each is sound as XML."""
    text = profile_html(sheet_of(PAGE, lang, None))
    tags = Tags()
    tags.feed(text)
    assert tags.open == []
    assert {"script", "link", "img", "iframe"}.isdisjoint(tags.seen)
    assert re.search(r"(?:src|href)=|url\(|@import", text) is None
    charts = re.findall(r"<svg.*?</svg>", text, re.DOTALL)
    assert [len(ElementTree.fromstring(chart).findall("polygon")) for chart in charts] == [7, 0]
    assert "size: A4" in text


def test_what_comes_from_data_is_never_markup() -> None:
    """A unit may be called anything, in the page and in the document."""
    bars = (Bar("post", '<script>alert("x")</script> & <b>', date(2020, 1, 1), None),)
    sheet = sheet_of(replace(PAGE, bars=bars, ladder="<i>&amp;"), "zh", "<b>&")
    text = profile_html(sheet)
    assert "<script" not in text
    assert "&lt;script&gt;" in text
    assert profile_pdf(sheet).startswith(b"%PDF-")


def test_the_document_is_one_page_however_much_there_is() -> None:
    """And the same sheet is the same bytes."""
    crowded = replace(
        PAGE,
        activities=PAGE.activities * 30, training=PAGE.training * 30, honours=PAGE.honours * 30,
        history=PAGE.history * 10, bars=PAGE.bars * 20, sanctions=PAGE.sanctions * 30, criteria=PAGE.criteria * 20,
    )  # fmt: skip
    for page in (PAGE, crowded):
        sheet = sheet_of(page, "zh", "张*")
        made = profile_pdf(sheet)
        assert made == profile_pdf(sheet)
        assert len(re.findall(rb"/Type /Page\b", made)) == 1
        assert b"/STSong-Light" in made
        assert (re.search(rb"\n(0?\.\d+) 0 0 \1 ", content_of(made)) is not None) == (page is crowded), "smaller, not cut"


def content_of(document: bytes) -> bytes:
    """What its one page draws. Streams are deflated, in base 85."""
    found = re.findall(rb"stream\r?\n(.*?)endstream", document, re.DOTALL)
    return b"".join(zlib.decompress(a85decode(stream.strip().removesuffix(b"~>"))) for stream in found)


def test_of_long_tables_the_first_rows_are_shown_with_how_many_more() -> None:
    (section,) = [s for s in sheet_of(replace(PAGE, honours=PAGE.honours * 10), "zh", None).sections if s.title == "表彰"]
    assert (len(section.rows), section.more) == (ROWS_MAX, "另有4条")


def test_every_section_is_told_in_both_languages() -> None:
    """No code is left in Chinese, and no Chinese but that of the data in English."""
    chinese, english = SHEET, sheet_of(PAGE, "en", "Z*")
    for section in chinese.sections:
        for row in section.rows:
            assert not re.search(r"[a-z]+_[a-z]+", " ".join(row)), row
    labels = [english.title, english.foot, *(label for label, _ in english.facts), *(s.title for s in english.sections)]
    assert not [label for label in labels if CJK.search(label)]


# --- geometry -----------------------------------------------------------------------------------------------------------


def test_a_radar_is_as_long_as_the_scores() -> None:
    """The first axis points up; what is not rated lies in the middle; without any rating there is no shape."""
    axes = [Axis("a", 5, None), Axis("b", 1, None), Axis("c", None, None), Axis("d", 3, 4)]
    radar = radar_of(axes, 100)
    lengths = [dist(radar.centre, point) for point in radar.scores]
    full = dist(radar.centre, radar.spokes[0])
    assert lengths == pytest.approx([full, full / 5, 0, full * 3 / 5])
    assert radar.scores[0][0] == pytest.approx(radar.centre[0])
    assert radar.scores[0][1] < radar.centre[1]
    assert radar_of([Axis("a", None, None)], 100).scores == ()


def test_bars_are_as_long_as_their_days() -> None:
    """From 1 January of the first year to the day; each below the one before."""
    spans = [
        Span("a", date(2025, 1, 1), date(2025, 1, 11), False),
        Span("b", date(2025, 1, 1), date(2025, 1, 21), True),
    ]
    timeline = timeline_of(spans, date(2025, 4, 10), 1000, 20)
    assert [bar.width for bar in timeline.bars] == pytest.approx([100, 200])
    assert all(later.y - earlier.y == 20 for earlier, later in pairwise(timeline.bars))
    assert [bar.label for bar in timeline.bars] == ["a  2025-01-01 – 2025-01-11", "b  2025-01-01 –"]
    assert timeline.years == ((0.0, 2025),)
    assert timeline_of([], date(2025, 4, 10), 1000, 20).bars == ()
