"""The list of the parts says what the images install: each pin of the runtime lock, its hashes, and its licence."""

from __future__ import annotations

import importlib.metadata
import json
import re
from typing import Any

import pytest
from packaging.requirements import Requirement

from deploy.sbom import LOCK, SBOM, Part, licences, locked, sbom

TEXT = SBOM.read_text(encoding="utf-8")
DOCUMENT: dict[str, Any] = json.loads(TEXT)
PARTS = locked(LOCK.read_text(encoding="utf-8"))


def installed(part: Part) -> bool:
    try:
        return importlib.metadata.version(part.name) == part.version
    except importlib.metadata.PackageNotFoundError:
        return False


def test_each_pin_of_the_lock_that_an_image_installs_stands_in_the_list_with_its_hashes() -> None:
    """Read from the lock by another rule than the one that wrote the list; what is for other systems does not stand there."""
    lines = [line for line in LOCK.read_text(encoding="utf-8").splitlines() if line and not line.startswith((" ", "#"))]
    pins = [Requirement(line.removesuffix(" \\")) for line in lines]
    there = {f"{pin.name}{pin.specifier}" for pin in pins if not re.search("win32|>= ?.3.12", str(pin.marker))}
    listed = {f"{each['name']}=={each['version']}": each for each in DOCUMENT["components"]}
    assert set(listed) == there
    text = LOCK.read_text(encoding="utf-8")
    for name, each in listed.items():
        block = re.split(r"\n(?=\S)", text[re.search(rf"^{re.escape(name)}\b", text, re.MULTILINE).start() :])[0]  # type: ignore[union-attr]
        assert [h["content"] for h in each["hashes"]] == sorted(re.findall(r"sha256:(\w+)", block)) != []
        assert {h["alg"] for h in each["hashes"]} == {"SHA-256"}


def test_it_is_cyclonedx_and_names_each_part_once() -> None:
    """Version 1.6; a purl each, which is also its reference; the product depends on all of them."""
    assert (DOCUMENT["bomFormat"], DOCUMENT["specVersion"], DOCUMENT["version"]) == ("CycloneDX", "1.6", 1)
    refs = [each["bom-ref"] for each in DOCUMENT["components"]]
    assert refs == sorted(set(refs))
    assert all(
        each["purl"] == each["bom-ref"] == f"pkg:pypi/{each['name']}@{each['version']}" for each in DOCUMENT["components"]
    )
    assert DOCUMENT["dependencies"] == [{"ref": DOCUMENT["metadata"]["component"]["bom-ref"], "dependsOn": refs}]


def test_every_part_has_a_licence_in_its_own_words() -> None:
    """Asked of each that is installed here; none is guessed."""
    found = {each["bom-ref"]: each["licenses"] for each in DOCUMENT["components"]}
    assert all(found.values())
    here = [part for part in PARTS if installed(part)]
    assert len(here) >= len(PARTS) - 1
    assert {part.purl: found[part.purl] for part in here} == {part.purl: licences(part) for part in here}
    with pytest.raises(LookupError, match="nobody-has-this is not installed"):
        licences(Part("nobody-has-this", "1", ()))
    with pytest.raises(LookupError, match="the lock says 0"):
        licences(Part("typer", "0", ()))


def test_it_says_nothing_of_when_and_where_it_was_made() -> None:
    """The same bytes each time."""
    assert not re.search(r"timestamp|serialNumber|file:|/home|/root|/tmp|https://", TEXT)
    if all(installed(part) for part in PARTS):
        assert sbom() == TEXT
