"""A missing or wrong setting is named, with what it is for, and a secret is never repeated."""

from __future__ import annotations

from typing import Any

import pytest

from eventlog.settings import SettingError, Variable, read_settings, whole_number
from services.allowance import settings as allowance
from services.registry import settings as registry
from services.talent import settings as talent

VARIABLES = (
    Variable("HONGLING_URL", "the broker"),
    Variable("HONGLING_PASSWORD", "the broker's password", secret=True),
    Variable("HONGLING_LEVEL", "how much is logged", "INFO"),
)


def test_all_that_is_missing_is_named_at_once() -> None:
    """Not one after the other; blank counts as missing."""
    with pytest.raises(SettingError) as caught:
        read_settings(VARIABLES, {"HONGLING_URL": "  "})
    assert str(caught.value) == "set HONGLING_URL (the broker); HONGLING_PASSWORD (the broker's password)"


def test_given_values_count_before_defaults() -> None:
    """Stripped of blanks; what is not asked for is not read."""
    given = {"HONGLING_URL": " u ", "HONGLING_PASSWORD": "p", "HOME": "/root"}
    assert read_settings(VARIABLES, given) == {"HONGLING_URL": "u", "HONGLING_PASSWORD": "p", "HONGLING_LEVEL": "INFO"}
    assert read_settings(VARIABLES, given | {"HONGLING_LEVEL": "DEBUG"})["HONGLING_LEVEL"] == "DEBUG"


@pytest.mark.parametrize(
    ("text", "problem"),
    [("ten", "X must be a whole number"), ("0", "X must be between 1 and 9"), ("10", "X must be between 1 and 9")],
)
def test_a_number_out_of_bounds_is_named_with_its_bounds(text: str, problem: str) -> None:
    """The text says the variable and what it may be."""
    with pytest.raises(SettingError) as caught:
        whole_number("X", text, 1, 9)
    assert str(caught.value) == problem
    assert [whole_number("X", good, 1, 9) for good in ("1", "9")] == [1, 9]


REGISTRY = {
    "HONGLING_NATS_URL": "nats://127.0.0.1:4222",
    "HONGLING_REGISTRY_NATS_SEED_FILE": "/principals/nats.nk",
    "HONGLING_REGISTRY_DATABASE_URL": "postgresql://u:s3cret@h/d?sslmode=verify-full",
    "HONGLING_REGISTRY_KEYS": "/keys",
    "HONGLING_REGISTRY_ASIDE_KEY_FILE": "/aside/aside.key",
}
ALLOWANCE = {
    "HONGLING_NATS_URL": "nats://127.0.0.1:4222",
    "HONGLING_ALLOWANCE_NATS_SEED_FILE": "/principals/nats.nk",
    "HONGLING_ALLOWANCE_DATABASE_URL": "postgresql://u:s3cret@h/d?sslmode=verify-full",
    "HONGLING_ALLOWANCE_ASIDE_KEY_FILE": "/aside/aside.key",
}


@pytest.mark.parametrize("service", [registry, allowance])
def test_a_service_starts_with_no_setting_that_would_send_its_data_in_plain(service: Any) -> None:
    """Its database's URL is looked at with the settings; so is the broker's, when the application is made."""
    given = REGISTRY if service is registry else ALLOWANCE
    name = next(each for each in given if each.endswith("_DATABASE_URL"))
    with pytest.raises(SettingError, match=f"{name} would go to h unencrypted"):
        service.settings_from(given | {name: "postgresql://u:s3cret@h/d"})
    assert service.settings_from(
        given | {name: "postgresql://u:s3cret@h/d", "HONGLING_PLAIN_ALLOWED": "yes"}
    ).transport.plain_allowed


def test_secrets_do_not_show_when_settings_are_printed() -> None:
    """Neither the password nor the database URL that carries one."""
    shown = repr(registry.settings_from(REGISTRY)) + repr(allowance.settings_from(ALLOWANCE))
    assert "s3cret" not in shown


@pytest.mark.parametrize("missing", sorted(REGISTRY))
def test_the_registry_names_what_it_misses(missing: str) -> None:
    """Each required variable by itself."""
    with pytest.raises(SettingError, match=missing):
        registry.settings_from({name: value for name, value in REGISTRY.items() if name != missing})


@pytest.mark.parametrize("missing", sorted(ALLOWANCE))
def test_the_allowance_service_names_what_it_misses(missing: str) -> None:
    """Each required variable by itself."""
    with pytest.raises(SettingError, match=missing):
        allowance.settings_from({name: value for name, value in ALLOWANCE.items() if name != missing})


def test_the_registrys_rules_and_bounds_are_read() -> None:
    """Correctors as a list, issuers as JSON; defaults are the scheme's."""
    read = registry.settings_from(
        REGISTRY
        | {"HONGLING_REGISTRY_CORRECTORS": "hr, audit", "HONGLING_REGISTRY_ISSUERS": '{"senior": ["province", "city"]}'}
    )
    assert read.correctors == {"hr", "audit"}
    assert read.rules.issuers == {"senior": ("province", "city")}
    default = registry.settings_from(REGISTRY)
    assert (default.correctors, default.hold_seconds) == (frozenset(), 7 * 24 * 3600)
    assert default.rules.issuers["junior"] == ("county",)


def test_who_may_close_another_s_problem_is_read_as_a_list() -> None:
    """Nobody beside the operators, where nothing is said."""
    given = {
        "HONGLING_NATS_URL": "nats://127.0.0.1",
        "HONGLING_TALENT_NATS_SEED_FILE": "p",
        "HONGLING_TALENT_DATABASE_URL": "sqlite:///t",
        "HONGLING_TALENT_ASIDE_KEY_FILE": "k",
    }
    assert talent.settings_from(given).closers == frozenset()
    assert talent.settings_from(given | {"HONGLING_TALENT_CLOSERS": "hr, audit"}).closers == {"hr", "audit"}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("HONGLING_REGISTRY_ISSUERS", "{not json"),
        ("HONGLING_REGISTRY_ISSUERS", "[1]"),
        ("HONGLING_REGISTRY_ISSUERS", '{"senior": 1}'),
        ("HONGLING_REGISTRY_HOLD_SECONDS", "0"),
        ("HONGLING_REGISTRY_HOLD_SECONDS", "soon"),
    ],
)
def test_a_wrong_value_is_named(name: str, value: str) -> None:
    """By its variable, before anything starts."""
    with pytest.raises(SettingError, match=name):
        registry.settings_from(REGISTRY | {name: value})
