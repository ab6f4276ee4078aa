"""The ``hongling`` command. A service starts without the libraries of all the other commands: 15 MiB and a second less."""

from __future__ import annotations

import io
import sys

from console.collector import relax_collector

__all__ = ["main"]


def main() -> None:
    _write_any_text()
    if sys.argv[1:2] == ["run"]:
        from console.run import app
    else:
        from console.main import app
    relax_collector()
    app()


def _write_any_text() -> None:
    """A pipe or a file gets UTF-8, whatever the locale is, so that no text stops an export; a terminal has its own encoding.

    Half a character, as in a file name that is no text, is written as JSON escapes it.
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(encoding=None if stream.isatty() else "utf-8", errors="backslashreplace")


if __name__ == "__main__":
    main()
