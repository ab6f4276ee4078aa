"""Documents that people write as YAML: read, bounded, and every problem shown at its line, column and key. Pure.

The text becomes plain values that know their places (``Reader``); those become a model, or problems of form
(``finding_of_form``); what a well-formed document may still get wrong is its service's to say, with a ``Finding``. ``Format``
is these steps in one for a kind of document. An *error* keeps a document from being published; a *warning* is for its author.

The text is untrusted: its length, depth and number of values are bounded while it is parsed, anchors, aliases and tags are
refused (there is nothing that a document needs them for), keys are never repeated, and numbers are whole. libyaml does the
parsing, by events, and stops where a bound is passed: no text costs more than its bounds let it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from types import ModuleType
from typing import Any, Generic, Literal, NamedTuple, TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails
from yaml import CSafeLoader
from yaml.error import MarkedYAMLError
from yaml.events import (
    AliasEvent,
    DocumentStartEvent,
    Event,
    MappingEndEvent,
    MappingStartEvent,
    NodeEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
    StreamEndEvent,
)

from contracts.base import DOCUMENT_CHARS_MAX

__all__ = [
    "PROBLEMS_MAX",
    "TEXT_CHARS_MAX",
    "DocumentError",
    "DocumentProblem",
    "Finding",
    "Format",
    "Path",
    "Reader",
    "clip",
    "finding_of_form",
    "finding_of_number",
    "keys_of",
    "last_key",
    "path_in",
    "repeated",
    "unknown_word",
]

TEXT_CHARS_MAX = DOCUMENT_CHARS_MAX
DEPTH_MAX = 12
NODES_MAX = 4_000
"""Keys, values, lists and mappings of one document; the longest of ours has some 700."""
PROBLEMS_MAX = 200
MESSAGE_CHARS_MAX = 300
INTEGER_DIGITS_MAX = 18

UNPRINTABLE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")
"""Control characters and lone surrogates, which an escape such as "\\0" can bring into a text that is stored and published."""

Path = tuple[str | int, ...]
M = TypeVar("M", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class DocumentProblem:
    """line, column: from 1. key: the path in the document, such as ``lines[0].amounts[2].name``. code: for programs."""

    line: int
    column: int
    key: str
    code: str
    problem: str
    remedy: str
    severity: Literal["error", "warning"] = "error"

    def __str__(self) -> str:
        return f"{self.line}:{self.column} {self.severity} {self.code} {self.key}: {self.problem}; {self.remedy}"


class DocumentError(ValueError):
    """The text is not a document that can be published. problems: all that was found, warnings too, in order of their place."""

    def __init__(self, problems: tuple[DocumentProblem, ...]) -> None:
        super().__init__("\n".join(str(problem) for problem in problems))
        self.problems = problems


# The text, with its places ------------------------------------------------------------------------------------------------


class Finding(NamedTuple):
    """A problem that doesn't know its place yet. path: the key or value that it is about."""

    path: Path
    code: str
    problem: str
    remedy: str
    severity: Literal["error", "warning"] = "error"
    at_key: bool = False
    place: tuple[int, int] | None = None


_NOT_YAML = re.compile("[^\t\n\r\x20-\x7e\xa0-\u2027\u202a-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""What YAML 1.2 does not let a text carry (section 5.1, c-printable), and U+0085, U+2028 and U+2029: line breaks to a reader of
YAML 1.1, and none to one of 1.2, so that two readers would see two documents."""
_NULL = frozenset({"", "~", "null", "Null", "NULL"})
_BOOL = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
_WHOLE = re.compile(rf"[-+]?[0-9]{{1,{INTEGER_DIGITS_MAX}}}")
_NUMBER = re.compile(
    r"[-+]?0b[01_]+|[-+]?0o?[0-7_]+|[-+]?0x[0-9a-fA-F_]+|[-+]?[0-9][0-9_]*(\.[0-9_]*)?([eE][-+]?[0-9]+)?"
    r"|[-+]?\.[0-9_]+([eE][-+]?[0-9]+)?|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)"
)
"""What a reader of YAML takes for a number: the core schema of 1.2 (section 10.3.2), and the digits with `_` of 1.1."""
_BESIDE_WORD = (MappingStartEvent, SequenceStartEvent)


class _Events:
    """What libyaml's parser says of a text, one event at a time; its marks count characters from 0."""

    def __init__(self, parser: CSafeLoader) -> None:
        self.next: Callable[[], Any] = parser.get_event


class _Stopped(Exception):
    """The text is not read any further; the finding says why."""


class Reader:
    """Turns YAML into plain values, remembering where each key and value stands. findings: what was wrong on the way.

    kind: what the document is called in problems. text_keys: keys whose scalars are text even without quotes, so that
    ``clause: 3.10`` is not read as a number. of_number: says what is wrong with a number that is not whole.
    """

    def __init__(self, kind: str, text_keys: frozenset[str], of_number: Callable[[str, Path], Finding] | None = None) -> None:
        self.findings: list[Finding] = []
        self._refused = False
        self._nodes = 0
        self._kind = kind
        self._text_keys = text_keys
        self._of_number = of_number or finding_of_number
        self._keys: dict[Path, tuple[int, int]] = {}
        self._values: dict[Path, tuple[int, int]] = {}

    def read(self, text: str) -> dict[str, Any] | None:
        """Return the plain values; None: the text could not be read at all."""
        if len(text) > TEXT_CHARS_MAX:
            limit = f"at most {TEXT_CHARS_MAX} characters are read"
            self._refuse("too-long", f"the text has {len(text)} characters", limit, (1, 1))
            return None
        unreadable = _NOT_YAML.search(text)
        if unreadable is not None:
            before = text[: unreadable.start()]
            place = (before.count("\n") + 1, len(before) - before.rfind("\n"))
            self._refuse("yaml", "a character that YAML does not allow", "remove the control character", place)
            return None
        parser = CSafeLoader(text)
        try:
            value = self._document(_Events(parser))
        except _Stopped:
            return None
        except MarkedYAMLError as error:
            self._refuse("yaml", str(error.problem or error.context), "correct the YAML at this place", _fault(error, text))
            return None
        finally:
            parser.dispose()
        if self._refused:
            return None
        if not isinstance(value, dict):
            self._refuse("yaml", "the text is not a mapping of keys to values", "begin with `document: ...`", (1, 1))
            return None
        return value

    def problems(self, findings: Iterable[Finding]) -> tuple[DocumentProblem, ...]:
        """In order of their place; if there are too many, errors rather than warnings."""
        found = {
            DocumentProblem(*self._place(f), clip(_key_text(f.path)), f.code, clip(f.problem), clip(f.remedy), f.severity)
            for f in findings
        }
        gravest = sorted(
            found, key=lambda problem: (problem.severity, problem.line, problem.column, problem.key, problem.problem)
        )
        return tuple(sorted(gravest[:PROBLEMS_MAX], key=lambda p: (p.line, p.column, p.key, p.code, p.problem)))

    def _refuse(self, code: str, problem: str, remedy: str, place: tuple[int, int]) -> None:
        self.findings.append(Finding((), code, problem, remedy, place=place))

    def _place(self, finding: Finding) -> tuple[int, int]:
        """The place of the finding's path, or of the closest thing around it that is written in the text."""
        if finding.place is not None:
            return finding.place
        path = finding.path
        while path and path not in self._values:
            path = path[:-1]
        whole = path == finding.path
        return self._keys.get(path, self._values[path]) if finding.at_key or not whole else self._values[path]

    # The events of the parser, one at a time, so that a text which is refused costs no more than what was read of it -------

    def _document(self, events: _Events) -> Any:
        events.next()  # The stream's beginning.
        start = events.next()
        if isinstance(start, StreamEndEvent):
            return None
        if isinstance(start, DocumentStartEvent) and (start.version or start.tags):
            self._not_read("tag", "a directive (%NAME)", start)
        value = self._plain(events, events.next(), (), 0)
        self._values[()] = (1, 1)
        events.next()  # The document's end.
        after = events.next()
        if not isinstance(after, StreamEndEvent):
            self._refuse("yaml", "a second document begins here", "write one document", _place(after.start_mark))
            raise _Stopped
        return value

    def _not_read(self, code: str, what: str, event: Event) -> None:
        self._refused = True
        if len(self.findings) < PROBLEMS_MAX:
            self._refuse(code, f"{what} is not read in a {self._kind}", "write the value out", _place(event.start_mark))

    def _look_at(self, event: Event, depth: int) -> None:
        """Raises _Stopped where the text has more than a document can have."""
        self._nodes += 1
        place = _place(event.start_mark)
        if depth > DEPTH_MAX:
            self._refuse(
                "too-deep", f"values are nested deeper than {DEPTH_MAX}", f"a {self._kind} is flatter than that", place
            )
            raise _Stopped
        if self._nodes > NODES_MAX:
            self._refuse("too-many", f"the text has more than {NODES_MAX} keys and values", "write less in one document", place)
            raise _Stopped
        if isinstance(event, AliasEvent):
            self._not_read("anchor", "an alias (*name)", event)
        elif isinstance(event, NodeEvent) and event.anchor is not None:
            self._not_read("anchor", "an anchor (&name)", event)
        if getattr(event, "tag", None) is not None:
            self._not_read("tag", "a tag (!name)", event)

    def _plain(self, events: _Events, event: Event, path: Path, depth: int) -> Any:
        depth += isinstance(event, _BESIDE_WORD)
        self._look_at(event, depth)
        self._values[path] = _place(event.start_mark)
        if isinstance(event, MappingStartEvent):
            return self._mapping(events, path, depth)
        if isinstance(event, SequenceStartEvent):
            items: list[Any] = []
            while not isinstance(inner := events.next(), SequenceEndEvent):
                items.append(self._plain(events, inner, (*path, len(items)), depth))
            return items
        return self._scalar(event, path) if isinstance(event, ScalarEvent) else None

    def _mapping(self, events: _Events, path: Path, depth: int) -> dict[str, Any]:
        plain: dict[str, Any] = {}
        while not isinstance(event := events.next(), MappingEndEvent):
            place = _place(event.start_mark)
            if not isinstance(event, ScalarEvent):
                self._passed_over(events, event, depth)
                self._passed_over(events, events.next(), depth)
                if not isinstance(event, AliasEvent):
                    self.findings.append(Finding(path, "yaml", "a key is not a word", "write `key: value`", place=place))
                continue
            self._look_at(event, depth)
            key = str(event.value)
            if key in plain:
                first = self._keys[(*path, key)][0]
                remedy = f"keep one of the two; the first is on line {first}"
                self.findings.append(Finding((*path, key), "duplicate-key", f"{key} is given twice", remedy, place=place))
                self._passed_over(events, events.next(), depth)
                continue
            self._keys[(*path, key)] = place
            plain[key] = self._plain(events, events.next(), (*path, key), depth)
        return plain

    def _passed_over(self, events: _Events, event: Event, depth: int) -> None:
        """Read a value that nothing is made of; its bounds hold, too."""
        depth += isinstance(event, _BESIDE_WORD)
        self._look_at(event, depth)
        if isinstance(event, _BESIDE_WORD):
            while not isinstance(inner := events.next(), (MappingEndEvent, SequenceEndEvent)):
                self._passed_over(events, inner, depth)

    def _scalar(self, event: ScalarEvent, path: Path) -> Any:
        text = str(event.value)
        if UNPRINTABLE.search(text):
            self.findings.append(Finding(path, "yaml", "a control character stands in the text", "remove it"))
            return ""
        if event.style:
            return text
        if text in _NULL:
            return None
        if path and path[-1] in self._text_keys:
            return text
        if text in _BOOL:
            return _BOOL[text]
        if _WHOLE.fullmatch(text):
            return int(text)
        if _NUMBER.fullmatch(text):
            self.findings.append(self._of_number(text, path))
            return 0
        return text


def _fault(error: MarkedYAMLError, text: str) -> tuple[int, int]:
    """Where the fault is, or where what is not finished began, or the text's end.

    libyaml ends a last line that has no line feed by itself, and then points at a line that is not there.
    """
    lines = text.count("\n") + 1
    for mark in (error.problem_mark, error.context_mark):
        if mark is not None and mark.line < lines:
            return _place(mark)
    return lines, len(text) - text.rfind("\n")


def _place(mark: Any) -> tuple[int, int]:
    return mark.line + 1, mark.column + 1


def clip(text: str) -> str:
    return text if len(text) <= MESSAGE_CHARS_MAX else text[: MESSAGE_CHARS_MAX - 1] + "…"


def _key_text(path: Path) -> str:
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path)
    return text.removeprefix(".") or "(document)"


def finding_of_number(text: str, path: Path) -> Finding:
    return Finding(path, "float", f"{text} is not a plain whole number", "write a whole number in decimal digits")


# Form: what the shapes of a document refuse -------------------------------------------------------------------------------


def keys_of(shapes: ModuleType) -> frozenset[str]:
    """Every key that a document's model of this module has: one that forbids all others; what tolerates them is an event's."""
    models = [shape for shape in vars(shapes).values() if isinstance(shape, type) and issubclass(shape, BaseModel)]
    return frozenset(key for model in models if model.model_config.get("extra") == "forbid" for key in model.model_fields)


def finding_of_form(error: ErrorDetails, value: Any, known_keys: frozenset[str]) -> Finding:
    """Say pydantic's error in the words of the language, at the place that the error is about."""
    path, kind, context = path_in(error["loc"], value), error["type"], error.get("ctx", {})
    key = str(error["loc"][-1]) if error["loc"] else ""
    if kind == "missing":
        return Finding((*path, key), "missing", f"{key} is missing", f"add `{key}:` here")
    if kind == "extra_forbidden":
        close = get_close_matches(key, sorted(known_keys), 1)
        remedy = f"did you mean {close[0]}?" if close and close[0] != key else "remove it"
        return Finding(path, "unknown-key", f"{key} is not a key of this part", remedy, at_key=True)
    if kind in ("literal_error", "union_tag_invalid"):
        expected = str(context.get("expected") or context.get("expected_tags"))
        code = "unknown-setting-value" if path[:1] == ("settings",) else "unknown-value"
        given = error["input"].get("rule") if isinstance(error["input"], dict) else error["input"]
        path = (*path, "rule") if kind == "union_tag_invalid" else path
        return Finding(path, code, f"{given} is not a value of {last_key(path)}", f"write one of {expected}")
    if kind == "union_tag_not_found":
        return Finding(path, "missing", "the rule has no name", "add `rule:` with the name of a rule")
    message = error["msg"].removeprefix("Value error, ").replace("valid tuple", "list")
    return Finding(path, "wrong-value", f"{last_key(path)}: {message[:1].lower()}{message[1:]}", _remedy_of_form(kind, context))


def _remedy_of_form(kind: str, context: Mapping[str, Any]) -> str:
    if kind == "string_pattern_mismatch":
        return f"write it in the form {context['pattern']}"
    if kind in ("value_error", "date_impossible"):
        return "write a calendar date as YYYY-MM-DD"
    if kind == "tuple_type":
        return "write a list"
    return "correct the value"


def path_in(loc: Sequence[str | int], value: Any) -> Path:
    """The part of pydantic's location that is written in the text: it also names union branches, which are not."""
    path: list[str | int] = []
    for part in loc:
        written = (isinstance(value, dict) and part in value) or (
            isinstance(value, list) and isinstance(part, int) and part < len(value)
        )
        if written:
            path.append(part)
            value = value[part]
    return tuple(path)


def last_key(path: Path) -> str:
    return next((part for part in reversed(path) if isinstance(part, str)), "the document")


def repeated(names: Sequence[str], path: Path, key: str | None = None) -> Iterator[Finding]:
    """What stands in a list more than once. key: of each item, under which it has its name; None: it is the name."""
    for place, name in enumerate(names):
        if name in names[:place]:
            at = (*path, place) if key is None else (*path, place, key)
            yield Finding(at, "duplicate", f"{name} is listed twice", "keep one of the two")


def unknown_word(path: Path, word: str, among: str, known: Iterable[str]) -> Finding:
    """A word that the document does not define. among: where it defines its words, such as ``words.colours``."""
    return Finding(path, "unknown-word", f"{word} is not in {among}", f"write one of {', '.join(known)}")


# All of it, for one kind of document --------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Format(Generic[M]):
    """One kind of document. kind, text_keys: as in ``Reader``. model: its shape; shapes: the module with those of its parts.

    of_sense: what a well-formed document may still get wrong. consequences: codes of warnings that an error elsewhere may bring
    about, such as a misspelt word; they are told once there is no error.
    """

    kind: str
    model: type[M]
    shapes: ModuleType
    text_keys: frozenset[str]
    of_sense: Callable[[M], Iterable[Finding]]
    consequences: frozenset[str] = frozenset()

    def read(self, text: str) -> M:
        """Return the document. Raises DocumentError if there is any error; warnings alone don't keep it from being read."""
        document, problems = self._read(text)
        if document is None or any(problem.severity == "error" for problem in problems):
            raise DocumentError(problems)
        return document

    def check(self, text: str) -> tuple[DocumentProblem, ...]:
        """Return everything that is wrong or doubtful about the text, in order of its place; nothing: it is fine."""
        return self._read(text)[1]

    def _read(self, text: str) -> tuple[M | None, tuple[DocumentProblem, ...]]:
        reader = Reader(self.kind, self.text_keys)
        value = reader.read(text)
        if value is None:
            return None, reader.problems(reader.findings)
        reported = {finding.path for finding in reader.findings}
        try:
            document = self.model.model_validate(value)
        except ValidationError as refused:
            # A list whose items are all refused looks empty to pydantic, which then says so as well: the items' errors do.
            errors = [error for error in refused.errors() if not (error["type"] == "too_short" and error["input"])]
            known = keys_of(self.shapes)
            of_form = [finding_of_form(error, value, known) for error in errors[:PROBLEMS_MAX]]
            return None, reader.problems([*reader.findings, *[found for found in of_form if found.path not in reported]])
        of_sense = list(self.of_sense(document))
        if reader.findings or any(finding.severity == "error" for finding in of_sense):
            of_sense = [finding for finding in of_sense if finding.code not in self.consequences]
        return document, reader.problems([*reader.findings, *of_sense])
