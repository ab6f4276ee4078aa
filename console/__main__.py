"""The ``hongling`` command. A service starts without the libraries of all the other commands: 15 MiB and a second less."""

from __future__ import annotations

import sys

from console.collector import relax_collector

__all__ = ["main"]


def main() -> None:
    if sys.argv[1:2] == ["run"]:
        from console.run import app
    else:
        from console.main import app
    relax_collector()
    app()


if __name__ == "__main__":
    main()
