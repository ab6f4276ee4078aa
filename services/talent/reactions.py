"""What another service's event means here: a registry event is heard as it is. What is about nobody is passed by. Pure."""

from __future__ import annotations

from contracts.hearing import erased_by, origin_of, person_of
from contracts.hearing import hear as react

__all__ = ["erased_by", "origin_of", "person_of", "react"]
