"""A new index key while the registry runs: in slices, to be broken off and gone on with at any place, and nobody found twice.

An index value under a further key is the HMAC, under it, of the value under the keys before (``vault``). So an entry is made
anew from itself: nothing is decrypted, and a source's key that stands in no event is found all the same. The old keys stay:
whoever has not got all of them can neither find anybody nor guess.

First every entry gets its twin under the new key, while new ones are written under both and all is looked up under the old
one. Then, in one append's time, look-ups go over to the new key; then the old entries go. Where this stands is in the database,
read with every batch, and asked again under the log's lock (``stands``): what was decided before a step is decided again.
"""

from __future__ import annotations

from dataclasses import replace

from sqlalchemy import ColumnElement, Connection, delete, func, insert, select, update

from eventlog import schema
from eventlog.bulk import bulk_insert, one_of
from eventlog.database import Database
from services.registry.vault import IndexState, Vault, index_state, person_index, read_index_state, version_of_kind

__all__ = ["PERSON_NEED", "advance", "begin"]

PAGE_ENTRIES = 500
"""Entries of one transaction: nobody waits longer for the lock than that takes."""
PERSON_NEED = "person:"
"""What a message needs that waits for somebody to be registered: with the index value, or a person_ref."""
VALUE_CHARS = 64


def begin(vault: Vault, database: Database, version: int) -> None:
    """Have every entry made under this key too, from now on. Raises ValueError while an earlier change is under way."""
    with database.write.begin() as connection:
        state = _locked(connection)
        if state.under_way:
            raise ValueError(f"the change to index key {state.next or state.current} is not done yet; go on with that first")
        if version != state.current + 1:
            raise ValueError(f"index key {state.current + 1} follows key {state.current}, not {version}")
        _save(connection, vault, replace(state, next=version, after=""))


def advance(vault: Vault, database: Database) -> int | None:
    """The next slice. Returns how many entries were made or taken away; None when there is nothing left to do."""
    with database.write.begin() as connection:
        state = _locked(connection)
        if not state.under_way:
            return None
        return _add(connection, vault, state) if state.next is not None else _remove(connection, vault, state)


def _add(connection: Connection, vault: Vault, state: IndexState) -> int:
    vault.use(state)
    value = person_index.c.value
    of_current = _of_version(connection, state.current)
    query = select(person_index).where(value > state.after, of_current).order_by(value).limit(PAGE_ENTRIES)
    rows = connection.execute(query).all()
    if not rows:
        _switch(connection, vault, state)
        return 0
    twins = {}
    for row in rows:
        twins.update({each["value"]: each for each in vault.entries(row.value, row.kind, row.person_ref)[1:]})
    there = set(connection.scalars(select(value).where(one_of(connection, value, list(twins)))))
    bulk_insert(connection, person_index, [row for twin, row in twins.items() if twin not in there])
    _save(connection, vault, replace(state, after=rows[-1].value))
    return len(rows)


def _switch(connection: Connection, vault: Vault, state: IndexState) -> None:
    """Every entry has its twin: look them up, and let what waits for somebody wait for them under the new key."""
    assert state.next is not None
    need = schema.held.c.need
    for row in connection.execute(select(schema.held.c.hold_id, need).where(need.startswith(PERSON_NEED))).all():
        what = row.need.removeprefix(PERSON_NEED)
        if len(what) == VALUE_CHARS:
            anew = PERSON_NEED + vault.under(what, state.next)
            connection.execute(update(schema.held).where(schema.held.c.hold_id == row.hold_id).values(need=anew))
    _save(connection, vault, IndexState(state.next, previous=state.current))


def _remove(connection: Connection, vault: Vault, state: IndexState) -> int:
    assert state.previous is not None
    value = person_index.c.value
    old = connection.scalars(select(value).where(_of_version(connection, state.previous)).limit(PAGE_ENTRIES)).all()
    if not old:
        _save(connection, vault, IndexState(state.current))
        return 0
    connection.execute(delete(person_index).where(one_of(connection, value, old)))
    return len(old)


def _of_version(connection: Connection, version: int) -> ColumnElement[bool]:
    kinds = [kind for kind in connection.scalars(select(person_index.c.kind).distinct()) if version_of_kind(kind) == version]
    return one_of(connection, person_index.c.kind, kinds)


def _locked(connection: Connection) -> IndexState:
    """The state, once nobody appends: the lock of an append is the log's head."""
    connection.execute(select(schema.log_head.c.position).with_for_update()).one()
    return read_index_state(connection)


def _save(connection: Connection, vault: Vault, state: IndexState) -> None:
    row = {"current": state.current, "next": state.next, "previous": state.previous, "after": state.after}
    if connection.execute(select(func.count()).select_from(index_state)).scalar_one():
        connection.execute(update(index_state).values(**row))
    else:
        connection.execute(insert(index_state), [{"id": 1, **row}])
