"""Keys are changed while the services run, by the commands, over the real broker: nobody is lost, and nobody is found twice."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from console.client import IntakeClient
from console.main import app
from console.sealing import load_public_key
from tests.support import run
from tests.system.conftest import Office, start
from tests.system.test_canaries import number_of, registration

PEOPLE = 30


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    yield from start(tmp_path_factory.mktemp("keys"))


def test_the_index_key_is_changed_while_the_registry_runs(office: Office) -> None:
    """Found before and after by key and by sealed number; whoever is registered again is the same person; twice over."""
    registered = office.publish(*(registration(office, n) for n in range(PEOPLE)))
    refs = sorted(str(receipt.person_ref) for receipt in registered.values())
    for version in (2, 3):
        made = office.asked("keys", "index", "--new")
        assert (made["index_version"], made["entries"]) == (version, 4 * PEOPLE)
        again = office.publish(*(registration(office, n) for n in range(PEOPLE)))
        assert sorted(str(receipt.person_ref) for receipt in again.values()) == refs
        by_number = {
            "person": {"identity": office.sealed(resident_id=number_of(3))},
            "year": 2018 + version,
            "outcome": "passed",
        }
        (rated,) = office.publish(office.fact("hr", "inspection-concluded", by_number)).values()
        assert rated.person_ref == office.asked("history", "hr:canary-3")["person_ref"]
    assert office.asked("keys", "index") == {"index_version": 3, "entries": 0}
    assert office.asked("verify", "registry")["agrees"]


def test_the_seal_key_is_changed_while_the_registry_runs_and_sources_take_it(office: Office) -> None:
    """The old one is refused after its time; the new one is told by the registry to whoever asks for receipts."""
    keys = office.deployment.keys
    old = registration(office, PEOPLE)
    before = load_public_key(office.deployment.public_key)
    office.publish(registration(office, PEOPLE + 1))
    made = office.runner.invoke(app, ["keys", "seal", str(keys), "--new", "--grace-days", "0"])
    assert made.exit_code == 0, made.output
    after = load_public_key(office.deployment.public_key)
    assert after.kid != before.kid
    (accepted,) = office.publish(registration(office, PEOPLE + 2)).values()
    (refused,) = office.publish(old).values()
    assert (accepted.outcome, refused.outcome) == ("accepted", "refused")
    assert [problem.code for problem in refused.problems] == ["seal-retired"]

    async def told() -> dict[str, str] | None:
        async with IntakeClient(office.running.url, "hr", office.seed_file("hr")) as client:
            return await client.seal_key()

    found = run(told())
    assert found is not None
    assert found["kid"] == after.kid
    assert "d" not in found
