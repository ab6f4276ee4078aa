"""A policy document: dated configuration that says who is paid which allowance, how much, and by whom.

It is written as YAML (``services.allowance.policy`` reads it) and stored inside events, so its JSON has ASCII keys and
integers only, and round trips. Everything here is declarative: a policy names rules, amounts and settings, never code. What
the settings mean in words stands in ``services.allowance.settings_text``; what they do, in ``services.allowance.engine``.

The shape says what a well-formed policy is; ``services.allowance.policy.check_policy`` says whether it makes sense.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BeforeValidator, ConfigDict, Field, StringConstraints

from contracts.base import BusinessDay, Category, Clause, DivisionCode, EntryChannel, Grade, Heading, Note, Rating, Told
from contracts.certification import Level

__all__ = [
    "AllowanceLine",
    "AmountRow",
    "Cap",
    "CategoryRule",
    "CategoryWord",
    "CertificateRule",
    "Dimension",
    "EngagedRule",
    "EntryChannelRule",
    "Floor",
    "FullTimeRule",
    "GradeWord",
    "InspectionRule",
    "Instrument",
    "Month",
    "NotCivilServantRule",
    "PaidBy",
    "Payer",
    "PayerName",
    "Period",
    "PolicyDocument",
    "RatingRule",
    "RatingWord",
    "Rounding",
    "Rule",
    "Settings",
    "Share",
    "Status",
    "ValidIn",
    "Vocabulary",
    "Within",
    "WithoutAllowanceRule",
]

AMOUNT_FEN_MAX = 1_000_000_000
"""Ten million yuan: above any allowance of one person for one year, so that a slip of the keyboard is caught."""
ROWS_MAX = 500
LINES_MAX = 20
PAYERS_MAX = 20
WORDS_MAX = 20
RULES_MAX = 20
FLOORS_MAX = 10
CHANNELS_MAX = 3
LATE_YEARS_MAX = 10
EXCELLENT_PERCENT_MAX = 300


AmountFen = Annotated[int, Field(strict=True, ge=0, le=AMOUNT_FEN_MAX)]
Percent = Annotated[int, Field(strict=True, ge=1, le=100)]
Name = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_-]{0,31}$")]
PayerName = Name
Status = Literal["public-fact", "example"]
"""Whether something is a published fact or an example made up to show the shape. The default is always the humbler one."""
Dimension = Literal["category", "grade", "rating", "full_time", "division"]
Instrument = Literal["allowance", "work_expense", "part_time"]
"""红领津贴、工作经费、兼职津贴. Each is decided by itself: a worker has one decision a year for each that a policy gives.

work_expense is an authorisation to spend (for instructors): its amount is owed to nobody, and the ledger does not post it.
"""
Month = Annotated[str, StringConstraints(pattern=r"^(19|20|21)[0-9]{2}-(0[1-9]|1[0-2])$")]
"""A calendar month, YYYY-MM."""
Within = Literal["county", "city", "province", "anywhere"]
"""How far a certificate holds: in the division of its issuer at this level."""


class _Part(Told):
    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)


class Period(_Part):
    """Both days belong to it. last_day None: until a later policy supersedes this one."""

    first_day: BusinessDay
    last_day: BusinessDay | None = None


# Vocabulary -----------------------------------------------------------------------------------------------------------


class RatingWord(_Part):
    word: Rating
    zh: Heading
    en: Heading | None = None
    status: Status = "example"


class GradeWord(_Part):
    word: Grade
    zh: Heading
    en: Heading | None = None
    status: Status = "example"


class CategoryWord(_Part):
    word: Category
    zh: Heading
    en: Heading | None = None
    status: Status = "example"


class Vocabulary(_Part):
    """The words that facts may use. ratings: highest first; grades: lowest first; both orders carry meaning."""

    ratings: Annotated[tuple[RatingWord, ...], Field(max_length=WORDS_MAX)] = ()
    grades: Annotated[tuple[GradeWord, ...], Field(max_length=WORDS_MAX)] = ()
    categories: Annotated[tuple[CategoryWord, ...], Field(max_length=WORDS_MAX)] = ()


# Eligibility: every rule that is listed must be met ---------------------------------------------------------------------


class CategoryRule(_Part):
    rule: Literal["category"]
    among: Annotated[tuple[Category, ...], Field(min_length=1, max_length=WORDS_MAX)]
    clause: Clause


class EngagedRule(_Part):
    """Engaged in the year. Without this rule the year's twelve months all count, engaged or not."""

    rule: Literal["engaged"]
    clause: Clause


class FullTimeRule(_Part):
    rule: Literal["full_time"]
    clause: Clause


class NotCivilServantRule(_Part):
    rule: Literal["not_civil_servant"]
    clause: Clause


class EntryChannelRule(_Part):
    """专门渠道: the post was entered by one of these channels; a post of which no channel is known does not fit."""

    rule: Literal["entry_channel"]
    among: Annotated[tuple[EntryChannel, ...], Field(min_length=1, max_length=CHANNELS_MAX)]
    clause: Clause


class ValidIn(_Part):
    """How far a certificate holds. grade: for which (the first that fits counts); None: for every other."""

    grade: Grade | None = None
    within: Within


class CertificateRule(_Part):
    """A certificate is held and has not expired. at_least: the lowest grade that counts; None: any grade of the vocabulary.

    valid_in: only with ``settings.territory: required``; without it the scheme's: special in the province, others in the city.
    """

    rule: Literal["certificate"]
    at_least: Grade | None = None
    valid_in: Annotated[tuple[ValidIn, ...], Field(max_length=WORDS_MAX)] = ()
    clause: Clause


class InspectionRule(_Part):
    """The year's annual inspection is passed; ``settings.failed_inspection`` says what a failure takes away."""

    rule: Literal["inspection"]
    clause: Clause


class RatingRule(_Part):
    rule: Literal["rating"]
    at_least: Rating
    clause: Clause


class WithoutAllowanceRule(_Part):
    """Of a policy for another instrument: not beside the red-collar allowance of the same person.

    within: ``month``: months that the allowance pays do not count here; ``year``: nothing in a year in which it pays anything.
    """

    rule: Literal["without_allowance"]
    within: Literal["month", "year"] = "month"
    clause: Clause


Rule = Annotated[
    CategoryRule
    | EngagedRule
    | FullTimeRule
    | EntryChannelRule
    | NotCivilServantRule
    | CertificateRule
    | InspectionRule
    | RatingRule
    | WithoutAllowanceRule,
    Field(discriminator="rule"),
]


# Amounts and payers -----------------------------------------------------------------------------------------------------


class AmountRow(_Part):
    """The amount of one combination: it names exactly the dimensions of its line's ``by``.

    amount_fen: for a year or for a month, as the line's period says. division: also covers the divisions below it.
    first_month, last_month: the amount holds in these months and between them; None: from the beginning, without end.
    """

    category: Category | None = None
    grade: Grade | None = None
    rating: Rating | None = None
    full_time: Annotated[bool, Field(strict=True)] | None = None
    division: DivisionCode | None = None
    first_month: Month | None = None
    last_month: Month | None = None
    amount_fen: AmountFen


def _is_none(value: object) -> bool:
    return value is None


class Payer(_Part):
    """Who pays: a budget of the county, the city or the province in which somebody is decided on, as ``level`` says.

    level None: ``county``, ``city`` and ``province`` say it by their names; any other is a budget of the division itself
    (``contracts.divisions.purse_of``).
    """

    name: PayerName
    zh: Heading
    en: Heading | None = None
    level: Level | None = Field(default=None, exclude_if=_is_none)


class Share(_Part):
    payer: PayerName
    percent: Percent


class PaidBy(_Part):
    """Who pays. grade, division, first_month, last_month: the condition under which this holds (the first that fits counts);
    none: always.

    shares: add up to 100. remainder: the payer of the fen that rounding leaves over; may be left out for a single payer.
    """

    grade: Grade | None = None
    division: DivisionCode | None = None
    first_month: Month | None = None
    last_month: Month | None = None
    shares: Annotated[tuple[Share, ...], Field(min_length=1, max_length=PAYERS_MAX)]
    remainder: PayerName | None = None


def _single_payer(value: object) -> object:
    """``paid_by: county`` is short for one payer who pays all of it, always."""
    return [{"shares": [{"payer": value, "percent": 100}]}] if isinstance(value, str) else value


Payment = Annotated[tuple[PaidBy, ...], Field(min_length=1, max_length=ROWS_MAX)]


class AllowanceLine(_Part):
    """One allowance. by: the dimensions that its amount depends on.

    others: what a combination without a row means: ``gap``, an omission to warn of, or ``nothing``, not paid on purpose.
    prorated: an annual amount is paid in twelfths, by the months that count; false: in full, whatever the months.
    taxable: carried to the payments; None: the document does not say. status: of the amounts.
    """

    name: Name
    zh: Heading
    en: Heading | None = None
    clause: Clause
    period: Literal["annual", "monthly"]
    prorated: Annotated[bool, Field(strict=True)] = True
    by: Annotated[tuple[Dimension, ...], Field(max_length=5)] = ()
    amounts: Annotated[tuple[AmountRow, ...], Field(min_length=1, max_length=ROWS_MAX)]
    others: Literal["gap", "nothing"] = "gap"
    paid_by: Annotated[Payment, BeforeValidator(_single_payer, json_schema_input_type=Payment | PayerName)]
    taxable: Annotated[bool, Field(strict=True)] | None = None
    status: Status = "example"


class Cap(_Part):
    """The most that one worker gets for one year. What exceeds it is taken from the last line first."""

    amount_fen: AmountFen
    clause: Clause


class Floor(_Part):
    """Another scale that the lines should not fall below; if they do for somebody, the decision carries a warning.

    zh, en: what the scale is called. period, by, amounts: as those of a line. lines: which are compared; none named: all.
    """

    name: Name
    zh: Heading
    en: Heading | None = None
    clause: Clause
    period: Literal["annual", "monthly"]
    by: Annotated[tuple[Dimension, ...], Field(max_length=5)] = ()
    amounts: Annotated[tuple[AmountRow, ...], Field(min_length=1, max_length=ROWS_MAX)]
    lines: Annotated[tuple[Name, ...], Field(max_length=LINES_MAX)] = ()
    status: Status = "example"


class Rounding(_Part):
    """How each line is rounded, once, at its end: 1 jiao = 10 fen, 1 yuan = 100 fen."""

    to: Literal["fen", "jiao", "yuan"] = "fen"
    how: Literal["half_up", "down", "up"] = "half_up"


class Settings(_Part):
    """The questions that a county must answer; the defaults are the answers that hold when it doesn't.

    ``services.allowance.settings_text`` says what each value means. basic_percent: only with ``basic: reduced``.
    excellent_percent: only with ``excellent: raised``. late_rating_years: only with ``late_rating: within_years``.
    """

    basic: Literal["zero", "reduced", "listed"] = "zero"
    basic_percent: Annotated[int, Field(strict=True, ge=1, le=99)] | None = None
    excellent: Literal["listed", "raised"] = "listed"
    excellent_percent: Annotated[int, Field(strict=True, ge=101, le=EXCELLENT_PERCENT_MAX)] | None = None
    promotion: Literal["by_month", "grade_at_year_end", "grade_at_rating"] = "by_month"
    leaving: Literal["by_month", "from_that_month", "from_next_month", "nothing", "whole_year"] = "by_month"
    failed_inspection: Literal["whole_year", "from_next_month", "from_that_month", "from_next_year"] = "whole_year"
    deputy_secretary: Literal["paid", "unpaid"] = "unpaid"
    two_posts: Literal["higher", "earlier", "later"] = "higher"
    moved: Literal["year_end", "year_start", "at_rating", "by_month"] = "year_end"
    decided_when: Literal["rated", "engaged"] = "rated"
    month_counts_when: Literal["any_day", "whole_month", "first_day"] = "any_day"
    part_year: Literal["whole_year", "own_months"] = "whole_year"
    late_rating: Literal["always", "within_years"] = "always"
    late_rating_years: Annotated[int, Field(strict=True, ge=0, le=LATE_YEARS_MAX)] | None = None
    territory: Literal["ignored", "required"] = "ignored"
    overpayment: Literal["net", "recover"] = "net"


class PolicyDocument(_Part):
    """One policy. document: its official number, or an own name where none is known (``note`` then says so).

    revision: raised when the same document is published again with corrections. division: it holds there and below.
    instrument: what it gives; policies of different instruments stand beside each other, each with decisions of its own.
    source: where it was read. status: of the document as a whole; lines and words carry their own.
    """

    document: Heading
    revision: Annotated[int, Field(strict=True, ge=1, le=1000)] = 1
    title: Heading
    title_en: Heading | None = None
    division: DivisionCode
    instrument: Instrument = "allowance"
    issued_on: BusinessDay
    effective: Period
    status: Status = "example"
    source: Note
    note: Note | None = None
    vocabulary: Vocabulary
    eligibility: Annotated[tuple[Rule, ...], Field(min_length=1, max_length=RULES_MAX)]
    payers: Annotated[tuple[Payer, ...], Field(min_length=1, max_length=PAYERS_MAX)]
    lines: Annotated[tuple[AllowanceLine, ...], Field(min_length=1, max_length=LINES_MAX)]
    cap: Cap | None = None
    floors: Annotated[tuple[Floor, ...], Field(max_length=FLOORS_MAX)] = ()
    rounding: Rounding = Rounding()
    settings: Settings = Settings()
