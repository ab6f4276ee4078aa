"""Write what is derived from the code: the tables in the documents, the list of the parts. ``make render``.

Nobody edits these by hand; tests compare them with the code.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from console.deployment import DEFAULT_SOURCES
from console.topology import ADMIN, FINANCE, principals
from contracts.roles import AUDITOR, CASHIER, DESK, OPERATOR, POLICY_OFFICE, REVIEWER
from deploy.permissions import permissions_table
from deploy.sbom import SBOM, sbom
from eventlog.settings import Variable
from services.allowance.settings import VARIABLES as ALLOWANCE
from services.registry.settings import VARIABLES as REGISTRY
from services.talent.settings import VARIABLES as TALENT

__all__ = ["DOCUMENTS", "between", "principals_table", "settings_table"]

ROOT = Path(__file__).parents[1]
DOCUMENTS = {
    "docs/security.md": ("principals", "permissions"),
    "README.md": ("settings",),
    "README.zh-CN.md": ("settings",),
}
WHO = {
    ADMIN: "provisioning only; no service and no operator has it",
    "registry": "the registry service",
    "allowance": "the allowance service",
    "talent": "the talent service; it tells the registry of placements, as a source",
    FINANCE: "the finance system: reads the allowance's events",
    OPERATOR: "operators: what the desk does, parked messages, corrections of others' facts, status, reading streams back",
    DESK: "the desk (登记窗口): reports about people and units, shows and erases personal data; corrects its own facts only",
    POLICY_OFFICE: "whoever publishes policy documents",
    CASHIER: "who prepares payment runs and deals with the bank (经办)",
    REVIEWER: "who checks them, and closes months (复核); never the same person",
    AUDITOR: "auditors (审计): read all streams, receipts and states; change nothing",
}


def principals_table() -> str:
    """Every user of the broker and all that it may do."""
    lines = ["| User | Who | May publish to | May subscribe to |", "|---|---|---|---|"]
    for principal in principals(DEFAULT_SOURCES):
        who = WHO.get(principal.name, "an integrating system: its own facts, its own receipts")
        subscribe = _codes(principal.subscribe) + ("; answers what it is asked there" if principal.answers else "")
        lines.append(f"| `{principal.name}` | {who} | {_codes(principal.publish)} | {subscribe} |")
    return "\n".join(lines)


def settings_table() -> str:
    """Every setting of the services: name, meaning, default."""
    lines = ["| Variable | Meaning | Default |", "|---|---|---|"]
    found: dict[str, tuple[Variable, list[str]]] = {}
    for service, variables in (("registry", REGISTRY), ("allowance", ALLOWANCE), ("talent", TALENT)):
        for variable in variables:
            found.setdefault(variable.name, (variable, []))[1].append(service)
    for name, (variable, services) in found.items():
        default = "required" if variable.default is None else f"`{variable.default}`" if variable.default else "-"
        lines.append(
            f"| `{name}` | {variable.what}{' (secret)' if variable.secret else ''}; {', '.join(services)} | {default} |"
        )
    return "\n".join(lines)


def _codes(names: Iterable[str]) -> str:
    return " ".join(f"`{name}`" for name in names) or "-"


def between(text: str, mark: str) -> str:
    """What stands between ``<!-- mark: made by make render -->`` and ``<!-- end -->``."""
    return text.split(_start(mark), 1)[1].split(END, 1)[0].rstrip("\n")


def _start(mark: str) -> str:
    return f"<!-- {mark}: made by make render -->\n"


END = "<!-- end -->"
TABLES = {
    "principals": principals_table,
    "permissions": lambda: permissions_table(DEFAULT_SOURCES),
    "settings": settings_table,
}


def main() -> None:
    for name, marks in DOCUMENTS.items():
        path = ROOT / name
        text = path.read_text(encoding="utf-8")
        for mark in marks:
            before, rest = text.split(_start(mark), 1)
            text = before + _start(mark) + TABLES[mark]() + "\n" + END + rest.split(END, 1)[1]
        path.write_text(text, encoding="utf-8")
    SBOM.write_text(sbom(), encoding="utf-8")


if __name__ == "__main__":
    main()
