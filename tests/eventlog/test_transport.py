"""Nothing leaves this machine unencrypted, unless somebody has said so in so many words."""

from __future__ import annotations

import ssl
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from console.tls import Authority
from eventlog.settings import SettingError
from eventlog.transport import LOOPBACK, Transport, transport_from

NAME = "HONGLING_X_DATABASE_URL"


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tls")
    Authority(folder).make(["hr", "training"], {})
    return folder / "hr"


@pytest.mark.parametrize(
    "url", ["nats://127.0.0.1:4222", "nats://localhost", "127.0.0.1:4222", "nats://[::1]:4222", "nats://127.8.8.8"]
)
def test_a_broker_on_this_machine_may_be_plain(url: str) -> None:
    """By its address, or by the one name that can be no other machine's."""
    assert LOOPBACK.broker_options(url) == {"servers": [url]}


@pytest.mark.parametrize(
    "url",
    [
        "nats://nats:4222", "nats:4222", "nats://10.0.0.1", "nats://0.0.0.0:4222", "nats://127.0.0.1.example.org",
        "nats://127.0.0.1:4222@nats:4222", "nats://localhost.", "nats://127.0.0.1:4222,nats://nats-2:4222", "nats://[::ffff:10.0.0.1]",
    ],
)  # fmt: skip
def test_a_broker_elsewhere_is_refused_in_plain(url: str) -> None:
    """Also one of several, and one that looks like this machine. Both languages name the setting and the remedy."""
    with pytest.raises(SettingError) as caught:
        LOOPBACK.broker_options(url)
    for text in (str(caught.value), caught.value.zh):
        assert {"HONGLING_NATS_URL", "HONGLING_NATS_TLS_CA", "HONGLING_PLAIN_ALLOWED=yes"} <= set(
            text.replace(",", " ").replace("、", " ").replace("请设置", " ").replace("设置", " ").replace("；", " ").split()
        )
    assert Transport(plain_allowed=True).broker_options(url)["servers"]


@pytest.mark.parametrize("url", ["ws://127.0.0.1:80", "wss://nats:443", "http://127.0.0.1"])
def test_another_scheme_is_refused(url: str) -> None:
    with pytest.raises(SettingError, match="nats://host:port or tls://host:port"):
        Transport(plain_allowed=True).broker(url)


def test_no_server_is_said() -> None:
    with pytest.raises(SettingError, match="names no server"):
        LOOPBACK.broker(" , ")


@pytest.mark.parametrize("url", ["nats://nats:4222", "tls://nats:4222", "nats://127.0.0.1:4222", "nats://a:1, tls://b:2"])
def test_with_an_authority_there_is_tls_before_the_first_word(files: Path, url: str) -> None:
    """Whatever the scheme says: names and certificates are checked, and no server can talk the client out of it."""
    options = Transport(files / "ca.crt", files / "tls.crt", files / "tls.key").broker_options(url)
    context = options["tls"]
    assert (context.verify_mode, context.check_hostname, options["tls_handshake_first"]) == (ssl.CERT_REQUIRED, True, True)
    assert options["servers"] == [each.strip() for each in url.split(",")]


def test_the_scheme_alone_asks_for_tls_too() -> None:
    """Then the system's authorities count; plain_allowed does not weaken it."""
    assert Transport(plain_allowed=True).broker_options("tls://nats:4222")["tls_handshake_first"]


def test_half_a_pair_another_s_key_and_a_missing_file_are_named(files: Path) -> None:
    """By their settings; a key is never repeated."""
    other = files.parent / "training" / "tls.key"
    for transport, named in (
        (Transport(files / "ca.crt", files / "tls.crt"), "HONGLING_NATS_TLS_KEY"),
        (Transport(files / "ca.crt", None, files / "tls.key"), "HONGLING_NATS_TLS_CERT"),
        (Transport(files / "ca.crt", files / "tls.crt", other), "key is another's"),
        (Transport(files / "no.crt"), "HONGLING_NATS_TLS_CA"),
        (Transport(files / "tls.key"), "HONGLING_NATS_TLS_CA"),
    ):
        with pytest.raises(SettingError, match=named) as caught:
            transport.broker("tls://nats:4222")
        assert "PRIVATE" not in str(caught.value)
        assert caught.value.zh != str(caught.value)


def test_what_the_settings_say() -> None:
    """yes and no are words; anything else is a slip of the pen, and not a yes."""
    assert transport_from({}) == LOOPBACK
    assert transport_from({"HONGLING_PLAIN_ALLOWED": "yes", "HONGLING_NATS_TLS_CA": "/c"}) == Transport(
        Path("/c"), plain_allowed=True
    )
    for word in ("true", "1", "Yes"):
        with pytest.raises(SettingError, match="HONGLING_PLAIN_ALLOWED is yes or no"):
            transport_from({"HONGLING_PLAIN_ALLOWED": word})


FAR = [
    "postgresql://u:s3cret@db/d", "postgresql://u:s3cret@db:5432/d?sslmode=require", "postgresql://u:s3cret@db/d?sslmode=verify-ca",
    "postgresql://u:s3cret@localhost/d?host=db", "postgresql://u:s3cret@localhost/d?hostaddr=10.0.0.1", "postgresql://u:s3cret@/d?host=db:5432",
    "postgresql://u:s3cret@/d?host=127.0.0.1:5432&host=db:5432", "postgresql://u:s3cret@/d?host=127.0.0.1,db", "postgresql://u:s3cret@/d",
    "postgresql://u:s3cret@localhost/d?service=far", "postgresql+psycopg://u:s3cret@db/d", "postgresql://u:s3cret@db/d?sslmode=verify-full&sslmode=disable",
]  # fmt: skip


@pytest.mark.parametrize("url", FAR)
def test_a_database_elsewhere_must_show_its_certificate_and_its_name(url: str) -> None:
    """Encrypted is not enough: whoever stands between encrypts too. The password in the URL is not repeated."""
    with pytest.raises(SettingError) as caught:
        LOOPBACK.check_database(NAME, url)
    for text in (str(caught.value), caught.value.zh):
        assert NAME in text
        assert "sslmode=verify-full" in text
        assert "s3cret" not in text
    Transport(plain_allowed=True).check_database(NAME, url)


@pytest.mark.parametrize(
    "url",
    [
        "sqlite:///x.db", "postgresql://u:p@127.0.0.1:5432/d", "postgresql://u:p@localhost/d", "postgresql://u:p@[::1]/d",
        "postgresql://u@/d?host=/run/postgresql", "postgresql://u@/d?host=127.0.0.1:5432",
        "postgresql://u:p@db/d?sslmode=verify-full&sslrootcert=/ca.crt", "postgresql+psycopg://u:p@db/d?sslmode=verify-full",
    ],
)  # fmt: skip
def test_a_database_here_or_one_that_is_verified_is_taken(url: str) -> None:
    LOOPBACK.check_database(NAME, url)


def test_what_is_no_url_is_said_without_repeating_it() -> None:
    with pytest.raises(SettingError, match=f"{NAME} is no URL"):
        LOOPBACK.check_database(NAME, "s3cret")


@given(st.ip_addresses())
def test_an_address_is_this_machine_s_only_if_it_is_a_loopback(address: object) -> None:
    """For every address there is, of both kinds."""
    host = f"[{address}]" if ":" in str(address) else str(address)
    plain = str(address).startswith("127.") or str(address) == "::1"
    try:
        LOOPBACK.broker(f"nats://{host}:4222")
        LOOPBACK.check_database(NAME, f"postgresql://u:p@{host}/d")
        taken = True
    except SettingError:
        taken = False
    assert taken == plain
