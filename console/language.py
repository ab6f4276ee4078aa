"""Chinese or English, for texts that people read."""

from __future__ import annotations

import locale
import os

__all__ = ["chosen_language"]


def chosen_language(lang: str | None) -> str:
    """zh or en: the option, then HONGLING_LANG, then the locale."""
    found = (
        lang
        or os.environ.get("HONGLING_LANG")
        or os.environ.get("LC_ALL")
        or os.environ.get("LANG")
        or locale.getlocale()[0]
        or ""
    )
    return "zh" if found.lower().startswith("zh") else "en"
