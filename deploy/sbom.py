"""The parts of the images with their licences: CycloneDX 1.6, from the runtime lock and what the packages say of themselves.

The same lock gives the same bytes: no time, no serial number, no address. The hashes are those that the image's build insists
on, one for each file of a version that may be installed.
"""

from __future__ import annotations

import importlib.metadata
import json
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

__all__ = ["LOCK", "SBOM", "Part", "locked", "sbom"]

ROOT = Path(__file__).parents[1]
LOCK = ROOT / "requirements-runtime.lock"
SBOM = ROOT / "docs" / "sbom.cdx.json"
IMAGE: Mapping[str, str] = {
    "implementation_name": "cpython", "os_name": "posix", "platform_machine": "x86_64", "platform_system": "Linux",
    "platform_python_implementation": "CPython", "python_full_version": "3.11.14", "python_version": "3.11",
    "sys_platform": "linux",
}  # fmt: skip
"""The Dockerfile's Python: what a lock has for other systems is not in the images."""
_CLASSIFIER = "License :: OSI Approved :: "
NAME_CHARACTERS_MAX = 100


@dataclass(frozen=True, slots=True)
class Part:
    """One pin of the lock. hashes: SHA-256 of each file that may be installed, sorted."""

    name: str
    version: str
    hashes: tuple[str, ...]

    @property
    def purl(self) -> str:
        return f"pkg:pypi/{self.name}@{self.version}"


def locked(text: str) -> tuple[Part, ...]:
    """The pins of a lock that are installed in the image, by purl."""
    found = []
    for block in re.split(r"\n(?=\S)", text.strip()):
        first = block.partition("\n")[0].removesuffix(" \\")
        if first.startswith("#"):
            continue
        requirement = Requirement(first)
        if requirement.marker is None or requirement.marker.evaluate(dict(IMAGE)):
            [version] = [each.version for each in requirement.specifier]
            hashes = tuple(sorted(re.findall(r"--hash=sha256:([0-9a-f]{64})", block)))
            found.append(Part(canonicalize_name(requirement.name), version, hashes))
    return tuple(sorted(found, key=lambda part: part.purl))


def licences(part: Part) -> list[dict[str, Any]]:
    """What a package says of its licence, in its own words where it gives no SPDX expression.

    Raises LookupError if it is not installed in this version, or says nothing: nobody guesses a licence.
    """
    try:
        distribution = importlib.metadata.distribution(part.name)
    except importlib.metadata.PackageNotFoundError:
        raise LookupError(f"{part.name} is not installed; render where the lock is, on Linux with Python 3.11") from None
    if distribution.version != part.version:
        raise LookupError(f"{part.name} {distribution.version} is installed, the lock says {part.version}")
    said = distribution.metadata
    if expressions := said.get_all("License-Expression"):
        return [{"expression": expressions[0]}]
    names = [each.removeprefix(_CLASSIFIER) for each in said.get_all("Classifier") or [] if each.startswith(_CLASSIFIER)]
    if not names and (text := "".join(said.get_all("License") or []).strip()):
        names = [text.splitlines()[0][:NAME_CHARACTERS_MAX]]
    if names:
        return [{"license": {"name": name}} for name in sorted(names)]
    files = [path for path in distribution.files or () if path.parent.name == "licenses"]
    if not files:
        raise LookupError(f"{part.name} {part.version} says nothing of its licence")
    return [{"license": {"name": path.name, "text": {"content": path.read_text()}}} for path in sorted(files)]


def sbom() -> str:
    """The document, as it stands in docs/."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    parts = locked(LOCK.read_text(encoding="utf-8"))
    own = f"pkg:pypi/{project['name']}@{project['version']}"
    document = {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {
            "component": {
                "type": "application",
                "bom-ref": own,
                "name": project["name"],
                "version": project["version"],
                "licenses": [{"expression": project["license"]}],
                "purl": own,
            }
        },
        "components": [
            {
                "type": "library",
                "bom-ref": part.purl,
                "name": part.name,
                "version": part.version,
                "hashes": [{"alg": "SHA-256", "content": each} for each in part.hashes],
                "licenses": licences(part),
                "purl": part.purl,
            }
            for part in parts
        ],
        "dependencies": [{"ref": own, "dependsOn": [part.purl for part in parts]}],
    }
    return json.dumps(document, indent=1, ensure_ascii=False) + "\n"
