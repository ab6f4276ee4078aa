"""A service's database that can be away, refuse a commit, or lose its process around one.

It is a real SQLite file, so a crash loses what was not committed and nothing else. Engines are made once for all runs (making
them costs more than a whole run); what they open is a copy of an empty store, made anew for each run. Nobody pulls the plug of
the machine here, so that nothing is synced to the disk.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from sqlalchemy import event
from sqlalchemy.exc import OperationalError

from eventlog.database import Database, sqlite_module
from tests.simulation.faults import Faults

__all__ = ["Hooks", "Store"]


class Hooks:
    """What the simulation does at a database's edges. crash: raises if the process is to end there. meanwhile: somebody else's
    turn just before a writer takes its lock. Nothing goes wrong while ``calm``."""

    def __init__(self, faults: Faults, crash: Callable[[str], None], meanwhile: Callable[[], None]) -> None:
        self.faults = faults
        self.crash = crash
        self.meanwhile = meanwhile
        self.calm = False


class Store:
    """database: as the product gets it. hooks: None while nothing is simulated."""

    def __init__(self, folder: Path, name: str, create: Callable[[Database], None]) -> None:
        self._path = folder / f"{name}.db"
        self._empty = folder / f"{name}-empty.db"
        self.hooks: Hooks | None = None
        self.database = Database(f"sqlite:///{self._path}")
        for engine in (self.database.write, self.database.read):
            event.listen(engine, "connect", _without_syncing)
        # When a connection is taken out, nothing is locked yet.
        event.listen(self.database.write, "checkout", self._before_writing)
        event.listen(self.database.read, "checkout", self._before_reading)
        self._commit = self.database.write.dialect.do_commit
        setattr(self.database.write.dialect, "do_commit", self._do_commit)  # noqa: B010 - a method is put in place of another
        create(self.database)
        self.database.close()
        shutil.copyfile(self._path, self._empty)

    def clear(self, hooks: Hooks | None) -> None:
        """An empty store, as it was provisioned."""
        self.database.close()
        for path in self._path.parent.glob(f"{self._path.name}-*"):
            path.unlink()
        shutil.copyfile(self._empty, self._path)
        self.hooks = hooks

    def reopen(self) -> None:
        """What a process that starts again does: no connection of the one before is used."""
        self.database.close()

    def _before_reading(self, *_: Any) -> None:
        if self.hooks is not None and not self.hooks.calm and self.hooks.faults.happens("database away"):
            raise OperationalError("BEGIN", {}, Exception("the database is away"))

    def _before_writing(self, *_: Any) -> None:
        self._before_reading()
        if self.hooks is not None and not self.hooks.calm:
            self.hooks.calm = True
            try:
                self.hooks.meanwhile()
            finally:
                self.hooks.calm = False

    def _do_commit(self, connection: Any) -> None:
        hooks = self.hooks
        if hooks is None or hooks.calm:
            return self._commit(connection)
        hooks.crash("crash before a commit")
        if hooks.faults.happens("commit failed"):
            raise sqlite_module().OperationalError("disk I/O error")
        self._commit(connection)
        hooks.crash("crash after a commit")
        if hooks.faults.happens("commit done and reported as failed"):
            raise sqlite_module().OperationalError("disk I/O error")


def _without_syncing(connection: Any, _record: Any) -> None:
    connection.execute("PRAGMA synchronous=OFF")
