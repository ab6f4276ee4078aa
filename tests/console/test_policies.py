"""``hongling policy``: what the office that writes policies sees."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from typer.testing import CliRunner

from console.policies import policy_message
from console.words import Words, yuan
from contracts.intake import parse
from contracts.policy import AllowanceLine, Floor
from services.allowance.policy import read_policy
from services.allowance.settings_text import setting_rows
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


def show(name: str, *options: str) -> tuple[int, str]:
    result = CliRunner().invoke(command, ["policy", "show", str(POLICIES / f"{name}.yaml"), *options])
    return result.exit_code, result.stdout


@pytest.mark.parametrize(
    ("name", "lang", "parts"),
    [
        (
            "example-lakeside-city",
            "zh",
            (
                "尚未发布",
                "持有有效资格证书：四级及以上、六级在颁证省内有效、五级在颁证设区市内有效、其他在颁证县（市、区）内有效（第3条）",
                "│ 四级 │ ¥4,800.01 │ ¥3,600.01 │ ¥1,200.01 │ 区划 980205：港区财政；其他：市财政 67 % + 港区财政 33 % │",
                "表中未列的，不发放",
                "对照标准：同级教师岗位津贴，每月（第9条，与红领津贴、岗位补贴比较，低于时提示）",
                "│ 980205 │ ¥120.00 │       — │",
            ),
        ),
        (
            "example-lakeside-city",
            "en",
            ("level six valid in the issuing province", "│ level six  │ ¥9,600.01 │", "at most ¥10,000.00 a person and year"),
        ),
        (
            "example-county",
            "zh",
            ("│ 初级 │    ¥300.00 │", "由县财政 70 % + 乡镇 30 %支付", "不按月折算，不计税", "舍去尾数到元"),
        ),
        (
            "example-county",
            "en",
            ("in full, whatever the months, not taxable", "excellent: raised (120)", "paid by county budget 70 %"),
        ),
        (
            "example-province",
            "zh",
            ("进入渠道：内部选任、公开选聘", "│ 2023-01 至 2023-06 │ ¥3,000.00 │", "至 2023-06：省财政；其他：省会财政"),
        ),
        ("example-province", "en", ("│ from 2023-07       │", "to 2023-06: provincial budget; others: budget of the capital")),
        (
            "example-work-expense",
            "zh",
            ("待遇：工作经费（可支用额度，不发给个人）", "未同时享受红领津贴：当年未享受红领津贴", "本办法不涉及"),
        ),
        (
            "example-part-time",
            "en",
            ("instrument: part-time allowance", "months that the allowance pays do not count", "of no effect here"),
        ),
        ("lianshan-2013", "zh", ("│ 专职   │ ¥2,000.00 │ 省财政 │", "│ 兼职   │   ¥300.00 │ 省财政 │", "非公务员编制")),
        ("suzhou-social-workers", "en", ("│ senior social worker    │ ¥500.00 │ city budget │",)),
    ],
)
def test_a_file_is_shown_as_it_would_be_published(name: str, lang: str, parts: tuple[str, ...]) -> None:
    """Without a deployment: conditions, the annex as a table, payers, what is compared, and what each setting means."""
    code, text = show(name, "--lang", lang)
    assert code == 0
    assert [part for part in parts if part not in text] == []


def test_every_policy_on_file_is_shown_in_both_languages_and_as_json() -> None:
    for path in sorted(POLICIES.glob("*.yaml")):
        document = read_policy(path.read_text(encoding="utf-8"))
        assert document.title in show(path.stem, "--lang", "zh")[1]
        assert (document.title_en or "") in show(path.stem, "--lang", "en")[1]
        found = json.loads(show(path.stem, "--json")[1])
        assert (found["document"], found["instrument"]) == (document.document, document.instrument)
        assert len(found["amounts"]) == sum(len(line.amounts) for line in document.lines)
        assert {row["setting"] for row in found["settings"] if row["has_effect"]}


@pytest.mark.parametrize("lang", ["zh", "en"])
@pytest.mark.parametrize("path", sorted(POLICIES.glob("*.yaml")), ids=lambda path: path.stem)
def test_nothing_of_a_policy_is_left_out(path: Path, lang: str) -> None:
    """Every condition with its clause, every amount in yuan, every payer, floor and cap, and every question with its answer."""
    document = read_policy(path.read_text(encoding="utf-8"))
    words, text = Words(lang, document), show(path.stem, "--lang", lang)[1]
    tables: list[AllowanceLine | Floor] = [*document.lines, *document.floors]
    parts = [part for rule in document.eligibility for part in (words.predicate(rule.rule), words.clause(rule.clause))]
    parts += [part for table in tables for part in (words.clause(table.clause), getattr(table, lang) or table.name)]
    parts += [yuan(row.amount_fen) for table in tables for row in table.amounts]
    parts += [words.payer(payer.name) for payer in document.payers]
    parts += [yuan(document.cap.amount_fen)] if document.cap else []
    for row in setting_rows(document):
        parts += [getattr(row.question, lang), getattr(row.meaning, lang), f"{row.setting}: {row.value}"]
        parts += [f"({row.number})"] if row.number is not None else []
    assert [part for part in parts if part not in text] == []


def test_a_file_with_errors_is_not_shown_but_told_what_is_wrong(tmp_path: Path) -> None:
    path = tmp_path / "wrong.yaml"
    path.write_text(CHANGTU.replace("at_least: good", "at_least: fine"), encoding="utf-8")
    result = CliRunner().invoke(command, ["policy", "show", str(path), "--lang", "en"])
    assert result.exit_code == 2
    assert "fine is not in vocabulary.ratings" in result.stdout


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
