"""Keys are changed while the services run, by the commands, over the real broker: nobody is lost, and nobody is found twice."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

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
