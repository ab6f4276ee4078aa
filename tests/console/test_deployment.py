"""What the processes of an embedded deployment are given: their own secrets, and nobody else's."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from console.deployment import Deployment, Running
from console.topology import SERVICES


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_is_given_its_own_secrets_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, service: str) -> None:
    """Neither the other services' seeds, nor what the shell holds that started it all."""
    monkeypatch.setenv("HONGLING_OPERATOR_NATS_SEED_FILE", "of-the-shell")
    deployment = Deployment(tmp_path)
    deployment.create()
    running = Running(deployment)
    told = tmp_path / "told.json"
    code = f"import json,os; json.dump(dict(os.environ), open({str(told)!r}, 'w'))"
    running._spawn("part", [sys.executable, "-c", code], deployment.environment("nats://127.0.0.1:1", service)).wait()
    values = "\n".join(json.loads(told.read_text()).values())
    names = [entry.name for entry in deployment.principals.entries()]
    assert {name for name in names if str(deployment.seed_file(name)) in values} == {service}
    assert "of-the-shell" not in values
    assert [name for name in SERVICES if deployment.database_url(name) in values] == [service]
    assert (str(deployment.keys) in values) == (service == "registry")
