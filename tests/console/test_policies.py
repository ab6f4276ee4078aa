"""``hongling policy``: what the office that writes policies sees."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from typer.testing import CliRunner

from console.policies import policy_message
from contracts.intake import parse
from services.allowance.policy import read_policy
from tests.console.support import POLICIES, Office, ask, ask_json, command, office

CHANGTU = (POLICIES / "changtu-2021.yaml").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    """Changtu's document in two revisions, and the example city's."""
    with office(tmp_path_factory.mktemp("policies")) as made:
        made.publish("changtu-2021")
        raised = CHANGTU.replace("document: changtu-2021", "document: changtu-2021\nrevision: 2").replace("360000", "370000")
        made.at("2021-06-01").publish(raised)
        made.publish("example-city")
        yield made


def check(tmp_path: Path, text: str, *options: str) -> tuple[int, str]:
    path = tmp_path / "policy.yaml"
    path.write_text(text, encoding="utf-8")
    result = CliRunner().invoke(command, ["policy", "check", str(path), "--lang", "en", *options])
    return result.exit_code, result.stdout


def test_a_good_document_passes(tmp_path: Path) -> None:
    """Exit code 0, without any deployment."""
    assert check(tmp_path, CHANGTU) == (0, "0 errors, 0 warnings\n")


def test_an_error_is_named_at_its_line(tmp_path: Path) -> None:
    """Exit code 2; line, column, key and remedy stand in the text and in the JSON."""
    wrong = CHANGTU.replace("amount_fen: 360000", "amount_fen: 3600.50")
    line = next(number for number, text in enumerate(wrong.splitlines(), 1) if "3600.50" in text)
    code, text = check(tmp_path, wrong)
    assert code == 2
    assert f":{line}:" in text
    assert "lines[0].amounts[0].amount_fen: 3600.50 is not a whole number of fen; write 360050" in text
    found = json.loads(check(tmp_path, wrong, "--json")[1])
    assert (False, [(line, "float", "error")]) == (
        found["ok"],
        [(p["line"], p["code"], p["severity"]) for p in found["problems"]],
    )


def test_a_warning_alone_is_no_error(tmp_path: Path) -> None:
    """An amount that nobody can get is told, and the document may still be published."""
    doubtful = CHANGTU.replace("{rating: good, amount_fen: 240000}", "{rating: basic, amount_fen: 240000}")
    code, text = check(tmp_path, doubtful)
    assert code == 0
    assert "warning" in text


def test_a_file_that_cannot_be_read_is_wrong_input(tmp_path: Path) -> None:
    """Neither a missing file nor one in another encoding is a policy."""
    (tmp_path / "gbk.yaml").write_bytes("title: 津贴".encode("gbk"))
    for name in ("none.yaml", "gbk.yaml"):
        assert CliRunner().invoke(command, ["policy", "check", str(tmp_path / name)]).exit_code == 2


def test_the_same_text_is_the_same_message() -> None:
    """Published twice, at different times, it has one id; another text has another."""
    document = read_policy(CHANGTU)
    first = policy_message(CHANGTU, document, datetime(2021, 1, 1, tzinfo=UTC))
    again = policy_message(CHANGTU, document, datetime(2022, 1, 1, tzinfo=UTC))
    other = policy_message(CHANGTU + "\n", document, datetime(2021, 1, 1, tzinfo=UTC))
    assert (first.message_id, True) == (again.message_id, other.message_id != first.message_id)
    message = parse(first.message)
    assert (message.source, message.effectiveon.isoformat()) == ("policy", "2021-01-01")
    assert first.subject == "intake.policy.allowance.policy-published"


def test_every_publication_is_listed(published: Office) -> None:
    """In the order of publication, revisions apart."""
    found = ask_json(published, "policy", "list")
    assert [(row["document"], row["revision"]) for row in found] == [
        ("changtu-2021", 1),
        ("changtu-2021", 2),
        ("example-city-2021", 1),
    ]


def test_the_last_revision_is_shown_unless_another_is_asked_for(published: Office) -> None:
    """Amounts as the table of that revision gives them."""
    last = ask_json(published, "policy", "show", "changtu-2021")
    first = ask_json(published, "policy", "show", "changtu-2021", "--revision", "1")
    assert (last["amounts"][0]["amount_fen"], first["amounts"][0]["amount_fen"]) == (370_000, 360_000)


def test_an_official_recognises_the_document(published: Office) -> None:
    """Title, conditions, the amount table in yuan and in the document's words, the cap, and every setting with its meaning."""
    text = ask(published, "policy", "show", "example-city-2021", lang="zh").stdout
    for part in (
        "示例市红领津贴实施办法",
        "人员类别：党组织书记、专职党务工作者（第4.1条）",
        "年度考核等次：称职及以上（第4.5条）",
        "│ 特级 │ ¥9,600.00 │ 省财政",
        "市财政 60 % + 县财政 40 %",
        "每人每年最多 ¥12,000.00（第5.4条）",
        "专职副书记是否享受津贴？",
    ):
        assert part in text


@pytest.mark.parametrize("words", [("nothing",), ("changtu-2021", "--revision", "9"), ("changtu-2021", "--division", "320100")])
def test_an_unknown_document_is_wrong_input(published: Office, words: tuple[str, ...]) -> None:
    """Exit code 2, and what was published."""
    result = ask(published, "policy", "show", *words)
    assert result.exit_code == 2
    assert "published are" in result.stderr


def test_publishing_needs_a_broker(published: Office, tmp_path: Path) -> None:
    """With errors it is wrong input, before anything is asked of the broker; without, the broker cannot be reached."""
    path = tmp_path / "policy.yaml"
    path.write_text(CHANGTU, encoding="utf-8")
    assert ask(published, "policy", "publish", str(path)).exit_code == 3
    path.write_text("document: x\n", encoding="utf-8")
    assert ask(published, "policy", "publish", str(path)).exit_code == 2
