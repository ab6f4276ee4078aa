"""What another service's event means here: a registry event is heard as it is. What is about nobody is passed by. Pure."""

from __future__ import annotations

from contracts.hearing import hear as react
from contracts.hearing import origin_of, person_of

__all__ = ["origin_of", "person_of", "react"]
