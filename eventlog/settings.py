"""Settings from ``HONGLING_*`` variables, read once and passed on. A missing or wrong one is named, with what it is for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

__all__ = ["SettingError", "Variable", "aside_variable", "read_settings", "seed_variable", "whole_number"]


class SettingError(ValueError):
    """A setting is missing or wrong. The text names the variable and the remedy, never the value of a secret.

    zh: the same in Chinese, where there is one; else the English text, whose names are those of the variables.
    """

    def __init__(self, text: str, zh: str | None = None) -> None:
        super().__init__(text)
        self.zh = zh or text


@dataclass(frozen=True, slots=True)
class Variable:
    """One setting. default None: it must be given."""

    name: str
    what: str
    default: str | None = None
    secret: bool = False


def read_settings(variables: tuple[Variable, ...], environment: Mapping[str, str]) -> dict[str, str]:
    """Return each variable's value. Raises SettingError for those that are missing, all of them at once."""
    values: dict[str, str] = {}
    missing = []
    for variable in variables:
        value = environment.get(variable.name, "").strip() or variable.default
        if value is None:
            missing.append(f"{variable.name} ({variable.what})")
        else:
            values[variable.name] = value
    if missing:
        raise SettingError("set " + "; ".join(missing))
    return values


def seed_variable(user: str) -> str:
    """The variable that names the file with a principal's nkey seed; a hyphen is no character of a variable's name."""
    return f"HONGLING_{user.upper().replace('-', '_')}_NATS_SEED_FILE"


def aside_variable(service: str) -> str:
    """The variable that names the file with the key of what a service holds and parks (``eventlog.box``)."""
    return f"HONGLING_{service.upper()}_ASIDE_KEY_FILE"


def whole_number(name: str, text: str, low: int, high: int) -> int:
    """A setting that is a number within bounds."""
    try:
        value = int(text)
    except ValueError:
        raise SettingError(f"{name} must be a whole number") from None
    if not low <= value <= high:
        raise SettingError(f"{name} must be between {low} and {high}")
    return value
