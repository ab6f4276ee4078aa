"""Principals come and go while the broker runs: by its configuration and a signal, as an operator would do it."""

from __future__ import annotations

import asyncio
import json
import stat
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import nats.errors
import pytest
from nats.aio.client import Client
from typer.testing import CliRunner

from console.deployment import Deployment, Running, connect
from console.main import app
from console.principals import Principals, UnknownPrincipal
from tests.support import eventually

FACT = "intake.hr.registry.engagement-started"


@asynccontextmanager
async def broker(folder: Path) -> AsyncIterator[Running]:
    async with Running(Deployment(folder), services=()) as running:
        yield running


def tell(running: Running) -> None:
    """Write the configuration anew and have the server read it."""
    running.reload_broker()


async def stored(client: Client) -> int:
    return (await client.jetstream().publish(FACT, b"{}", timeout=2)).seq


async def refused(running: Running, seed_file: Path, name: str = "hr") -> bool:
    try:
        client = await connect(running.url, name, seed_file)
    except nats.errors.Error:
        return True
    await client.close()
    return False


def test_a_rotated_seed_works_and_the_one_before_is_worth_nothing(tmp_path: Path) -> None:
    """Also not for who is connected with it: the server ends that connection. Nobody else notices."""

    async def work() -> None:
        async with broker(tmp_path) as running:
            principals, before = running.deployment.principals, tmp_path / "before.nk"
            seed_file = running.deployment.seed_file("hr")
            before.write_bytes(seed_file.read_bytes())
            client = await connect(running.url, "hr", seed_file)
            other = await connect(running.url, "training", running.deployment.seed_file("training"))
            assert await stored(client) == 1
            principals.rotate("hr")
            tell(running)
            await eventually(lambda: not client.is_connected, "the old seed's connection is ended")
            assert await refused(running, before)
            renewed = await connect(running.url, "hr", seed_file)
            assert await stored(renewed) == 2
            assert (other.is_connected, other.stats["reconnects"]) == (True, 0)
            for each in (client, renewed, other):
                await each.close()

    asyncio.run(work())


def test_a_disabled_principal_is_shut_out_until_it_is_let_in_again(tmp_path: Path) -> None:
    """Its seed stays what it was; its facts on the stream stay where they are."""

    async def work() -> None:
        async with broker(tmp_path) as running:
            principals, seed_file = running.deployment.principals, running.deployment.seed_file("hr")
            client = await connect(running.url, "hr", seed_file)
            assert await stored(client) == 1
            principals.disable("hr")
            tell(running)
            await eventually(lambda: not client.is_connected, "the connection is ended")
            await client.close()
            assert await refused(running, seed_file)
            principals.disable("hr", False)
            tell(running)
            again = await connect(running.url, "hr", seed_file)
            assert await stored(again) == 2
            await again.close()

    asyncio.run(work())


def test_a_new_principal_logs_in_without_a_restart(tmp_path: Path) -> None:
    """A further source gets an account of its own, and reports in its own name only."""

    async def work() -> None:
        async with broker(tmp_path) as running:
            running.deployment.principals.add("exams", "source")
            tell(running)
            client = await connect(running.url, "exams", running.deployment.seed_file("exams"))
            answer = await client.jetstream().publish("intake.exams.registry.training-tested", b"{}", timeout=2)
            assert answer.stream == "INTAKE"
            with pytest.raises(nats.errors.TimeoutError):
                await client.jetstream().publish(FACT, b"{}", timeout=0.5)
            await client.close()

    asyncio.run(work())


def typed(folder: Path, *words: str) -> dict[str, Any]:
    """The JSON that ``hongling principal …`` answers."""
    result = CliRunner().invoke(app, ["principal", *words, "--data", str(folder), "--json"])
    assert result.exit_code == 0, result.output
    answer: dict[str, Any] = json.loads(result.stdout)
    return answer


def test_people_get_their_own_seeds_by_a_command_while_the_broker_runs(tmp_path: Path) -> None:
    """Two cashiers publish each in their own name; who is disabled is shut out at once, an old seed too."""

    async def work() -> None:
        async with broker(tmp_path) as running:
            for name in ("wang", "li"):
                made = await asyncio.to_thread(typed, tmp_path, "add", name, "--role", "cashier")
                client = await connect(running.url, name, Path(made["seed_file"]))
                js = client.jetstream()
                assert (await js.publish(f"intake.{name}.allowance.payment-run-prepared", b"{}", timeout=2)).stream == "INTAKE"
                for denied in ("intake.cashier.allowance.payment-run-prepared", f"intake.{name}.allowance.payment-run-checked"):
                    with pytest.raises(nats.errors.TimeoutError):
                        await js.publish(denied, b"{}", timeout=0.3)
                assert (await js.consumer_info("RECEIPTS", f"receipts-{name}")).name == f"receipts-{name}"
                await client.close()
            seed = running.deployment.seed_file("wang")
            before = tmp_path / "before.nk"
            before.write_bytes(seed.read_bytes())
            await asyncio.to_thread(typed, tmp_path, "rotate", "wang")
            assert await refused(running, before, "wang")
            assert not await refused(running, seed, "wang")
            await asyncio.to_thread(typed, tmp_path, "disable", "wang")
            assert await refused(running, seed, "wang")
            rows = (await asyncio.to_thread(typed, tmp_path, "list"))["principals"]
            assert {row["name"]: row["state"] for row in rows if row["roles"] == ["cashier"]} == {
                "cashier": "active", "wang": "disabled", "li": "active"}  # fmt: skip
            await asyncio.to_thread(typed, tmp_path, "enable", "wang")
            assert not await refused(running, seed, "wang")

    asyncio.run(work())


def test_nobody_logs_in_without_a_seed_that_is_known(tmp_path: Path) -> None:
    """Neither without any, nor with one of another deployment, nor with a public key in place of a seed."""

    async def work() -> None:
        async with broker(tmp_path / "one") as running:
            other = Principals(tmp_path / "other")
            other.create(["hr"])
            assert await refused(running, other.seed_file("hr"))
            with pytest.raises(nats.errors.Error):
                await nats.connect(running.url, allow_reconnect=False, connect_timeout=2)

    asyncio.run(work())


def test_the_folder_is_its_owners_and_the_list_holds_no_secret(tmp_path: Path) -> None:
    """One seed for each, mode 0600, in a folder that nobody else enters; in list and configuration are public keys only."""
    principals = Principals(tmp_path / "principals")
    principals.create(["hr"])
    config = principals.write_config(store_dir="/data", listen="127.0.0.1:4222")
    seeds = [principals.seed_file(each.name) for each in principals.entries()]
    assert len({path.read_text() for path in seeds}) == len(seeds)
    for path in (*seeds, principals.folder / "principals.json", config):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    told = (principals.folder / "principals.json").read_text() + config.read_text()
    assert not [path for path in seeds if path.read_text() in told]
    assert all(each.nkey in told and each.nkey.startswith("U") for each in principals.entries())


def test_making_the_usual_principals_again_leaves_everybody_what_it_has(tmp_path: Path) -> None:
    principals = Principals(tmp_path)
    principals.create(["hr"])
    before = {each.name: each.nkey for each in principals.entries()}
    principals.create(["hr", "exams"])
    after = {each.name: each.nkey for each in principals.entries()}
    assert {name: after[name] for name in before} == before
    assert after.keys() - before.keys() == {"exams"}


def test_a_name_a_role_and_an_unknown_principal_are_said(tmp_path: Path) -> None:
    principals = Principals(tmp_path)
    principals.create([])
    for name, role, told in (("Hr", "source", "lower-case"), ("broker", "source", "cannot be"), ("x", "king", "no role")):
        with pytest.raises(ValueError, match=told):
            principals.add(name, role)
    with pytest.raises(ValueError, match="rotate it"):
        principals.add("registry", "registry")
    with pytest.raises(UnknownPrincipal, match="known: admin"):
        principals.rotate("nobody")
