"""The principals of a deployment: who they are (a list of public keys) and what each shows to the broker (its seed).

    principals.json          name, roles, divisions, public key of everybody; no secret
    known/sources.json       roles and bounds by name, for the services (``eventlog.bounds``); no secret
    <name>/nats.nk           that principal's nkey seed; mode 0600; goes to its holder and to nobody else
    broker/nats.conf         what nats-server reads: accounts, exports and imports, public keys only
    ca/, <name>/tls.*        certificates, where the broker is reached from other machines: see ``console.tls``
    aside/<service>/aside.key  a service's key of what it holds and parks; mode 0600; for the service, and for who may read that

The broker's configuration is made from the list alone, so a principal is replaced or shut out by writing the list, writing the
configuration and telling the server to read it again (SIGHUP): whoever is connected with a key that left is disconnected.
"""

from __future__ import annotations

import json
import os
import re
import secrets
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import nkeys
from pydantic import TypeAdapter, ValidationError

from console.topology import ROLES, SERVICES, principal, usual, why_not
from contracts.base import DivisionCode
from contracts.roles import AUDITOR, REPORTING
from eventlog.box import KEY_BYTES
from eventlog.topology import STORE, server_config

__all__ = ["AUTHORITY", "BROKER", "Entry", "Principals", "UnknownPrincipal", "database_holder", "usual_bounds", "write_secret"]

BROKER, ASIDE, AUTHORITY, KNOWN = "broker", "aside", "ca", "known"
_DIVISION: TypeAdapter[str] = TypeAdapter(DivisionCode)
_NAME = re.compile(r"[a-z][a-z0-9-]{0,31}")


USUAL_AUTHORITY = {"appraisal": "rating", "hr": "inspection", "talent": "rating", "training": "certificate"}
"""Of the usual sources, what is each one's to say: the rating is the appraisal office's, whether it reports one or concludes an
appraisal cycle in talent, which tells the registry of it."""


class UnknownPrincipal(ValueError):
    """Nobody of this name is in the list. The text names who is."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the list. nkey: the public key; divisions: GB/T 2260, to which it is bounded; disabled: shut out."""

    name: str
    roles: tuple[str, ...]
    nkey: str
    divisions: tuple[str, ...] = ()
    disabled: bool = False

    @classmethod
    def read(cls, value: dict[str, Any]) -> Entry:
        """A line as it stands in the file; lists of before have one role, and no division."""
        roles = value["roles"] if "roles" in value else [value["role"]]
        return cls(value["name"], tuple(roles), value["nkey"], tuple(value.get("divisions") or ()), value["disabled"])


def usual_bounds(sources: Sequence[str]) -> str:
    """The file of bounds that a new deployment begins with: nobody is bounded, and the usual sources have their authority."""
    told = {*sources, *SERVICES}
    named = {source: {"authority": [kind]} for source, kind in USUAL_AUTHORITY.items() if source in told}
    return json.dumps(named, indent=2) + "\n"


def database_holder(service: str) -> str:
    """The folder with the certificate of a service's PostgreSQL."""
    return f"{service}-db"


def write_secret(path: Path, text: str, group: int | None = None) -> None:
    """Replace a file by one that only its owner reads, in one step. group: one that may read it as well."""
    temporary = path.with_suffix(path.suffix + ".new")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
    if group is not None:
        os.chown(temporary, -1, group)
        temporary.chmod(0o640)
    temporary.replace(path)


_RESERVED = {BROKER, ASIDE, AUTHORITY, KNOWN, STORE.lower(), *(database_holder(service) for service in SERVICES)}
"""Names of other folders beside those of the principals, and of the streams' account."""


class Principals:
    """The folder. Every method that changes something has written it when it returns; the server then has to be told."""

    def __init__(self, folder: Path, known_file: Path | None = None) -> None:
        """known_file: where the services read who has which role; else ``known/sources.json`` in the folder."""
        self.folder = folder
        self.known_file = known_file or folder / KNOWN / "sources.json"
        self._list = folder / "principals.json"

    def exist(self) -> bool:
        return self._list.exists()

    def entries(self) -> tuple[Entry, ...]:
        found = json.loads(self._list.read_text(encoding="utf-8")) if self.exist() else []
        return tuple(Entry.read(each) for each in found)

    def entry(self, name: str) -> Entry:
        """Raises UnknownPrincipal."""
        entries = self.entries()
        found = next((each for each in entries if each.name == name), None)
        if found is None:
            raise UnknownPrincipal(f"{name} is no principal of this deployment; known: {', '.join(e.name for e in entries)}")
        return found

    def seed_file(self, name: str) -> Path:
        """Where the seed of a principal is; whether it is there is another question."""
        return self.folder / name / "nats.nk"

    def aside_key_file(self, service: str) -> Path:
        """Where the key of what a service holds and parks is."""
        return self.folder / ASIDE / service / "aside.key"

    def reporting(self) -> tuple[str, ...]:
        """Everybody who publishes facts and is answered, in the order of the list."""
        return tuple(each.name for each in self.entries() if {*each.roles} & {*REPORTING})

    # --- changes --------------------------------------------------------------------------------------------------------

    def create(self, sources: Sequence[str]) -> None:
        """Make the usual principals, these integrating systems, and the services' keys of what is set aside.

        Safe to repeat: who is there keeps what it has.
        """
        if not self.exist() and not self.known_file.exists():
            self._own(self.known_file.parent)
            write_secret(self.known_file, usual_bounds(sources))
        known = {each.name for each in self.entries()}
        for name, role in usual(sources):
            if name not in known:
                self.add(name, role)
        if not self.known_file.exists():
            self._write_known(self.entries())
        for service in SERVICES:
            path = self.aside_key_file(service)
            if not path.exists():
                self._own(path.parent.parent)
                self._own(path.parent)
                write_secret(path, secrets.token_hex(KEY_BYTES) + "\n")

    def add(self, name: str, *roles: str, divisions: Sequence[str] = ()) -> Entry:
        """A new principal with a new seed. Raises ValueError for a name, roles or divisions that cannot be."""
        if not _NAME.fullmatch(name) or name in _RESERVED:
            raise ValueError(f"{name!r} cannot be a principal: lower-case letters, digits and hyphens, a letter first")
        wrong = why_not(roles)
        if wrong is not None:
            raise ValueError(wrong)
        if name in ROLES and roles != (name,):
            raise ValueError(f"{name} is the name of a role: whoever has it has that role and no other; choose another name")
        for division in divisions:
            try:
                _DIVISION.validate_python(division)
            except ValidationError:
                raise ValueError(f"{division!r} is no division: write six digits of GB/T 2260, such as 370000") from None
        entries = self.entries()
        if name in {each.name for each in entries}:
            raise ValueError(f"{name} is a principal already; rotate it to give it another seed")
        made = Entry(name, roles, self._new_seed(name), tuple(divisions))
        self._write((*entries, made))
        return made

    def rotate(self, name: str) -> Entry:
        """Another seed for a principal; the one before is worth nothing once the server has read the configuration."""
        return self._change(name, nkey=self._new_seed(self.entry(name).name))

    def disable(self, name: str, disabled: bool = True) -> Entry:
        """Shut a principal out, or let it in again with the seed that it has."""
        return self._change(name, disabled=disabled)

    def _change(self, name: str, **values: Any) -> Entry:
        changed = replace(self.entry(name), **values)
        self._write(tuple(changed if each.name == name else each for each in self.entries()))
        return changed

    def _new_seed(self, name: str) -> str:
        """Write a fresh seed; return its public key."""
        seed = nkeys.encode_seed(secrets.token_bytes(32), nkeys.PREFIX_BYTE_USER)
        path = self.seed_file(name)
        self._own(path.parent)
        write_secret(path, seed.decode())
        public: bytes = nkeys.from_seed(bytearray(seed)).public_key
        return public.decode()

    def _write(self, entries: Sequence[Entry]) -> None:
        self._own(self.folder)
        write_secret(self._list, json.dumps([asdict(each) for each in entries], indent=2, ensure_ascii=False) + "\n")
        self._write_known(entries)

    def _write_known(self, entries: Sequence[Entry]) -> None:
        """What the services know of people and sources. What somebody has put there besides stays."""
        self._own(self.known_file.parent)
        known: dict[str, Any] = {}
        if self.known_file.exists():
            try:
                known = json.loads(self.known_file.read_text(encoding="utf-8"))
            except ValueError as error:
                raise ValueError(f"{self.known_file} is no JSON ({error}); mend it or take it away") from None
        for each in entries:
            if {*each.roles} & {*REPORTING, AUDITOR}:
                bounds = known.setdefault(each.name, {})
                bounds["roles"] = list(each.roles)
                if each.divisions:
                    bounds["divisions"] = list(each.divisions)
        write_secret(self.known_file, json.dumps(known, indent=2, ensure_ascii=False) + "\n")

    def _own(self, folder: Path) -> None:
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        folder.mkdir(mode=0o700, exist_ok=True)

    # --- the broker -------------------------------------------------------------------------------------------------------

    def write_config(self, name: str = "nats.conf", **options: Any) -> Path:
        """Write a configuration of the server below ``broker/``. options: those of ``server_config``."""
        path = self.folder / BROKER / name
        self._own(path.parent)
        write_secret(path, self.config(**options))
        return path

    def config(self, **options: Any) -> str:
        entries = self.entries()
        allowed = {each.name: each.nkey for each in entries if not each.disabled}
        return server_config([principal(each.name, *each.roles) for each in entries], allowed, **options)
