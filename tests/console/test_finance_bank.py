"""``hongling finance``: a sealed run becomes the bank's file, the bank's answer comes back, and nothing is left unexplained."""

from __future__ import annotations

import hashlib
import json
import stat
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import update

from contracts.registry import EncryptedIdentity, PersonalDataExported
from services.allowance.payment_views import payment_run, payout
from services.registry.vault import Vault
from tests.console.bank_example import Move, camt, result_list
from tests.console.finance_desk import DEBTOR, FinanceDesk, finance_desk
from tests.console.support import COUNTY
from tests.support import identity

FORMATS = {"xlsx": "list.xlsx", "csv": "list.csv", "pain.001": "message.xml"}


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[FinanceDesk]:
    """Four workers with accounts, ¥3,600 or ¥2,400 each."""
    with finance_desk(tmp_path) as made:
        for number, rating in ((1, "excellent"), (2, "good"), (3, "excellent"), (4, "good")):
            made.worker(number, rating)
        yield made


def names(desk: FinanceDesk, run: str) -> dict[int, tuple[str, int]]:
    """number → (payout, fen) of a run."""
    found = desk.asked("payouts", run)["payouts"]
    return {each["number"]: (each["payout"], each["amount_fen"]) for each in found}


def answered(desk: FinanceDesk, run: str, name: str, *rows: tuple[object, ...], code: int = 0) -> dict[str, object]:
    path = desk.file(name)
    path.write_bytes(result_list(rows))
    answer: dict[str, object] = desk.asked("reconcile", run, str(path), code=code)
    return answer


def settled(desk: FinanceDesk, run: str, *numbers: int) -> list[tuple[object, ...]]:
    lines = names(desk, run)
    return [(lines[n][0], "成功", f"B{n}", f"{lines[n][1] // 100}.00", "") for n in numbers]


# --- export -----------------------------------------------------------------------------------------------------------


def test_an_export_is_on_record_before_anything_is_decrypted(desk: FinanceDesk) -> None:
    """In all three formats the file holds what was sealed; it is its owner's alone; who, why, and how many are recorded."""
    sealed = desk.sealed("a")
    for format, name in FORMATS.items():
        found = desk.exported("a", format, name, *(DEBTOR if format == "pain.001" else ()))
        raw = desk.file(name).read_bytes()
        assert (4, sealed["total_fen"], sealed["list_sha256"]) == (found["count"], found["total_fen"], found["list_sha256"])
        assert hashlib.sha256(raw).hexdigest() == found["file_sha256"]
        assert 0o600 == stat.S_IMODE(desk.file(name).stat().st_mode)
        assert found["event_id"] == desk.exports()[-1].event_id
    [*_, last] = [each.event for each in desk.exports()]
    assert isinstance(last, PersonalDataExported)
    assert ("payment-run cashier/a", ("name", "bank_account"), 4, sealed["list_sha256"], "operator", "代发津贴") == (
        last.purpose, last.fields, last.people, last.list_sha256, last.by, last.reason,
    )  # fmt: skip
    text = desk.file("list.csv").read_text("utf-8-sig")
    for number in (1, 2, 3, 4):
        assert str(identity(number).bank_account) in text
        assert identity(number).resident_id not in text


def test_who_has_no_account_is_named_and_no_file_is_written(desk: FinanceDesk) -> None:
    """Nor is the run sealed, or anything recorded or decrypted: half a list would be another. With the account it goes on."""
    ref = desk.worker(5, bank_account=None)
    desk.prepared("a")
    [early] = desk.asked("accounts", "a", code=1)["missing"]
    assert (ref, "no-account") == (early["person_ref"], early["why"])
    desk.asked("check", "a")
    found = desk.asked("seal", "a", code=1)
    assert ([early], False) == (found["missing"], found["written"])
    assert "没有银行账号" in desk.told("seal", "a", lang="zh", code=1)
    assert ("cleared", []) == (desk.asked("run", "a")["stage"], desk.exports())
    desk.corrected(5)
    desk.asked("seal", "a")
    assert 5 == desk.exported("a", "csv", "a.csv")["count"]


def test_who_has_no_account_is_left_out_and_stands_in_suspense(desk: FinanceDesk) -> None:
    """One person never stops a county: the others are paid, and what waits is listed with its reason and its age."""
    without, disputed = desk.worker(5, bank_account=None), desk.worker(6)
    desk.prepared("a", "--leave-out-missing", "--without", f"{disputed}=disputed")
    desk.asked("check", "a")
    desk.asked("seal", "a")
    assert 4 == desk.exported("a", "csv", "a.csv")["count"]
    found = {each["person_ref"]: each for each in desk.asked("suspense", "--division", COUNTY, code=1)}
    said = {each["person_ref"]: each["reason"] for each in desk.asked("run", "a")["without"]}
    assert {without: "no-account", disputed: "disputed"} == said
    assert "有争议" in desk.told("run", "a", lang="zh")
    assert said == {ref: row["reason"] for ref, row in found.items()}
    assert {0} == {row["days"] for row in found.values()}
    assert "没有银行账号" in desk.told("suspense", "--division", COUNTY, lang="zh", code=1)
    words = ("prepare", "b", "--division", COUNTY, "--payer", "county", "--year", "2021")
    assert "write PERSON=REASON" in desk.told(*words, "--without", f"{disputed}=tired", code=2)
    desk.corrected(5)
    desk.prepared("b")
    desk.asked("check", "b")
    desk.asked("seal", "b")
    desk.exported("b", "csv", "b.csv")
    desk.instructed("b", "b.csv")
    assert "0 in suspense" in desk.told("suspense", "--division", COUNTY)


def test_whose_account_was_changed_after_the_seal_is_named_and_no_file_is_written(desk: FinanceDesk) -> None:
    """The office that corrects registrations cannot lead a sealed payment to another account; what is shown is masked."""
    desk.sealed("a")
    ref = desk.corrected(1, bank_account="888800000001")
    words = ("export", "a", "--format", "csv", "--out", str(desk.file("x.csv")), "--reason", "代发")
    found = desk.asked(*words, code=1)
    [changed] = found["changed_payees"]
    assert (ref, "account", "********0001") == (changed["person_ref"], changed["what"], changed["now"])
    assert str(identity(1).bank_account)[-4:] == changed["sealed"].lstrip("*")
    assert (False, False, 1) == (found["written"], desk.file("x.csv").exists(), len(desk.exports()))
    assert "账号已变更" in desk.told(*words, lang="zh", code=1)
    run = desk.asked("run", "a")
    assert ([ref], None) == (run["changed_payees"], run["exported_sha256"])
    assert ref in desk.told("run", "a")


def test_a_name_that_was_changed_after_the_seal_is_no_less(desk: FinanceDesk) -> None:
    desk.sealed("a")
    ref = desk.corrected(2, name="示例改")
    words = ("export", "a", "--format", "csv", "--out", str(desk.file("x.csv")), "--reason", "代发")
    assert [(ref, "name")] == [(each["person_ref"], each["what"]) for each in desk.asked(*words, code=1)["changed_payees"]]


def test_a_new_telephone_number_changes_no_payment(desk: FinanceDesk) -> None:
    """And an account that was set back to the sealed one neither."""
    desk.sealed("a")
    desk.corrected(1, phone="13900000099")
    desk.corrected(2, bank_account="888800000002")
    desk.corrected(2, again=2)
    found = desk.exported("a", "csv", "a.csv")
    run = desk.asked("run", "a")
    assert (4, found["file_sha256"]) == (found["count"], run["exported_sha256"])
    assert 2 == len(run["changed_payees"])
    assert "instructed" == desk.instructed("a", "a.csv")["stage"]


def test_a_log_that_is_not_the_sealed_one_is_found(desk: FinanceDesk) -> None:
    """Somebody with the database's password writes another digest over the seal's, or another identity beneath it."""
    desk.sealed("a")
    with desk.office.allowance.database.write.begin() as connection:
        connection.execute(update(payment_run).values(payees_sha256="0" * 64))
    words = ("export", "a", "--format", "csv", "--out", str(desk.file("x.csv")), "--reason", "代发")
    assert "not those that were sealed" in desk.told(*words, code=1)
    assert (False, []) == (desk.file("x.csv").exists(), desk.exports())


def test_the_account_that_stands_is_the_corrected_one(desk: FinanceDesk) -> None:
    """Also after a later correction that brought no identity."""
    office, replacement = desk.office, {"kind": "registration", "division": "211224"}
    desk.corrected(1, bank_account="888800000001")
    later = {"corrects": {"id": "K001-fixed-1"}, "replacement": {**replacement, "serving_unit": "二村"}, "reason": "补录"}
    assert "accepted" == office.post("fact-corrected", later, effective="2021-01-01", id="K001-later").outcome
    desk.sealed("a")
    desk.exported("a", "csv", "a.csv")
    text = desk.file("a.csv").read_text("utf-8-sig")
    assert "888800000001" in text
    assert str(identity(1).bank_account) not in text


def test_nothing_is_decrypted_before_its_record_stands(desk: FinanceDesk, monkeypatch: pytest.MonkeyPatch) -> None:
    """And no field but the two that the bank needs."""
    desk.sealed("a")
    seen: list[tuple[int, frozenset[str]]] = []
    decrypt = Vault.decrypt

    def watched(vault: Vault, key: bytes, event_id: str, identity: EncryptedIdentity) -> dict[str, str]:
        seen.append((len(desk.exports()), frozenset(identity.fields)))
        return decrypt(vault, key, event_id, identity)

    monkeypatch.setattr(Vault, "decrypt", watched)
    desk.exported("a", "csv", "a.csv")
    assert [(1, frozenset({"name", "bank_account"}))] * 4 == seen


def test_whose_file_was_merged_is_paid_to_the_account_of_the_other(desk: FinanceDesk) -> None:
    """Two payouts to one account are shown. And who was erased cannot be paid: the payout is named."""
    desk.prepared("a")
    desk.asked("check", "a")
    lines = {each["person_ref"]: each["payout"] for each in desk.asked("payouts", "a")["payouts"]}
    refs = [desk.office.posted("registry", "hr", f"K00{n}-registered").person_ref for n in (1, 2, 3)]
    merged = {"person": {"person_ref": refs[0]}, "survivor": {"person_ref": refs[1]}, "by": "x", "reason": "同一人"}
    desk.office.post("duplicate-confirmed", merged, effective="2021-01-01", id="m", source="operator", carry=False)
    run = desk.asked("seal", "a")["run"]
    found = desk.exported("a", "csv", "a.csv")
    assert [sorted(lines[str(ref)] for ref in refs[:2])] == found["same_account"]
    assert 2 == desk.file("a.csv").read_text("utf-8-sig").count(str(identity(2).bank_account))
    erased = {"person": {"person_ref": refs[2]}, "by": "x", "reason": "本人申请"}
    desk.office.post("person-erased", erased, effective="2021-01-01", id="e", source="operator", carry=False)
    [missing] = desk.asked("accounts", "a", code=1)["missing"]
    assert (lines[str(refs[2])], "erased", 4) == (missing["payout"], missing["why"], run["count"])


def test_a_list_that_is_not_the_sealed_one_is_not_exported(desk: FinanceDesk) -> None:
    """Somebody with the database's password changes an amount: exit 1, no record, no file."""
    desk.sealed("a")
    with desk.office.allowance.database.write.begin() as connection:
        connection.execute(update(payout).where(payout.c.number == 1).values(amount_fen=999_900))
    words = ("export", "a", "--format", "csv", "--out", str(desk.file("x.csv")), "--reason", "代发")
    assert "the seal says" in desk.told(*words, code=1)
    assert (False, []) == (desk.file("x.csv").exists(), desk.exports())


@pytest.fixture(scope="module")
def still_sealed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FinanceDesk]:
    """Run a, sealed, with one worker; nothing that is asked of it succeeds."""
    with finance_desk(tmp_path_factory.mktemp("sealed")) as made:
        made.worker(1)
        made.sealed("a")
        yield made


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (("--format", "xls"), "there is no format xls"),
        (("--format", "pain.001"), "give --debtor-name, --debtor-account, --debtor-agent"),
        (("--format", "pain.001", *DEBTOR[:-1], "1234"), "12 digits"),
        (("--format", "pain.001", *DEBTOR, "--execution-date", "2020-01-01"), "is over"),
        (("--format", "csv", *DEBTOR), "goes with --format pain.001"),
        (("--format", "csv", "--purpose", "x" * 61), "--purpose has 1 to 60 characters"),
    ],
)
def test_what_an_export_needs_is_said_before_it_is_recorded(
    still_sealed: FinanceDesk, more: tuple[str, ...], said: str
) -> None:
    desk = still_sealed
    words = ("export", "a", "--out", str(desk.file("x")), "--reason", "代发", *more)
    assert said in desk.told(*words, code=2)
    assert (False, []) == (desk.file("x").exists(), desk.exports())


def test_nothing_is_written_over_and_nothing_exported_twice(desk: FinanceDesk) -> None:
    """A run that is not sealed, a file that is there, a run that the bank has: exit 2."""
    desk.prepared("a")
    words = ("export", "a", "--format", "csv", "--reason", "代发", "--out")
    assert "is not sealed" in desk.told(*words, str(desk.file("a.csv")), code=2)
    desk.asked("check", "a")
    desk.asked("seal", "a")
    desk.file("mine.csv").write_text("mine")
    assert "is there already" in desk.told(*words, str(desk.file("mine.csv")), code=2)
    assert "mine" == desk.file("mine.csv").read_text()
    desk.exported("a", "csv", "a.csv")
    desk.instructed("a", "a.csv")
    assert "would be paid twice" in desk.told(*words, str(desk.file("b.csv")), code=2)


# --- instruct ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("format", FORMATS)
def test_the_bank_is_given_the_file_that_was_exported(desk: FinanceDesk, format: str) -> None:
    """Count, total and list are worked out of the file; giving the command twice changes nothing."""
    desk.sealed("a")
    made = desk.exported("a", format, FORMATS[format], *(DEBTOR if format == "pain.001" else ()))
    words = ("instruct", "a", str(desk.file(FORMATS[format])))
    assert "not the file that was exported" in desk.told(*words, "--sha256", "0" * 64, code=1)
    run = desk.asked(*words, "--sha256", made["file_sha256"])["run"]
    assert ("instructed", made["file_sha256"], "cashier/a") == (run["stage"], run["file_sha256"], run["message_id"])
    assert {"instructed": {"count": 4, "total_fen": 1_200_000}} == run["payouts"]
    assert desk.asked(*words)["run"]["payouts"] == run["payouts"]


def test_a_file_with_another_amount_is_not_what_was_sealed(desk: FinanceDesk) -> None:
    """Even if its totals were mended too: the list's digest is the seal's, or the service refuses it."""
    desk.sealed("a")
    desk.exported("a", "csv", "a.csv")
    text = desk.file("a.csv").read_text("utf-8-sig")
    swapped = text.replace("3600.00", "x").replace("2400.00", "3600.00").replace("x", "2400.00")
    desk.file("b.csv").write_text(swapped, "utf-8-sig")
    assert "not-the-seal" in desk.told("instruct", "a", str(desk.file("b.csv")), code=2)
    desk.file("c.csv").write_text(text.replace("2400.00", "2500.00", 1), "utf-8-sig")
    faults = desk.asked("instruct", "a", str(desk.file("c.csv")), code=2)
    assert ["金额(元)"] == [each["field"] for each in faults["faults"]]
    desk.file("e.csv").write_text(text.replace(str(identity(1).bank_account), "888800000001"), "utf-8-sig")
    assert "not-the-export" in desk.told("instruct", "a", str(desk.file("e.csv")), code=2)
    desk.file("f.csv").write_text(text.replace(str(identity(1).bank_account), "6.222E+15"), "utf-8-sig")
    faults = desk.asked("instruct", "a", str(desk.file("f.csv")), code=2)
    assert [("收款人账号", "not-an-account")] == [(each["field"], each["code"]) for each in faults["faults"]]
    desk.file("d.csv").write_text(text.replace("cashier/a", "cashier/b"), "utf-8-sig")
    assert "is not the file of run cashier/a" in desk.told("instruct", "a", str(desk.file("d.csv")), code=1)
    assert "sealed" == desk.asked("run", "a")["stage"]


def test_only_the_last_export_of_a_run_can_be_instructed(desk: FinanceDesk) -> None:
    """Not a file from before, and none at all for a run that was never exported, though its figures are the seal's."""
    desk.sealed("a")
    desk.exported("a", "csv", "first.csv")
    second = desk.exported("a", "csv", "second.csv", "--purpose", "津贴")
    assert "not-the-export" in desk.told("instruct", "a", str(desk.file("first.csv")), code=2)
    assert second["file_sha256"] == desk.instructed("a", "second.csv")["file_sha256"]


# --- reconcile --------------------------------------------------------------------------------------------------------


@pytest.fixture
def with_bank(desk: FinanceDesk) -> FinanceDesk:
    """Run a, of which the bank has the file."""
    desk.sealed("a")
    desk.exported("a", "csv", "a.csv")
    desk.instructed("a", "a.csv")
    return desk


def test_a_month_with_money_on_its_way_is_closed_on_purpose_only(with_bank: FinanceDesk) -> None:
    """What stands against it is listed first: in transit, and every open difference."""
    desk = with_bank
    answered(desk, "a", "1.csv", ("nobody/1", "成功", "B9", "7.00", ""), code=1)
    month = (desk.office.clock.at + timedelta(hours=8)).strftime("%Y-%m")
    found = desk.asked("close", month, code=1)
    assert (False, {"county"}) == (found["closed"], {each["payer"] for each in found["in_transit"]})
    assert ["unknown"] == [key.partition("/")[0] for each in found["breaks"] if not (key := each["key"]).startswith("missing")]
    assert "在途" in desk.told("close", month, lang="zh", code=1)
    assert month == desk.asked("close", month, "--despite-open")["periods"][0]["month"]


def test_every_kind_of_difference_is_found_and_has_an_owner_until_it_ends(with_bank: FinanceDesk) -> None:
    desk = with_bank
    lines = names(desk, "a")
    one, two, three, _ = settled(desk, "a", 1, 2, 3, 4)
    wrong = (three[0], "成功", "B3", "1.00", "")
    found = answered(
        desk, "a", "1.csv", one, (*one[:2], "B1x", one[3], ""), wrong, ("nobody/1", "成功", "B9", "7.00", ""), code=1
    )
    assert (4, 1, 3, 3) == (found["lines"], found["matched"], found["broken"], found["missing"])
    kinds = {each["kind"]: each["key"] for each in desk.asked("breaks", "a", code=1)}
    assert {"twice", "wrong_amount", "unknown", "missing"} == kinds.keys()
    words = ("settle-break", "a", kinds["unknown"], "--owner", "会计丙", "--note", "非本批次")
    desk.asked(*words, "--state", "assigned")
    assert ["会计丙"] == [each["owner"] for each in desk.asked("breaks", code=1) if each["state"] == "assigned"]
    desk.asked(*words, "--state", "settled")
    assert kinds["unknown"] not in [each["key"] for each in desk.asked("breaks", "a", code=1)]
    assert "no-such-break" in desk.told(
        "settle-break", "a", "twice/9", "--state", "settled", "--owner", "x", "--note", "y", code=2
    )
    back = (two[0], "退回", "B2", two[3], "账户已销户")
    found = answered(desk, "a", "2.csv", back, three, ("cashier/a/4", "成功", "B4", f"{lines[4][1] // 100}.00", ""), code=1)
    assert (2, 1, 0) == (found["matched"], found["returned"], found["missing"])
    assert {"twice", "wrong_amount"} == {each["kind"] for each in desk.asked("breaks", "a", code=1)}
    assert "closed" == desk.asked("run", "a")["stage"]
    assert "重复答复" in desk.told("breaks", "a", lang="zh", code=1)


def test_the_same_answer_again_changes_nothing(with_bank: FinanceDesk) -> None:
    desk = with_bank
    rows = settled(desk, "a", 1, 2, 3, 4)
    first = answered(desk, "a", "1.csv", *rows)
    again = answered(desk, "a", "1.csv", *rows)
    other = answered(desk, "a", "2.csv", *rows, ("合计", "", "", "", ""))
    assert (4, 4, 4) == (first["matched"], again["matched"], other["repeated"])
    assert {"settled": {"count": 4, "total_fen": 1_200_000}} == desk.asked("run", "a")["payouts"]


def test_a_list_with_a_fault_is_not_taken_at_all(with_bank: FinanceDesk) -> None:
    desk = with_bank
    before = desk.sent
    rows = settled(desk, "a", 1)
    found = answered(desk, "a", "1.csv", *rows, ("cashier/a/2", "处理中", "B2", "1", ""), code=2)
    assert [(3, "处理结果")] == [(each["row"], each["field"]) for each in json.loads(json.dumps(found["faults"]))]
    assert before == desk.sent
    assert "row 3 处理结果: this is no known result; write one of: 成功" in desk.told(
        "reconcile", "a", str(desk.file("1.csv")), code=2
    )


@pytest.mark.parametrize("message", ["camt.053.001.08", "camt.054.001.02"])
def test_a_statement_is_matched_like_a_list(with_bank: FinanceDesk, message: str) -> None:
    """A debit settles, a credit returns, and the money that came back is owed again and paid by the next run."""
    desk = with_bank
    lines = names(desk, "a")
    moves = [Move(lines[n][0], f"{lines[n][1] // 100}.00", reference=f"B{n}") for n in (1, 2, 3)]
    back = Move(lines[4][0], f"{lines[4][1] // 100}.00", side="CRDT", reference="B4", reason="户名不符")
    desk.file("s.xml").write_bytes(camt(message, [*moves, back, Move("someone-else", "9.00")]))
    found = desk.asked("reconcile", "a", str(desk.file("s.xml")), "--format", message[:8])
    assert (3, 1, 0, {"other": 1}) == (found["matched"], found["returned"], found["missing"], found["passed_over"])
    assert "ask for one of" in desk.told(
        "reconcile", "a", str(desk.file("s.xml")), "--format", "camt.053" if "054" in message else "camt.054", code=2
    )
    proof = desk.asked("prove", "a")
    assert (True, [], 4) == (proof["agrees"], proof["differences"], proof["seal"]["count"])
    assert {"settled", "returned"} == proof["events"].keys() == proof["bank"].keys()
    assert "账、事件、文件、银行一致" in desk.told("prove", "a", lang="zh")
    assert 1 == desk.prepared("b")["run"]["count"]
    [reissued] = [each["reissued_by"] for each in desk.asked("payouts", "a")["payouts"] if each["reissued_by"]]
    assert "cashier/b/1" == reissued


def test_a_statement_that_says_nothing_of_the_run_is_said_to(with_bank: FinanceDesk) -> None:
    with_bank.file("s.xml").write_bytes(camt("camt.053.001.08", [Move("someone-else", "9.00")]))
    assert "nothing in" in with_bank.told("reconcile", "a", str(with_bank.file("s.xml")), code=1)


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_every_entry_of_a_statement_is_accounted_for(with_bank: FinanceDesk, lang: str) -> None:
    """Ours by name is settled; an amount of ours without a name is a difference with an owner; the rest is named and summed."""
    desk = with_bank
    lines = names(desk, "a")
    moves = [
        Move(lines[1][0], f"{lines[1][1] // 100}.00", reference="B1"),
        Move("", f"{lines[2][1] // 100}.00", reference="B2"),
        Move("SALARY-7", "9.00", reference="B3"),
        Move("", "1000000.00", side="CRDT", reference="B4"),
    ]
    desk.file("s.xml").write_bytes(camt("camt.053.001.08", moves))
    found = desk.asked("reconcile", "a", str(desk.file("s.xml")), code=1)
    assert (2, 1, 1) == (found["lines"], found["matched"], found["broken"])
    assert (2, 900, 100_000_000) == tuple(found["not_ours"][name] for name in ("count", "debits_fen", "credits_fen"))
    assert [("2026-03-03", 900, "B3"), ("2026-03-03", 100_000_000, "B4")] == [
        (each["date"], each["amount_fen"], each["reference"]) for each in found["not_ours"]["entries"]
    ]
    [asked] = [each for each in desk.asked("breaks", "a", code=1) if each["kind"] == "unknown"]
    assert ("B2", lines[2][1]) == (asked["reference"], asked["found_fen"])
    desk.asked("settle-break", "a", asked["key"], "--state", "assigned", "--owner", "会计丙", "--note", "已问银行")
    told = desk.told("reconcile", "a", str(desk.file("s.xml")), lang=lang, code=1)
    assert ("2 笔不属于本批次，借方 ¥9.00，贷方 ¥1,000,000.00" if lang == "zh" else "not ours: 2 entries, debits ¥9.00") in told
    assert all(part in told for part in ("2026-03-03", "B3", "B4"))


def test_a_proof_fails_where_a_table_was_changed(with_bank: FinanceDesk) -> None:
    """Somebody with the database's password says that a payout was settled: the events know better."""
    desk = with_bank
    assert desk.asked("prove", "a")["agrees"]
    with desk.office.allowance.database.write.begin() as connection:
        connection.execute(update(payout).where(payout.c.number == 1).values(stage="settled"))
    found = desk.asked("prove", "a", code=1)
    assert any("the table says" in each for each in found["differences"])


def test_a_long_answer_travels_in_parts(with_bank: FinanceDesk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each part is a message of its own, and all of them are one file to the service."""
    from console import finance_reconcile

    monkeypatch.setattr(finance_reconcile, "RESULTS_MAX", 3)
    desk = with_bank
    found = answered(desk, "a", "1.csv", *settled(desk, "a", 1, 2, 3, 4))
    assert (2, 4, 4) == (found["messages"], found["lines"], found["matched"])
