"""Read and check the YAML text of a policy. Pure: text in, a document or its problems out, each at its line, column and key.

Three steps: the text becomes plain values that know their places (``_Reader``); those become a ``PolicyDocument``, or problems
of form; a document is checked for sense. An *error* keeps a policy from being published; a *warning* is for its author.

The text is untrusted: its length and depth are bounded before it is parsed, anchors, aliases and tags are refused (there is
nothing that a policy needs them for), keys are never repeated, and amounts are whole fen, never decimals.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from difflib import get_close_matches
from itertools import product
from typing import Any, Literal, NamedTuple, get_args

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails
from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode
from ruamel.yaml.reader import ReaderError
from ruamel.yaml.tokens import (
    AliasToken,
    AnchorToken,
    BlockEndToken,
    BlockMappingStartToken,
    BlockSequenceStartToken,
    DirectiveToken,
    FlowMappingEndToken,
    FlowMappingStartToken,
    FlowSequenceEndToken,
    FlowSequenceStartToken,
    TagToken,
)

from contracts import policy as shapes
from contracts.policy import (
    AllowanceLine,
    AmountRow,
    CategoryRule,
    CertificateRule,
    Dimension,
    PolicyDocument,
    RatingRule,
    Rule,
    Settings,
)
from services.allowance.engine import BASIC, categories_paid, covers, grade_rank, rating_rank

__all__ = ["AmountTableRow", "PolicyError", "PolicyProblem", "check_policy", "policy_rows", "read_policy"]

TEXT_CHARS_MAX = 60_000
DEPTH_MAX = 12
GAPS_SHOWN_MAX = 20
PROBLEMS_MAX = 200
MESSAGE_CHARS_MAX = 300
INTEGER_DIGITS_MAX = 18

UNPRINTABLE = re.compile("[\x00-\x08\x0b-\x1f\x7f\ud800-\udfff]")
"""Control characters and lone surrogates, which an escape such as "\\0" can bring into a text that is stored and published."""

Path = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class PolicyProblem:
    """line, column: from 1. key: the path in the document, such as ``lines[0].amounts[2].rating``. code: for programs."""

    line: int
    column: int
    key: str
    code: str
    problem: str
    remedy: str
    severity: Literal["error", "warning"] = "error"

    def __str__(self) -> str:
        return f"{self.line}:{self.column} {self.severity} {self.code} {self.key}: {self.problem}; {self.remedy}"


class PolicyError(ValueError):
    """The text is not a policy that can be published. problems: all that was found, warnings too, in order of their place."""

    def __init__(self, problems: tuple[PolicyProblem, ...]) -> None:
        super().__init__("\n".join(str(problem) for problem in problems))
        self.problems = problems


def read_policy(text: str) -> PolicyDocument:
    """Return the document. Raises PolicyError if there is any error; warnings alone don't keep it from being read."""
    document, problems = _read(text)
    if document is None or any(problem.severity == "error" for problem in problems):
        raise PolicyError(problems)
    return document


def check_policy(text: str) -> tuple[PolicyProblem, ...]:
    """Return everything that is wrong or doubtful about the text, in order of its place; nothing: it is fine."""
    return _read(text)[1]


def _read(text: str) -> tuple[PolicyDocument | None, tuple[PolicyProblem, ...]]:
    reader = _Reader()
    value = reader.read(text)
    if value is None:
        return None, reader.problems(reader.findings)
    reported = {finding.path for finding in reader.findings}
    try:
        document = PolicyDocument.model_validate(value)
    except ValidationError as refused:
        # A list whose items are all refused looks empty to pydantic, which then says so as well: the items' errors are enough.
        errors = [error for error in refused.errors() if not (error["type"] == "too_short" and error["input"])]
        of_form = [_finding_of_form(error, value) for error in errors[:PROBLEMS_MAX]]
        return None, reader.problems([*reader.findings, *[finding for finding in of_form if finding.path not in reported]])
    of_sense = list(_findings_of_sense(document))
    if reader.findings or any(finding.severity == "error" for finding in of_sense):
        of_sense = [finding for finding in of_sense if finding.code not in CONSEQUENCES]
    return document, reader.problems([*reader.findings, *of_sense])


CONSEQUENCES = frozenset({"gap", "unreachable", "unused"})
"""Warnings that an error elsewhere may bring about, such as a misspelt word; they are told once there is no error."""


# The text, with its places ------------------------------------------------------------------------------------------------


class _Finding(NamedTuple):
    """A problem that doesn't know its place yet. path: the key or value that it is about."""

    path: Path
    code: str
    problem: str
    remedy: str
    severity: Literal["error", "warning"] = "error"
    at_key: bool = False
    place: tuple[int, int] | None = None


TEXT_KEYS = frozenset({"division", "clause", "document", "title", "title_en", "zh", "en", "source", "note", "word", "name"})
"""Keys whose scalars are text even without quotes, so that ``clause: 3.10`` is not read as a number."""

_OPENING = (BlockMappingStartToken, BlockSequenceStartToken, FlowMappingStartToken, FlowSequenceStartToken)
_CLOSING = (BlockEndToken, FlowMappingEndToken, FlowSequenceEndToken)
_REFUSED = {
    AnchorToken: ("anchor", "an anchor (&name)"),
    AliasToken: ("anchor", "an alias (*name)"),
    TagToken: ("tag", "a tag (!name)"),
    DirectiveToken: ("tag", "a directive (%NAME)"),
}


class _Reader:
    """Turns YAML into plain values, remembering where each key and value stands. findings: what was wrong on the way."""

    def __init__(self) -> None:
        self.findings: list[_Finding] = []
        self._keys: dict[Path, tuple[int, int]] = {}
        self._values: dict[Path, tuple[int, int]] = {}

    def read(self, text: str) -> dict[str, Any] | None:
        """Return the plain values; None: the text could not be read at all."""
        if len(text) > TEXT_CHARS_MAX:
            limit = f"at most {TEXT_CHARS_MAX} characters are read"
            self._refuse("too-long", f"the text has {len(text)} characters", limit, (1, 1))
            return None
        try:
            if self._has_refused_parts(text):
                return None
            node = YAML(typ="safe", pure=True).compose(text)
        except MarkedYAMLError as error:
            mark = error.problem_mark
            place = (mark.line + 1, mark.column + 1) if mark else (1, 1)
            self._refuse("yaml", str(error.problem or error.context), "correct the YAML at this place", place)
            return None
        except ReaderError as error:
            before = text[: error.position]
            place = (before.count("\n") + 1, len(before) - before.rfind("\n"))
            self._refuse("yaml", "a character that YAML does not allow", "remove the control character", place)
            return None
        except YAMLError as error:
            self._refuse("yaml", str(error).splitlines()[0], "correct the YAML", (1, 1))
            return None
        except (ValueError, OverflowError):  # ruamel.yaml lets these out for an escape beyond Unicode, such as "\U99999999"
            self._refuse("yaml", "an escape sequence that is no character", "write the character itself", (1, 1))
            return None
        if not isinstance(node, MappingNode):
            self._refuse("yaml", "the text is not a mapping of keys to values", "begin with `document: ...`", (1, 1))
            return None
        self._values[()] = (1, 1)
        return self._mapping(node, ())

    def problems(self, findings: Iterable[_Finding]) -> tuple[PolicyProblem, ...]:
        """In order of their place; if there are too many, errors rather than warnings."""
        found = {
            PolicyProblem(*self._place(f), _clip(_key_text(f.path)), f.code, _clip(f.problem), _clip(f.remedy), f.severity)
            for f in findings
        }
        gravest = sorted(
            found, key=lambda problem: (problem.severity, problem.line, problem.column, problem.key, problem.problem)
        )
        return tuple(sorted(gravest[:PROBLEMS_MAX], key=lambda p: (p.line, p.column, p.key, p.code, p.problem)))

    def _refuse(self, code: str, problem: str, remedy: str, place: tuple[int, int]) -> None:
        self.findings.append(_Finding((), code, problem, remedy, place=place))

    def _has_refused_parts(self, text: str) -> bool:
        """Look through the tokens, lazily, so that neither depth nor expansion can cost more than the text is long."""
        depth = 0
        for token in YAML(typ="safe", pure=True).scan(text):
            place = (token.start_mark.line + 1, token.start_mark.column + 1)
            refused = _REFUSED.get(type(token))
            if refused is not None:
                self._refuse(refused[0], f"{refused[1]} is not read in a policy", "write the value out", place)
            depth += isinstance(token, _OPENING) - isinstance(token, _CLOSING)
            if depth > DEPTH_MAX:
                self._refuse("too-deep", f"values are nested deeper than {DEPTH_MAX}", "a policy is flatter than that", place)
                return True
        return bool(self.findings)

    def _place(self, finding: _Finding) -> tuple[int, int]:
        """The place of the finding's path, or of the closest thing around it that is written in the text."""
        if finding.place is not None:
            return finding.place
        path = finding.path
        while path and path not in self._values:
            path = path[:-1]
        whole = path == finding.path
        return self._keys.get(path, self._values[path]) if finding.at_key or not whole else self._values[path]

    def _plain(self, node: Node, path: Path) -> Any:
        self._values[path] = (node.start_mark.line + 1, node.start_mark.column + 1)
        if isinstance(node, MappingNode):
            return self._mapping(node, path)
        if isinstance(node, SequenceNode):
            return [self._plain(item, (*path, place)) for place, item in enumerate(node.value)]
        assert isinstance(node, ScalarNode)
        return self._scalar(node, path)

    def _mapping(self, node: MappingNode, path: Path) -> dict[str, Any]:
        plain: dict[str, Any] = {}
        for key_node, value_node in node.value:
            place = (key_node.start_mark.line + 1, key_node.start_mark.column + 1)
            if not isinstance(key_node, ScalarNode):
                self.findings.append(_Finding(path, "yaml", "a key is not a word", "write `key: value`", place=place))
                continue
            key = str(key_node.value)
            if key in plain:
                first = self._keys[(*path, key)][0]
                remedy = f"keep one of the two; the first is on line {first}"
                self.findings.append(_Finding((*path, key), "duplicate-key", f"{key} is given twice", remedy, place=place))
                continue
            self._keys[(*path, key)] = place
            plain[key] = self._plain(value_node, (*path, key))
        return plain

    def _scalar(self, node: ScalarNode, path: Path) -> Any:
        text, kind = str(node.value), str(node.tag).rsplit(":", 1)[-1]
        if UNPRINTABLE.search(text):
            self.findings.append(_Finding(path, "yaml", "a control character stands in the text", "remove it"))
            return ""
        if node.style in ("'", '"', "|", ">") or kind in ("str", "timestamp"):
            return text
        if kind == "null":
            return None
        if path and path[-1] in TEXT_KEYS:
            return text
        if kind == "bool":
            return text.lower() == "true"
        if kind == "int" and re.fullmatch(rf"[-+]?[0-9]{{1,{INTEGER_DIGITS_MAX}}}", text):
            return int(text)
        self.findings.append(_finding_of_number(text, path))
        return 0


def _clip(text: str) -> str:
    return text if len(text) <= MESSAGE_CHARS_MAX else text[: MESSAGE_CHARS_MAX - 1] + "…"


def _key_text(path: Path) -> str:
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path)
    return text.removeprefix(".") or "(document)"


def _finding_of_number(text: str, path: Path) -> _Finding:
    if path and path[-1] == "amount_fen":
        return _Finding(path, "float", f"{text} is not a whole number of fen", _fen_remedy(text))
    return _Finding(path, "float", f"{text} is not a plain whole number", "write a whole number in decimal digits")


def _fen_remedy(text: str) -> str:
    """Money is written in whole fen; whoever writes a decimal most likely means yuan."""
    if re.fullmatch(r"[0-9]{1,9}(\.[0-9]{1,2})?", text):
        return f"write {int(Decimal(text) * 100)} if {text} yuan is meant (1 yuan = 100 fen)"
    return "write whole fen without quotes, such as amount_fen: 240000 for 2,400 yuan (1 yuan = 100 fen)"


# Form: what the shapes of contracts.policy refuse ---------------------------------------------------------------------------


def _known_keys() -> frozenset[str]:
    models = [shape for shape in vars(shapes).values() if isinstance(shape, type) and issubclass(shape, BaseModel)]
    return frozenset(key for model in models for key in model.model_fields)


KNOWN_KEYS = _known_keys()


def _finding_of_form(error: ErrorDetails, value: Any) -> _Finding:
    """Say pydantic's error in the words of the language, at the place that the error is about."""
    path, kind, context = _path_in(error["loc"], value), error["type"], error.get("ctx", {})
    key = str(error["loc"][-1]) if error["loc"] else ""
    if kind == "missing":
        return _Finding((*path, key), "missing", f"{key} is missing", f"add `{key}:` here")
    if kind == "extra_forbidden":
        close = get_close_matches(key, sorted(KNOWN_KEYS), 1)
        remedy = f"did you mean {close[0]}?" if close and close[0] != key else "remove it"
        return _Finding(path, "unknown-key", f"{key} is not a key of this part", remedy, at_key=True)
    if kind in ("literal_error", "union_tag_invalid"):
        expected = str(context.get("expected") or context.get("expected_tags"))
        code = "unknown-setting-value" if path[:1] == ("settings",) else "unknown-value"
        given = error["input"].get("rule") if isinstance(error["input"], dict) else error["input"]
        path = (*path, "rule") if kind == "union_tag_invalid" else path
        return _Finding(path, code, f"{given} is not a value of {_last_key(path)}", f"write one of {expected}")
    if kind == "union_tag_not_found":
        return _Finding(path, "missing", "the rule has no name", "add `rule:` with the name of a rule")
    if _last_key(path) == "amount_fen" and kind.startswith(("int_", "float_")):
        return _Finding(path, "float", f"{error['input']} is not a whole number of fen", _fen_remedy(str(error["input"])))
    message = error["msg"].removeprefix("Value error, ").replace("valid tuple", "list")
    return _Finding(
        path, "wrong-value", f"{_last_key(path)}: {message[:1].lower()}{message[1:]}", _remedy_of_form(kind, context)
    )


def _remedy_of_form(kind: str, context: Mapping[str, Any]) -> str:
    if kind == "string_pattern_mismatch":
        return f"write it in the form {context['pattern']}"
    if kind in ("value_error", "date_from_datetime_parsing", "date_parsing"):
        return "write a calendar date as YYYY-MM-DD"
    if kind == "tuple_type":
        return "write a list"
    return "correct the value"


def _path_in(loc: Sequence[str | int], value: Any) -> Path:
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


def _last_key(path: Path) -> str:
    return next((part for part in reversed(path) if isinstance(part, str)), "the document")


# Sense: what a well-formed document may still get wrong ---------------------------------------------------------------------


def _findings_of_sense(document: PolicyDocument) -> Iterator[_Finding]:
    rules: dict[str, Rule] = {rule.rule: rule for rule in document.eligibility}
    yield from _check_period(document)
    yield from _check_names(document)
    yield from _check_rules(document)
    yield from _check_settings(document, rules)
    for place, line in enumerate(document.lines):
        yield from _check_line(document, rules, line, ("lines", place))
        yield from _check_payers_of(document, line, ("lines", place))
    used = {share.payer for line in document.lines for paid_by in line.paid_by for share in paid_by.shares}
    for place, payer in enumerate(document.payers):
        if payer.name not in used:
            problem = f"payer {payer.name} pays no line"
            yield _Finding(("payers", place, "name"), "unused", problem, "remove it or name it in a paid_by", "warning")


def _check_period(document: PolicyDocument) -> Iterator[_Finding]:
    period = document.effective
    if period.last_day is not None and period.last_day < period.first_day:
        problem = f"the period ends on {period.last_day}, before it begins on {period.first_day}"
        yield _Finding(("effective", "last_day"), "reversed", problem, "exchange the two days or correct one")


def _check_names(document: PolicyDocument) -> Iterator[_Finding]:
    """Names and words are unique within their list."""
    vocabulary = document.vocabulary
    yield from _repeated([rating.word for rating in vocabulary.ratings], ("vocabulary", "ratings"), "word")
    yield from _repeated([grade.word for grade in vocabulary.grades], ("vocabulary", "grades"), "word")
    yield from _repeated([category.word for category in vocabulary.categories], ("vocabulary", "categories"), "word")
    yield from _repeated([rule.rule for rule in document.eligibility], ("eligibility",), "rule")
    yield from _repeated([payer.name for payer in document.payers], ("payers",), "name")
    yield from _repeated([line.name for line in document.lines], ("lines",), "name")


def _repeated(names: Sequence[str], path: Path, key: str) -> Iterator[_Finding]:
    for place, name in enumerate(names):
        if name in names[:place]:
            yield _Finding((*path, place, key), "duplicate", f"{name} is listed twice", "keep one of the two")


def _check_rules(document: PolicyDocument) -> Iterator[_Finding]:
    """The words of the rules are in the vocabulary, and the category rule leaves somebody."""
    categories = {category.word for category in document.vocabulary.categories}
    for place, rule in enumerate(document.eligibility):
        if isinstance(rule, CategoryRule):
            for item, category in enumerate(rule.among):
                if category not in categories:
                    yield _unknown_word(("eligibility", place, "among", item), category, "categories", categories)
            if not categories_paid(document, rule):
                problem = "no category is left: the setting deputy_secretary is unpaid"
                yield _Finding(("eligibility", place, "among"), "contradiction", problem, "set deputy_secretary: paid")
            elif "deputy_secretary" in rule.among and document.settings.deputy_secretary == "unpaid":
                problem = "deputy_secretary is listed here, but the setting deputy_secretary is unpaid"
                remedy = "set deputy_secretary: paid, or remove it from this list"
                yield _Finding(("eligibility", place, "among"), "contradiction", problem, remedy)
        elif isinstance(rule, CertificateRule):
            if rule.at_least is not None and grade_rank(document, rule.at_least) is None:
                words = [grade.word for grade in document.vocabulary.grades]
                yield _unknown_word(("eligibility", place, "at_least"), rule.at_least, "grades", words)
        elif isinstance(rule, RatingRule) and rating_rank(document, rule.at_least) is None:
            words = [rating.word for rating in document.vocabulary.ratings]
            yield _unknown_word(("eligibility", place, "at_least"), rule.at_least, "ratings", words)


def _unknown_word(path: Path, word: str, kind: str, known: Iterable[str]) -> _Finding:
    listed = ", ".join(known) or "none so far"
    remedy = f"write one of {listed}, or add it to vocabulary.{kind}"
    return _Finding(path, "unknown-word", f"{word} is not in vocabulary.{kind}", remedy)


RULE_OF_SETTING: Mapping[str, str] = {
    "basic": "rating",
    "promotion": "certificate",
    "leaving": "engaged",
    "failed_inspection": "inspection",
    "deputy_secretary": "category",
    "month_counts_when": "engaged",
    "late_rating": "rating",
}
"""The rule that a setting is about; without it the setting has no effect."""


def _check_settings(document: PolicyDocument, rules: Mapping[str, Rule]) -> Iterator[_Finding]:
    settings = document.settings
    for setting in sorted(settings.model_fields_set & RULE_OF_SETTING.keys()):
        needed = RULE_OF_SETTING[setting]
        if needed not in rules:
            problem = f"the setting {setting} has no effect, since there is no {needed} rule"
            yield _Finding(("settings", setting), "no-effect", problem, f"remove it, or add the rule {needed}", "warning", True)
    yield from _check_number(settings, "basic_percent", "basic", "reduced")
    yield from _check_number(settings, "late_rating_years", "late_rating", "within_years")
    if settings.decided_when == "engaged" and document.effective.last_day is None:
        problem = "decided_when: engaged needs an end of the policy, or years without end would have to be decided"
        yield _Finding(("effective",), "missing", problem, "add `last_day:`", at_key=True)
    yield from _check_basic(document, rules)


def _check_number(settings: Settings, number: str, setting: str, value: str) -> Iterator[_Finding]:
    """A number goes with one value of its setting, and with that value only."""
    given, chosen = getattr(settings, number), getattr(settings, setting)
    if chosen == value and given is None:
        yield _Finding(("settings", setting), "missing", f"{setting}: {value} needs {number}", f"add `{number}:`")
    if chosen != value and given is not None:
        problem = f"{number} has no effect with {setting}: {chosen}"
        yield _Finding(("settings", number), "no-effect", problem, f"remove it, or set {setting}: {value}", "warning", True)


def _check_basic(document: PolicyDocument, rules: Mapping[str, Rule]) -> Iterator[_Finding]:
    """The setting basic agrees with the rating rule: zero and reduced stand below it, listed within it."""
    rule = rules.get("rating")
    lowest = rating_rank(document, rule.at_least) if isinstance(rule, RatingRule) else None
    basic, chosen = rating_rank(document, BASIC), document.settings.basic
    if lowest is None:
        return
    if basic is None:
        if chosen != "zero":
            problem = f"basic: {chosen} needs the word {BASIC} in vocabulary.ratings"
            yield _Finding(("settings", "basic"), "unknown-word", problem, "add the word, or set basic: zero")
        return
    place = document.eligibility.index(rule) if rule else 0
    if chosen == "zero" and basic >= lowest:
        problem = f"the rating rule lets {BASIC} in, but the setting basic is zero"
        remedy = "raise at_least, or set basic: listed and give it a row in the amounts"
        yield _Finding(("eligibility", place, "at_least"), "contradiction", problem, remedy)
    if chosen == "reduced" and basic != lowest - 1:
        problem = f"basic: reduced needs {BASIC} to be the next rating below at_least"
        yield _Finding(("settings", "basic"), "contradiction", problem, "correct at_least or the order of vocabulary.ratings")
    if chosen == "listed" and basic < lowest:
        problem = f"basic: listed needs the rating rule to let {BASIC} in"
        yield _Finding(("settings", "basic"), "contradiction", problem, f"set at_least: {BASIC} in the rating rule")


# Amounts: every row can be reached, and everybody who is eligible finds a row -----------------------------------------------

RULES_OF_DIMENSION: Mapping[Dimension, tuple[str, ...]] = {
    "category": ("category", "engaged", "full_time"),
    "full_time": ("category", "engaged", "full_time"),
    "grade": ("certificate",),
    "rating": ("rating",),
    "division": (),
}
"""An amount may only depend on what a rule looks at: one of these must be listed."""


def _check_line(document: PolicyDocument, rules: Mapping[str, Rule], line: AllowanceLine, path: Path) -> Iterator[_Finding]:
    for place, dimension in enumerate(line.by):
        needed = RULES_OF_DIMENSION[dimension]
        if needed and not any(rule in rules for rule in needed):
            problem = f"amounts by {dimension} need the rule {needed[0]}, so that the dimension is looked at"
            yield _Finding((*path, "by", place), "needs-rule", problem, f"add {{rule: {needed[0]}, ...}} to eligibility")
    yield from _repeated_dimensions(line, path)
    if line.period == "monthly" and not line.prorated:
        problem = "prorated has no effect on a monthly line"
        yield _Finding((*path, "prorated"), "no-effect", problem, "remove it", "warning", True)
    eligible = _eligible_values(document, rules)
    seen: dict[tuple[object, ...], int] = {}
    for place, row in enumerate(line.amounts):
        row_path = (*path, "amounts", place)
        yield from _check_row_keys(line, row, row_path)
        yield from _check_row_words(document, line, row, row_path, eligible)
        combination = tuple(getattr(row, dimension) for dimension in line.by)
        if combination in seen:
            problem = f"the same combination as row {seen[combination] + 1} of this table"
            yield _Finding(row_path, "duplicate", problem, "keep one of the two rows")
        seen.setdefault(combination, place)
    if line.others == "gap":
        yield from _gaps(line, path, eligible)


def _repeated_dimensions(line: AllowanceLine, path: Path) -> Iterator[_Finding]:
    for dimension, count in Counter(line.by).items():
        if count > 1:
            yield _Finding((*path, "by"), "duplicate", f"{dimension} is listed twice", "keep one of the two")


def _check_row_keys(line: AllowanceLine, row: AmountRow, path: Path) -> Iterator[_Finding]:
    for dimension in get_args(Dimension):
        given = getattr(row, dimension) is not None
        if dimension in line.by and not given:
            problem = f"the row does not say {dimension}, which the amounts go by"
            yield _Finding((*path, dimension), "row-keys", problem, f"add {dimension}, or remove it from by")
        if given and dimension not in line.by:
            problem = f"the row says {dimension}, which the amounts don't go by"
            yield _Finding((*path, dimension), "row-keys", problem, f"add {dimension} to by, or remove it here", at_key=True)


def _eligible_values(document: PolicyDocument, rules: Mapping[str, Rule]) -> dict[Dimension, list[object]]:
    """The values of each dimension that somebody eligible can have; divisions cannot be listed and are left out."""
    category, certificate, rating = rules.get("category"), rules.get("certificate"), rules.get("rating")
    words = document.vocabulary
    categories: list[object] = [word.word for word in words.categories]
    if isinstance(category, CategoryRule):
        categories = list(categories_paid(document, category))
    grades: list[object] = [word.word for word in words.grades]
    if isinstance(certificate, CertificateRule) and certificate.at_least in grades:
        grades = grades[grades.index(certificate.at_least) :]
    ratings: list[object] = [word.word for word in words.ratings]
    if isinstance(rating, RatingRule) and rating.at_least in ratings:
        ratings = ratings[: ratings.index(rating.at_least) + 1]
    full_time: list[object] = [True] if "full_time" in rules else [True, False]
    return {"category": categories, "grade": grades, "rating": ratings, "full_time": full_time}


def _check_row_words(
    document: PolicyDocument, line: AllowanceLine, row: AmountRow, path: Path, eligible: Mapping[Dimension, Sequence[object]]
) -> Iterator[_Finding]:
    """Each word is known, and can be that of somebody eligible."""
    words = document.vocabulary
    known: dict[Dimension, tuple[str, list[str]]] = {
        "category": ("categories", [word.word for word in words.categories]),
        "grade": ("grades", [word.word for word in words.grades]),
        "rating": ("ratings", [word.word for word in words.ratings]),
    }
    for dimension in line.by:
        value = getattr(row, dimension)
        if value is None:
            continue
        if dimension in known and value not in known[dimension][1]:
            yield _unknown_word((*path, dimension), value, *known[dimension])
        elif dimension == "division":
            if not (covers(document.division, value) or covers(value, document.division)):
                problem = f"division {value} is outside of the policy's division {document.division}"
                yield _Finding((*path, dimension), "unreachable", problem, "correct or remove the row", "warning")
        elif value not in eligible[dimension]:
            problem = f"{dimension} {_word(value)} is never eligible, so this amount is never paid"
            yield _Finding((*path, dimension), "unreachable", problem, "remove the row, or correct the rule", "warning")


def _gaps(line: AllowanceLine, path: Path, eligible: Mapping[Dimension, Sequence[object]]) -> Iterator[_Finding]:
    """Combinations that are eligible but have no row. Divisions are left out: a row for any of them will do."""
    by = [dimension for dimension in dict.fromkeys(line.by) if dimension != "division"]
    present = {tuple(getattr(row, dimension) for dimension in by) for row in line.amounts}
    missing = [each for each in product(*(eligible[dimension] for dimension in by)) if each not in present]
    remedy = "add a row (0 for nothing), or write `others: nothing` if that is meant"
    for combination in missing[:GAPS_SHOWN_MAX]:
        who = ", ".join(f"{dimension} {_word(value)}" for dimension, value in zip(by, combination, strict=True))
        yield _Finding((*path, "amounts"), "gap", f"{who} is eligible but has no amount", remedy, "warning", True)
    if len(missing) > GAPS_SHOWN_MAX:
        problem = f"{len(missing) - GAPS_SHOWN_MAX} more combinations have no amount"
        yield _Finding((*path, "amounts"), "gap", problem, remedy, "warning", True)


def _word(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


# Payers ---------------------------------------------------------------------------------------------------------------------


def _check_payers_of(document: PolicyDocument, line: AllowanceLine, path: Path) -> Iterator[_Finding]:
    names = [payer.name for payer in document.payers]
    grades = [grade.word for grade in document.vocabulary.grades]
    path = (*path, "paid_by")
    always = None
    for place, paid_by in enumerate(line.paid_by):
        here: Path = (*path, place)
        payers = [share.payer for share in paid_by.shares]
        for item, payer in enumerate(payers):
            if payer not in names:
                remedy = f"write one of {', '.join(names)}, or add it to payers"
                yield _Finding((*here, "shares", item, "payer"), "unknown-payer", f"{payer} is not in payers", remedy)
        yield from _repeated(payers, (*here, "shares"), "payer")
        total = sum(share.percent for share in paid_by.shares)
        if total != 100:
            yield _Finding((*here, "shares"), "shares", f"the shares add up to {total} percent", "make them add up to 100")
        if len(payers) > 1 and paid_by.remainder is None:
            problem = "shares are rounded down to the fen, and nobody is named for what is left over"
            yield _Finding((*here, "remainder"), "missing", problem, "add `remainder:` with one of the payers")
        if paid_by.remainder is not None and paid_by.remainder not in payers:
            problem = f"the remainder goes to {paid_by.remainder}, who has no share"
            yield _Finding((*here, "remainder"), "unknown-payer", problem, f"write one of {', '.join(payers)}")
        if paid_by.grade is not None and paid_by.grade not in grades:
            yield _unknown_word((*here, "grade"), paid_by.grade, "grades", grades)
        if paid_by.grade is not None and not any(isinstance(rule, CertificateRule) for rule in document.eligibility):
            problem = "a payer by grade needs the rule certificate, so that the grade is looked at"
            yield _Finding((*here, "grade"), "needs-rule", problem, "add {rule: certificate, ...} to eligibility")
        if always is not None:
            problem = f"entry {always + 1} of this list always holds, so this one never does"
            yield _Finding(here, "unreachable", problem, "put the entry without a condition last", "warning")
        elif paid_by.grade is None and paid_by.division is None:
            always = place
    if always is None:
        problem = "every entry has a condition, so that somebody may have no payer"
        yield _Finding(path, "no-payer", problem, "add a last entry without grade and division", at_key=True)


# For people -----------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class AmountTableRow:
    """One amount, as a table shows it. combination: the row's words by dimension, in the order of the line's ``by``."""

    line: str
    zh: str
    period: str
    combination: tuple[tuple[str, str], ...]
    amount_fen: int
    paid_by: str
    clause: str
    status: str


def policy_rows(document: PolicyDocument) -> tuple[AmountTableRow, ...]:
    """The amount tables of all lines as rows, in the document's order: what ``hongling policy show`` prints."""
    return tuple(
        AmountTableRow(
            line=line.name,
            zh=line.zh,
            period=line.period,
            combination=tuple((dimension, _word(getattr(row, dimension))) for dimension in line.by),
            amount_fen=row.amount_fen,
            paid_by=_payers_text(line, row),
            clause=line.clause,
            status=line.status,
        )
        for line in document.lines
        for row in line.amounts
    )


def _payers_text(line: AllowanceLine, row: AmountRow) -> str:
    """Who pays this row: the entries that can apply to its grade, each with its condition if it has one."""
    texts = []
    for paid_by in line.paid_by:
        if paid_by.grade is not None and row.grade is not None and paid_by.grade != row.grade:
            continue
        shares = " + ".join(
            share.payer if share.percent == 100 else f"{share.payer} {share.percent} %" for share in paid_by.shares
        )
        by_grade = paid_by.grade is not None and row.grade is None
        conditions = [str(paid_by.grade)] * by_grade + ([paid_by.division] if paid_by.division else [])
        texts.append(f"{', '.join(conditions)}: {shares}" if conditions else shares)
        if not conditions:
            break
    return "; ".join(texts)
