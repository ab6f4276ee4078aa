"""What the demo's reserve pool publishes."""

from __future__ import annotations

from pydantic import TypeAdapter

from console.demo_talent import PEOPLE, admitted, appraised, key_of, nominated, on_file
from contracts.intake import IntakeMessage

MESSAGE: TypeAdapter[IntakeMessage] = TypeAdapter(IntakeMessage)
REFS = {key_of(member): f"p{member.number:026}" for member in PEOPLE}


def test_every_message_is_what_its_contract_asks_and_has_an_id_of_its_own() -> None:
    """For everybody of the scene, from the registration to the last mark."""
    files = on_file(lambda identity: "a.a.a.a.a")
    messages = [*files, *nominated(REFS), *admitted(list(REFS.values())), *appraised(REFS)]
    for message in messages:
        MESSAGE.validate_json(message.raw)
    ids = {(message.source, message.message_id) for message in messages}
    assert len(ids) == len(messages) == len(PEOPLE) * (8 + 3 + 1 + 6)
