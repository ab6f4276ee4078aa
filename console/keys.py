"""``hongling keys``: the registry's key files, made once, outside the database and outside the broker.

A folder holds ``seal-private.jwk`` and ``seal-public.jwk`` (X25519, RFC 8037), ``credential-private.jwk`` and
``credential-public.jwk`` (Ed25519), ``index.key`` and ``index-<n>.key`` (HMAC-SHA-256) and ``wrapping-<n>.key`` (AES-256-GCM),
each of these 32 bytes as hex. Only ``seal-public.jwk`` and ``credential-public.jwk`` are ever given to anybody.
"""

from __future__ import annotations

import json
import os
import secrets
import sys
from datetime import datetime, timedelta
from pathlib import Path
from typing import Annotated

import typer
from joserfc.jwk import OKPKey

from console.context import DIFFERENCE, WRONG, DataOption, JsonOption, LangOption, context, fail
from console.personal import keys_folder, the_vault
from console.sealing import load_public_key, new_key_pair
from console.signing import CREDENTIAL_PUBLIC, add_signing_key, replace_signing_key
from eventlog.ids import SystemClock
from eventlog.scrubbing import BytesRemain, scrub
from services.registry.reindexing import advance, begin
from services.registry.vault import ERASABLE, RETIRED_SEALS, read_index_state, rewrap_page

__all__ = ["create_keys", "new_credential_key", "new_wrapping_key", "register", "replace_seal_key"]

KEY_BYTES = 32
GRACE_DAYS = 30
"""As long as a message can stand on INTAKE."""
GRACE_DAYS_MAX = 365
PRIVATE, PUBLIC, INDEX = "seal-private.jwk", "seal-public.jwk", "index.key"

DirArgument = Annotated[Path, typer.Argument(help="the folder that HONGLING_REGISTRY_KEYS names")]


def create_keys(folder: Path) -> list[Path]:
    """Make every key file, readable by the owner only. Raises FileExistsError if the folder holds one already.

    Nothing is ever overwritten: whoever loses the index key loses every person's place, and whoever loses a wrapping key
    loses every identity under it.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    there = sorted(path.name for path in folder.iterdir() if path.suffix in (".jwk", ".key"))
    if there:
        raise FileExistsError(f"{folder} holds {', '.join(there)} already; nothing was changed")
    private, public = new_key_pair()
    texts = {
        PRIVATE: private,
        PUBLIC: public,
        INDEX: secrets.token_hex(KEY_BYTES),
        "wrapping-1.key": secrets.token_hex(KEY_BYTES),
    }
    return [_write_once(folder / name, text) for name, text in texts.items()] + add_signing_key(folder, _write_once)


def new_wrapping_key(folder: Path) -> Path:
    """Add the next ``wrapping-<n>.key``; after a restart the registry wraps new people's keys under it.

    The old ones stay: they still unwrap the keys of those who came before. Raises FileNotFoundError if there is none yet.
    """
    numbers = [int(path.stem.split("-")[1]) for path in folder.glob("wrapping-*.key")]
    if not numbers:
        raise FileNotFoundError(f"no wrapping-<n>.key in {folder}; run `hongling keys create {folder}` first")
    return _write_once(folder / f"wrapping-{max(numbers) + 1}.key", secrets.token_hex(KEY_BYTES))


def next_index_key(folder: Path, current: int) -> int:
    """The version of the key after the current one; its file is made if it is not there from an earlier try. Raises OSError."""
    path = folder / f"index-{current + 1}.key"
    if not (folder / INDEX).exists():
        raise FileNotFoundError(f"no {INDEX} in {folder}; run `hongling keys create {folder}` first")
    if not path.exists():
        _write_once(path, secrets.token_hex(KEY_BYTES))
    return current + 1


def new_credential_key(folder: Path) -> list[Path]:
    """Add the key that certificates are signed with to a folder that was made before there was one.

    Nothing is ever overwritten, and with both halves there, nothing is made. Raises FileNotFoundError if the folder holds no
    keys of a registry, FileExistsError for a public half alone.
    """
    if not (folder / PRIVATE).exists():
        raise FileNotFoundError(f"no {PRIVATE} in {folder}; run `hongling keys create {folder}` first")
    return add_signing_key(folder, _write_once)


def replace_seal_key(folder: Path, until: datetime) -> list[Path]:
    """Make a new key to seal to; what was sealed to the old one is opened if it came until then. Returns the files made.

    The private key that is there goes among the retired ones first: what is cut off in between is put right by doing it again.
    Raises OSError, ValueError.
    """
    private, path = OKPKey.import_key(json.loads((folder / PRIVATE).read_text())), folder / RETIRED_SEALS
    if load_public_key(folder / PUBLIC).kid == private.thumbprint():
        known = json.loads(path.read_text())["keys"] if path.exists() else []
        retired = {**private.as_dict(private=True), "kid": private.thumbprint(), "exp": int(until.timestamp())}
        keys = [retired, *(each for each in known if each["kid"] != retired["kid"])]
        _write_over(path, json.dumps({"keys": keys}, sort_keys=True))
        text, _ = new_key_pair()
        _write_over(folder / PRIVATE, text)
        private = OKPKey.import_key(json.loads(text))
    # Else an earlier try was cut off here: its private key is there.
    _write_over(folder / PUBLIC, json.dumps(private.as_dict(private=False), sort_keys=True))
    return [folder / PRIVATE, folder / PUBLIC, path]


def _write_once(path: Path, text: str) -> Path:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    return path


def _write_over(path: Path, text: str) -> Path:
    """Replace a file whole: a crash leaves the old one or the new one."""
    temporary = path.with_name(path.name + ".new")
    temporary.unlink(missing_ok=True)
    _write_once(temporary, text)
    temporary.replace(path)
    return path


def create(folder: DirArgument, as_json: JsonOption = False) -> None:
    """Make the registry's key files in an empty folder. Nothing is ever overwritten."""
    try:
        made = create_keys(folder)
    except OSError as error:
        fail(WRONG, f"no keys were made: {error}")
    _show(folder, made, as_json)
    if not as_json:
        typer.echo(f"Back this folder up, apart from the database. Give {PUBLIC} to whoever reports facts.")
        typer.echo(f"Publish {CREDENTIAL_PUBLIC}: certificates are verified with it. Give nobody any other file.")


def rotate(folder: DirArgument, as_json: JsonOption = False) -> None:
    """Add a new wrapping key for people registered from now on (after a restart); the old ones must stay."""
    try:
        made = new_wrapping_key(folder)
    except (OSError, ValueError) as error:
        fail(WRONG, f"no key was made: {error}")
    _show(folder, [made], as_json)


def credential(
    folder: DirArgument,
    new: Annotated[
        bool, typer.Option("--new", help="replace the key that is there; certificates signed with it stay verifiable")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Add the key that certificates are signed with, if the folder has none yet; or a new one, used at once."""
    try:
        made = new_credential_key(folder)
        if new and not made:
            made = replace_signing_key(folder, _write_over)
    except (OSError, ValueError) as error:
        fail(WRONG, f"no key was made: {error}")
    _show(folder, made, as_json)


def seal(
    folder: DirArgument,
    new: Annotated[bool, typer.Option("--new", help="make a new key that identities are sealed to")] = False,
    grace_days: Annotated[
        int, typer.Option("--grace-days", min=0, max=GRACE_DAYS_MAX, help="how long seals to the old one are still taken in")
    ] = GRACE_DAYS,
    as_json: JsonOption = False,
) -> None:
    """The key that sources seal identities to; or a new one, used at once, while the registry runs.

    The registry tells it with every page of receipts, and `hongling intake` takes it by itself.
    """
    if not new:
        return _show(folder, [], as_json)
    until = SystemClock().now() + timedelta(days=grace_days)
    try:
        made = replace_seal_key(folder, until)
    except (OSError, ValueError, KeyError) as error:
        fail(WRONG, f"no key was made: {error}")
    _show(folder, made, as_json)
    if not as_json:
        typer.echo(f"Seals to the old key are taken in until {until.date().isoformat()}; {RETIRED_SEALS} has to stay.")


def rewrap(data: DataOption = None, as_json: JsonOption = False, lang: LangOption = None) -> None:
    """Wrap every person's keys under the newest wrapping key, while the registry runs; then older ones may be taken away.

    Safe to break off and to repeat. What they were wrapped with before is then in no file of the database.
    """
    ctx = context(data, as_json, lang)
    vault = the_vault(ctx)
    count = 0
    with ctx.log("registry") as log:
        while done := rewrap_page(vault, log.database):
            count += done
        try:
            scrub(log.database, ERASABLE)
        except BytesRemain as error:
            fail(DIFFERENCE, f"{count} keys were wrapped anew, but what they were before is still in the files: {error}")
    answer = {"rewrapped": count, "key_version": vault.version}
    zh = f"已用第 {vault.version} 号包裹密钥重新包裹 {count} 个密钥；此前的备份仍需旧密钥"
    en = f"{count} keys wrapped anew under wrapping-{vault.version}.key; backups made before still need the older ones"
    ctx.show(answer, ctx.say(zh, en))


def index(
    new: Annotated[bool, typer.Option("--new", help="begin with a new key; without it, an unfinished change goes on")] = False,
    data: DataOption = None,
    as_json: JsonOption = False,
    lang: LangOption = None,
) -> None:
    """Find people under a new index key, while the registry runs. Safe to break off at any place, and to go on with.

    The earlier keys stay: each is used on top of those before it. Copy the folder before you go on with anything else.
    """
    ctx = context(data, as_json, lang)
    folder, entries = keys_folder(ctx), 0
    with ctx.log("registry") as log:
        with log.database.read.connect() as connection:
            state = read_index_state(connection)
        try:
            if new:
                if state.under_way:
                    fail(WRONG, "an earlier change of the index key is not done yet; go on with it: `hongling keys index`")
                version = next_index_key(folder, state.current)
                begin(the_vault(ctx), log.database, version)
            vault = the_vault(ctx)
            while (done := advance(vault, log.database)) is not None:
                entries += done
                if sys.stderr.isatty():
                    typer.echo(f"\r{entries}", nl=False, err=True)
            with log.database.read.connect() as connection:
                state = read_index_state(connection)
            scrub(log.database, ERASABLE)
        except BytesRemain as error:
            fail(DIFFERENCE, f"people are found under the new key, but the old entries are still in the files: {error}")
        except (OSError, ValueError) as error:
            fail(WRONG, f"the index key was not changed: {error}")
    zh = f"索引密钥为第 {state.current} 号，本次处理 {entries} 条；此前的索引密钥都要保留"
    en = f"people are found under index key {state.current}; {entries} entries were made or taken away; keep the earlier keys"
    ctx.show({"index_version": state.current, "entries": entries}, ctx.say(zh, en))


def _show(folder: Path, made: list[Path], as_json: bool) -> None:
    """The names, and the public key's thumbprint; never a secret."""
    kid = load_public_key(folder / PUBLIC).kid if (folder / PUBLIC).exists() else None
    names = [path.name for path in made]
    if as_json:
        typer.echo(json.dumps({"folder": str(folder), "made": names, "seal_kid": kid}, indent=2))
    else:
        typer.echo(f"{folder}: made {', '.join(names) or 'nothing'}" + (f"; public key {kid}" if kid else ""))


def register(app: typer.Typer) -> None:
    group = typer.Typer(no_args_is_help=True, help="The registry's key files: create, rotate, rewrap, index, seal, credential.")
    for command in (create, rotate, rewrap, index, seal, credential):
        group.command()(command)
    app.add_typer(group, name="keys")
