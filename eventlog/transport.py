"""What protects a connection to the broker or to a database on its way: TLS, or the machine's own loopback; nothing else."""

from __future__ import annotations

import asyncio
import ipaddress
import ssl
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from sqlalchemy import make_url
from sqlalchemy.exc import ArgumentError

from eventlog.settings import SettingError, Variable, read_settings

__all__ = ["LOOPBACK", "TRANSPORT_VARIABLES", "Transport", "is_loopback", "transport_from"]

NATS_URL = "HONGLING_NATS_URL"
CA, CERT, KEY = "HONGLING_NATS_TLS_CA", "HONGLING_NATS_TLS_CERT", "HONGLING_NATS_TLS_KEY"
PLAIN = "HONGLING_PLAIN_ALLOWED"
TRANSPORT_VARIABLES = (
    Variable(CA, "file with the certificate of the authority that the broker's comes from; with it TLS, and nothing else", ""),
    Variable(CERT, "file with the certificate that is shown to the broker", ""),
    Variable(KEY, "file with its private key", ""),
    Variable(PLAIN, "`yes`: unencrypted connections also to other machines; only where something else encrypts them", "no"),
)
NATS_PORT = 4222
GREETING_SECONDS_MAX = 5.0
_SCHEMES = ("nats", "tls")
_ELSEWHERE = ("service", "conninfo")
"""Parameters of a PostgreSQL URL that can name a host which does not stand in it."""


@dataclass(frozen=True, slots=True)
class Transport:
    """How this process connects. ca, cert, key: PEM files for the broker; a database's stand in its URL, in libpq's words."""

    ca: Path | None = None
    cert: Path | None = None
    key: Path | None = None
    plain_allowed: bool = False

    def broker(self, url: str) -> ssl.SSLContext | None:
        """The context for a broker's URL (several with commas), None for plain. Raises SettingError."""
        servers = [urlsplit(each if "://" in each else f"nats://{each}") for each in _listed(url)]
        if not servers:
            raise SettingError(f"{NATS_URL} names no server", f"{NATS_URL} 没有给出服务器")
        if any(server.scheme not in _SCHEMES for server in servers):
            raise SettingError(
                f"{NATS_URL} takes nats://host:port or tls://host:port",
                f"{NATS_URL} 只接受 nats://主机:端口 或 tls://主机:端口",
            )
        if (self.cert is None) != (self.key is None):
            raise SettingError(f"set both {CERT} and {KEY}, or neither", f"{CERT} 与 {KEY} 须同时设置，或都不设置")
        if self.ca is not None or self.cert is not None or any(server.scheme == "tls" for server in servers):
            return self._context()
        far = [server.hostname or "" for server in servers if not is_loopback(server.hostname or "")]
        if far and not self.plain_allowed:
            raise _refused(
                NATS_URL,
                far,
                f"set {CA}, {CERT} and {KEY} (`hongling tls make` makes the files)",
                f"请设置 {CA}、{CERT}、{KEY}",
            )
        return None

    def broker_options(self, url: str) -> dict[str, Any]:
        """What nats-py takes to connect so. Raises SettingError.

        The handshake comes first: told by a server, or by somebody between, that there is no TLS, nats-py would otherwise go
        on in plain, whatever context it was given.
        """
        context = self.broker(url)
        servers: dict[str, Any] = {"servers": _listed(url)}
        return servers if context is None else servers | {"tls": context, "tls_handshake_first": True}

    async def greet(self, url: str) -> None:
        """Shake hands with each server that is there, before nats-py does. Raises ConnectionError for a wrong one.

        nats-py 2.16 waits for ever, without a word, when the first handshake fails.
        """
        context = self.broker(url)
        for each in _listed(url) if context is not None else ():
            server = urlsplit(each if "://" in each else f"nats://{each}")
            try:
                async with asyncio.timeout(GREETING_SECONDS_MAX):
                    _, writer = await asyncio.open_connection(server.hostname, server.port or NATS_PORT, ssl=context)
            except ssl.SSLError as error:
                why = getattr(error, "verify_message", "") or error.reason or "no TLS"
                raise ConnectionError(f"{server.hostname} is not the broker that {CA} vouches for: {why}") from error
            except OSError:
                continue  # It is not there, which is waited for elsewhere.
            writer.transport.abort()

    def check_database(self, name: str, url: str) -> None:
        """Raise SettingError for a PostgreSQL elsewhere that is not asked for its certificate. name: of the setting."""
        try:
            parsed = make_url(url)
        except ArgumentError:
            raise SettingError(f"{name} is no URL of a database", f"{name} 不是数据库的 URL") from None
        if parsed.get_backend_name() != "postgresql" or self.plain_allowed:
            return
        query = parsed.query
        if query.get("sslmode") == "verify-full":
            return
        hosts = [parsed.host or ""] if parsed.host else []
        for given in (query.get(part, ()) for part in ("host", "hostaddr")):
            hosts += [host for each in ([given] if isinstance(given, str) else given) for host in each.split(",")]
        far = [_without_port(host) for host in hosts if not _is_local(host)] + [part for part in _ELSEWHERE if part in query]
        if far or not hosts:
            # Without a host libpq asks PGHOST and PGSERVICE, which nobody has looked at.
            raise _refused(
                name,
                far or ["PGHOST"],
                "add ?sslmode=verify-full&sslrootcert=…&sslcert=…&sslkey=… (`hongling tls make` makes the files)",
                "请加上 ?sslmode=verify-full&sslrootcert=…&sslcert=…&sslkey=…",
            )

    def _context(self) -> ssl.SSLContext:
        try:
            context = ssl.create_default_context(cafile=self.ca)
        except (OSError, ssl.SSLError) as error:
            raise SettingError(f"{CA}: {self.ca} {_why(error)}", f"{CA}：无法读取 {self.ca}") from None
        if self.cert is not None:
            try:
                context.load_cert_chain(self.cert, self.key)
            except (OSError, ssl.SSLError) as error:
                text = f"{CERT}, {KEY}: {self.cert} and {self.key} {_why(error)}"
                raise SettingError(text, f"{CERT}、{KEY}：无法使用 {self.cert} 与 {self.key}") from None
        return context


LOOPBACK = Transport()
"""Plain, and to this machine only: that of an embedded deployment."""


def transport_from(environment: Mapping[str, str]) -> Transport:
    """What the settings say. Raises SettingError."""
    values = read_settings(TRANSPORT_VARIABLES, environment)
    if values[PLAIN] not in ("yes", "no"):
        raise SettingError(f"{PLAIN} is yes or no", f"{PLAIN} 只能是 yes 或 no")
    ca, cert, key = (Path(values[name]) if values[name] else None for name in (CA, CERT, KEY))
    return Transport(ca, cert, key, plain_allowed=values[PLAIN] == "yes")


def _listed(url: str) -> list[str]:
    return [part.strip() for part in url.split(",") if part.strip()]


def is_loopback(host: str) -> bool:
    """Whether it is this machine for sure: no name is asked for, but the one that is reserved (RFC 6761)."""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _is_local(host: str) -> bool:
    return host.startswith("/") or is_loopback(_without_port(host))


def _without_port(host: str) -> str:
    """SQLAlchemy takes ``host=name:port`` in a URL's query."""
    name, colon, port = host.rpartition(":")
    return name if colon and port.isdigit() and ":" not in name else host


def _why(error: OSError) -> str:
    if isinstance(error, ssl.SSLError):
        return "is no certificate, or the key is another's"
    return f"cannot be read ({error.strerror})"


def _refused(name: str, hosts: Iterable[str], remedy: str, remedy_zh: str) -> SettingError:
    far = ", ".join(hosts)
    return SettingError(
        f"{name} would go to {far} unencrypted; {remedy}, or {PLAIN}=yes where something else encrypts it",
        f"{name} 将以明文连接 {far}；{remedy_zh}（文件由 hongling tls make 生成），或在另有加密时设置 {PLAIN}=yes",
    )
