"""A profile as a PDF of one page, A4. The font is one that PDF readers bring along for Chinese (a CID font, not embedded)."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from io import BytesIO
from typing import Any

from reportlab.graphics.shapes import Drawing, Line, Polygon, Rect, String
from reportlab.lib import colors
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import mm
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.cidfonts import UnicodeCIDFont
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import KeepInFrame, Paragraph, Spacer, Table, TableStyle

from console.cells import legible
from console.profile_charts import Place, radar_of, timeline_of
from console.profile_sheet import Section, Sheet

__all__ = ["profile_pdf"]

FONT = "STSong-Light"
MARGIN = 12 * mm
GUTTER = 6 * mm
RADAR_SIZE = 150.0
WIDE_FROM = "\u2e80"
TIMELINE_ROW = 18.0
RED, BLUE, GREY = colors.HexColor("#aa1111"), colors.HexColor("#224466"), colors.HexColor("#666666")
PALE = colors.HexColor("#dddddd")

_WIDTH, _HEIGHT = A4[0] - 2 * MARGIN, A4[1] - 2 * MARGIN
_HALF = (_WIDTH - GUTTER) / 2


def profile_pdf(sheet: Sheet) -> bytes:
    """The page as a file. The same sheet makes the same bytes. What does not fit at full size is made smaller, not cut."""
    pdfmetrics.registerFont(UnicodeCIDFont(FONT))
    stored = BytesIO()
    canvas = Canvas(stored, pagesize=A4, invariant=1, lang="zh-CN" if sheet.lang == "zh" else "en")
    canvas.setTitle(legible(sheet.title))
    content = KeepInFrame(_WIDTH, _HEIGHT, _flowables(sheet), mode="shrink")
    _, height = content.wrapOn(canvas, _WIDTH, _HEIGHT)
    content.drawOn(canvas, MARGIN, A4[1] - MARGIN - height)
    canvas.showPage()
    canvas.save()
    return stored.getvalue()


def _style(size: float, colour: Any = colors.black, **more: Any) -> ParagraphStyle:
    return ParagraphStyle("", fontName=FONT, fontSize=size, leading=size * 1.35, textColor=colour, wordWrap="CJK", **more)


_TITLE, _HEADING = _style(16, RED), _style(10.5, RED, spaceBefore=6, spaceAfter=2)
_CELL, _LABEL, _SMALL = _style(8.5), _style(8.5, GREY), _style(7.5, GREY)


def _text(text: str, style: ParagraphStyle) -> Paragraph:
    return Paragraph(escape(legible(text), quote=False), style)


def _flowables(sheet: Sheet) -> list[Any]:
    left = _grid(
        [[_text(label, _LABEL), _text(value, _CELL)] for label, value in sheet.facts], [_HALF * 0.3, _HALF * 0.7], PALE
    )
    right = [_text(sheet.axes_title, _HEADING), _radar(sheet)]
    if any(axis.required is not None for axis in sheet.axes):
        right.append(_text(f"- - -  {sheet.required}", _SMALL))
    made: list[Any] = [_text(sheet.title, _TITLE), Spacer(1, 6), _columns([left], right)]
    made += [_text(sheet.history_title, _HEADING), _timeline(sheet), Spacer(1, 4)]
    pairs = [sheet.sections[place : place + 2] for place in range(0, len(sheet.sections), 2)]
    for pair in pairs:
        made += [_columns(*[_section(section) for section in pair]), Spacer(1, 4)]
    return [*made, _text(sheet.foot, _SMALL)]


def _columns(left: list[Any], right: Sequence[Any] = ()) -> Table:
    table = Table([[left, "", list(right)]], colWidths=[_HALF, GUTTER, _HALF])
    table.setStyle(TableStyle([("VALIGN", (0, 0), (-1, -1), "TOP"), *_NO_PADDING]))
    return table


_NO_PADDING = [(f"{side}PADDING", (0, 0), (-1, -1), 0) for side in ("LEFT", "RIGHT", "TOP", "BOTTOM")]


def _grid(rows: list[list[Any]], widths: Sequence[float], line: Any) -> Table:
    table = Table(rows, colWidths=list(widths))
    lines = [("LINEBELOW", (0, 0), (-1, -1), 0.3, line), ("VALIGN", (0, 0), (-1, -1), "TOP")]
    padding = [(f"{side}PADDING", (0, 0), (-1, -1), 1) for side in ("LEFT", "RIGHT", "TOP", "BOTTOM")]
    table.setStyle(TableStyle([*lines, *padding]))
    return table


def _section(section: Section) -> list[Any]:
    made: list[Any] = [_text(section.title, _HEADING)]
    if not section.rows:
        return [*made, _text(section.empty, _SMALL)]
    longest = [
        max(_columns_of(row[place]) for row in (section.headings, *section.rows)) for place in range(len(section.headings))
    ]
    # Each column has room by what stands in it, and none so little that its words fall apart.
    share = [min(30, max(9, length)) for length in longest]
    widths = [_HALF * each / sum(share) for each in share]
    rows = [[_text(heading, _LABEL) for heading in section.headings]]
    rows += [[_text(cell, _CELL) for cell in row] for row in section.rows]
    made.append(_grid(rows, widths, PALE))
    return [*made, _text(section.more, _SMALL)] if section.more else made


def _columns_of(text: str) -> int:
    """How wide a text is: a Chinese character is as wide as two others."""
    return sum(1 if character < WIDE_FROM else 2 for character in text)


# --- charts -------------------------------------------------------------------------------------------------------------


def _radar(sheet: Sheet) -> Drawing:
    radar = radar_of(sheet.axes, RADAR_SIZE)
    # The labels stand beside the square.
    drawing, shift = Drawing(_HALF, RADAR_SIZE), (_HALF - RADAR_SIZE) / 2

    def flat(points: Sequence[Place]) -> list[float]:
        return [value for x, y in points for value in (shift + x, RADAR_SIZE - y)]

    for ring in radar.rings:
        drawing.add(Polygon(flat(ring), fillColor=None, strokeColor=PALE, strokeWidth=0.5))
    for spoke in radar.spokes:
        drawing.add(Line(*flat([radar.centre, spoke]), strokeColor=PALE, strokeWidth=0.5))
    if radar.scores:
        fill = colors.Color(RED.red, RED.green, RED.blue, alpha=0.25)
        drawing.add(Polygon(flat(radar.scores), fillColor=fill, strokeColor=RED, strokeWidth=1.2))
    if radar.required:
        drawing.add(Polygon(flat(radar.required), fillColor=None, strokeColor=BLUE, strokeWidth=0.8, strokeDashArray=[3, 2]))
    for x, y, label, anchor in radar.labels:
        drawing.add(String(shift + x, RADAR_SIZE - y - 3, legible(label), fontName=FONT, fontSize=8, textAnchor=anchor))
    return drawing


def _timeline(sheet: Sheet) -> Drawing:
    timeline = timeline_of(sheet.spans, sheet.on, _WIDTH, TIMELINE_ROW)
    drawing = Drawing(_WIDTH, timeline.height)
    for bar in timeline.bars:
        top = timeline.height - bar.y
        fill = colors.Color(RED.red, RED.green, RED.blue, alpha=0.55)
        box = (bar.x, top - timeline.row * 0.92, bar.width, timeline.row * 0.3)
        drawing.add(Rect(*box, fillColor=fill, strokeColor=None))
        place = min(bar.x, timeline.width * 0.6)
        drawing.add(String(place, top - timeline.row * 0.5, legible(bar.label), fontName=FONT, fontSize=8))
    for x, year in timeline.years:
        drawing.add(String(x, 2, str(year), fontName=FONT, fontSize=7, fillColor=GREY))
    return drawing
