"""Each principal tries each kind of subject on the real server; what is not in the matrix is denied."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from nats.aio.client import Client

from console.deployment import DEFAULT_SOURCES, Deployment, Running
from console.topology import ADMIN, SERVICES, principals, streams
from contracts.intake import FACT_TYPES
from contracts.roles import AUDITOR, DESK, OPERATOR, POLICY_OFFICE
from deploy.permissions import Attempt, attempts, may
from eventlog.topology import Principal, covers
from tests.support import eventually

VIOLATION = re.compile(r'permissions violation for (publish|subscription) to "([^"]+)"', re.IGNORECASE)
LAST = "nobody.may.publish.this"
USERS = principals(DEFAULT_SOURCES)
ATTEMPTS = tuple(attempts(DEFAULT_SOURCES))


async def denied(url: str, user: str, seed_file: Path, tried: tuple[Attempt, ...]) -> set[tuple[str, str]]:
    """(verb, subject) of everything that the server refuses to this user."""
    found: set[tuple[str, str]] = set()

    async def on_error(error: Exception) -> None:
        told = VIOLATION.search(str(error))
        assert told is not None, error
        found.add(("publish" if told[1].lower() == "publish" else "subscribe", told[2].lower()))

    client = Client()
    await client.connect(url, nkeys_seed=str(seed_file), inbox_prefix=f"_INBOX_{user}".encode(), error_cb=on_error)
    try:
        for attempt in tried:
            for subject in attempt.subjects.values():
                if attempt.verb == "publish":
                    await client.publish(subject, b"")
                else:
                    await client.subscribe(subject)
            await client.flush(timeout=10)
        # The server answers in order: when the last refusal is here, all are. The admin is refused nothing.
        await client.publish(LAST, b"")
        await client.flush(timeout=10)
        if user != ADMIN:
            await eventually(lambda: ("publish", LAST) in found, "the last refusal")
    finally:
        await client.close()
    return found - {("publish", LAST)}


@pytest.fixture(scope="module")
def refused(tmp_path_factory: pytest.TempPathFactory) -> dict[str, set[tuple[str, str]]]:
    """user → what the server denied, on a deployment's broker without services. The admin tries last: it may delete."""
    running = Running(Deployment(tmp_path_factory.mktemp("permissions")), services=())

    async def work() -> dict[str, set[tuple[str, str]]]:
        async with running:
            order = sorted((user.name for user in USERS), key=lambda name: name == ADMIN)
            return {name: await denied(running.url, name, running.deployment.seed_file(name), ATTEMPTS) for name in order}

    return asyncio.run(work())


@pytest.mark.parametrize("user", USERS, ids=lambda user: user.name)
def test_the_server_allows_what_the_matrix_says_and_denies_the_rest(
    refused: dict[str, set[tuple[str, str]]], user: Principal
) -> None:
    """Both ways: nothing more, and nothing less."""
    expected = {
        (attempt.verb, subject.lower())
        for attempt in ATTEMPTS
        for subject in attempt.subjects.values()
        if not may(user, attempt.verb, subject)
    }
    assert expected == refused[user.name]


def test_there_is_much_to_deny(refused: dict[str, set[tuple[str, str]]]) -> None:
    """The table is no list of what everybody may: each user but the admin is refused most of it; the admin nothing."""
    tried = sum(len(attempt.subjects) for attempt in ATTEMPTS)
    assert set() == refused.pop(ADMIN)
    assert all(len(found) > tried * 0.8 for found in refused.values())


def intake_rights(user: Principal) -> set[str]:
    """The facts that a user may publish."""
    return {right.rpartition(".")[2] for right in user.publish if right.startswith("intake.")}


PERSONAL_DATA_ACTS = {"duplicate-confirmed", "personal-data-unmasked", "personal-data-exported", "person-erased"}


def test_only_an_operator_or_a_desk_says_who_is_whom_who_is_shown_and_who_is_erased() -> None:
    """No integrating system, and no policy office: these acts have a person who answers for them."""
    for act in PERSONAL_DATA_ACTS:
        assert {user.name for user in USERS if act in intake_rights(user)} == {OPERATOR, DESK}


def test_only_the_policy_office_publishes_a_certification_standard() -> None:
    """Neither a source nor an operator makes the rules by which it reports."""
    allowed = {user.name for user in USERS if "certification-standard-published" in intake_rights(user)}
    assert allowed == {POLICY_OFFICE}


def test_an_auditor_reads_every_stream_and_receipt_and_changes_nothing() -> None:
    """What it may publish are questions: no fact, no event, no receipt, no acknowledgement, no consumer's messages."""
    (auditor,) = (user for user in USERS if user.name == AUDITOR)
    assert {right.split(".")[0] for right in auditor.publish} == {"status", "receipts-of", "$JS"}
    reads = ("$JS.API.STREAM.INFO.", "$JS.API.DIRECT.GET.")
    streams_ = {str(config.name) for config in streams()}
    assert {right for right in auditor.publish if right.startswith("$JS")} == {f"{r}{s}" for r in reads for s in streams_}
    assert [right for right in auditor.publish if right.startswith("receipts-of.")] == [
        f"receipts-of.*.{service}" for service in SERVICES
    ]


CHECKS = {"payment-run-checked", "period-closed"}
SETTLES = {"break-settled"}
PAYS = {"payment-run-prepared", "payment-run-sealed", "payment-run-exported", "payment-run-instructed", "payment-run-cancelled"}
PAYS |= {"payment-results-reported", "break-settled", "recovery-demanded", "recovery-paid"}


def test_who_pays_does_not_check_and_nobody_else_does_either() -> None:
    """经办、复核分离: a cashier, a reviewer, and no source, operator or office beside them."""
    rights = {user.name: intake_rights(user) for user in USERS if user.name != ADMIN}
    assert (rights.pop("cashier"), rights.pop("reviewer")) == (PAYS, CHECKS | SETTLES | {"act-confirmed"})
    assert not [name for name, facts in rights.items() if facts & (PAYS | CHECKS)]


def test_who_proposes_does_not_confirm() -> None:
    """双人办理: documents and acts on personal data are confirmed by a reviewer, whose credential proposes nothing."""
    rights = {user.name: intake_rights(user) for user in USERS if user.name != ADMIN}
    confirms = rights.pop("reviewer")
    assert not [name for name, facts in rights.items() if "act-confirmed" in facts]
    assert not confirms & (PERSONAL_DATA_ACTS | {"policy-published", "certification-standard-published", "act-withdrawn"})


def test_a_source_reports_every_fact_of_the_registry_but_standards_and_acts_on_personal_data() -> None:
    """People, units, inspections, certification, dossiers and appeals; an operator at the desk may report all of them too."""
    registry = {kind.split(".")[1] for kind, (_, services) in FACT_TYPES.items() if "registry" in services}
    not_theirs = PERSONAL_DATA_ACTS | {"certification-standard-published", "parked-retry", "parked-discard"}
    not_theirs |= {"act-confirmed", "act-withdrawn"}
    rights = {user.name: intake_rights(user) for user in USERS}
    for source in DEFAULT_SOURCES:
        assert rights[source] & registry == registry - not_theirs
        assert rights[source] <= rights[OPERATOR]


tokens = st.lists(st.sampled_from(["a", "b", "*"]), min_size=1, max_size=4)


@given(right=tokens, tried=tokens, open_right=st.booleans(), open_tried=st.booleans())
def test_a_right_covers_a_subject_exactly_if_it_covers_all_that_the_subject_stands_for(
    right: list[str], tried: list[str], open_right: bool, open_tried: bool
) -> None:
    """Wildcards in both, against the definition: every plain subject of six tokens at most."""
    pattern, subject = [
        ".".join([*words, ">"] if wide else words) for words, wide in ((right, open_right), (tried, open_tried))
    ]

    def plain(text: str) -> re.Pattern[str]:
        return re.compile(text.replace(".", r"\.").replace("*", "[abc]").replace(r"\.>", r"(\.[abc])+") + "$")

    every = [".".join(words) for length in range(1, 7) for words in _words(length)]
    meant = [s for s in every if plain(subject).match(s)]
    assert covers(pattern, subject) == all(plain(pattern).match(s) for s in meant)


def _words(length: int) -> list[list[str]]:
    return [[]] if length == 0 else [[*rest, token] for rest in _words(length - 1) for token in "abc"]
