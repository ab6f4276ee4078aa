"""ISO 20022: an instruction as pain.001.001.09, validated against the published schema, and read back.

The messages' classes are those of ``pyiso20022``, bound to XML by ``xsdata``; the schema is the one that ISO publishes, as
``sepaxml`` ships it unchanged. A payout's name stands in EndToEndId, the run's in MsgId and PmtInfId: a bank that is given the
same run twice sees the same message.
"""

from __future__ import annotations

import importlib.util
import io
import re
from collections.abc import Sequence
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

from lxml import etree

from console.bank_faults import BankFileError, Fault, NotAnAmount
from console.bank_lines import Instruction, Order, Payment, fen_of_decimal, yuan_text
from console.cells import legible

__all__ = [
    "CNAPS",
    "PAIN",
    "namespace_of",
    "other_message",
    "parse_document",
    "read_pain",
    "read_xml",
    "schema_faults",
    "write_pain",
]

PAIN = "pain.001.001.09"
CNAPS = "CNAPS"
"""China National Advanced Payment System, as ISO's external codes name it. Its members have 12 digits (联行号)."""
CURRENCY = "CNY"
_URN = re.compile(r"urn:iso:std:iso:20022:tech:xsd:([a-z]{4}\.[0-9]{3}\.[0-9]{3}\.[0-9]{2})")


# --- reading XML at all -----------------------------------------------------------------------------------------------


def read_xml(raw: bytes) -> Any:
    """A document, without resolving entities or fetching anything. Raises BankFileError."""
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False)
    try:
        tree = etree.parse(io.BytesIO(raw), parser)
    except etree.XMLSyntaxError as error:
        raise BankFileError([Fault(0, "", "not-xml", tuple(map(str, error.position)))]) from None
    if tree.docinfo.doctype:
        raise BankFileError([Fault(0, "", "document-type")])
    return tree


def namespace_of(tree: Any) -> str:
    """``camt.053.001.08``: which message a document is; "" if it is none of ISO 20022."""
    found = _URN.fullmatch(etree.QName(tree.getroot()).namespace or "")
    return "" if found is None else found.group(1)


def other_message(tree: Any, wanted: Sequence[str]) -> Fault:
    """That a document is another message than those that are wanted."""
    found, names = namespace_of(tree), ", ".join(wanted)
    return Fault(0, "", "other-message", (found, names)) if found else Fault(0, "", "no-message", (names,))


def parse_document(tree: Any, module: str) -> Any:
    """The ``Document`` of a module of ``pyiso20022``. Raises BankFileError."""
    from xsdata.exceptions import ConverterWarning, ParserError
    from xsdata.formats.dataclass.parsers import XmlParser
    from xsdata.formats.dataclass.parsers.config import ParserConfig

    config = ParserConfig(fail_on_unknown_properties=False, fail_on_converter_warnings=True)
    try:
        return XmlParser(config=config).parse(tree, importlib.import_module(module).Document)
    except (ParserError, ConverterWarning, TypeError, ValueError) as error:
        raise BankFileError([Fault(0, "", "not-its-schema", (type(error).__name__,))]) from error


# --- the instruction --------------------------------------------------------------------------------------------------


def write_pain(order: Order) -> bytes:
    """The instruction in UTF-8. One batch; count and total in the header and in the batch. Raises ValueError for an amount."""
    import pyiso20022.pain.pain_001_001_09 as iso
    from xsdata.formats.dataclass.serializers import XmlSerializer
    from xsdata.formats.dataclass.serializers.config import SerializerConfig
    from xsdata.models.datatype import XmlDate, XmlDateTime

    def account(number: str) -> Any:
        return iso.CashAccount38(id=iso.AccountIdentification4Choice(othr=iso.GenericAccountIdentification1(id=number)))

    sums = {"nb_of_txs": str(len(order.payments)), "ctrl_sum": Decimal(yuan_text(order.total_fen))}
    debtor = iso.PartyIdentification135(nm=legible(order.debtor_name))
    member = iso.ClearingSystemMemberIdentification2(
        clr_sys_id=iso.ClearingSystemIdentification2Choice(cd=CNAPS), mmb_id=order.debtor_agent
    )
    agent = iso.BranchAndFinancialInstitutionIdentification6(
        fin_instn_id=iso.FinancialInstitutionIdentification18(clr_sys_mmb_id=member)
    )
    batch = iso.PaymentInstruction30(
        pmt_inf_id=order.message_id,
        pmt_mtd=iso.PaymentMethod3Code.TRF,
        btch_bookg=True,
        **sums,
        reqd_exctn_dt=iso.DateAndDateTime2Choice(dt=XmlDate.from_string(order.execution_date)),
        dbtr=debtor,
        dbtr_acct=account(order.debtor_account),
        dbtr_agt=agent,
        cdt_trf_tx_inf=[_transaction(iso, each, order.purpose, account(each.account)) for each in order.payments],
    )
    header = iso.GroupHeader85(
        msg_id=order.message_id, cre_dt_tm=XmlDateTime.from_string(order.created_at), **sums, initg_pty=debtor
    )
    document = iso.Document(cstmr_cdt_trf_initn=iso.CustomerCreditTransferInitiationV09(grp_hdr=header, pmt_inf=[batch]))
    text = XmlSerializer(config=SerializerConfig(indent="  ")).render(document, ns_map={None: _urn(PAIN)})
    return text.encode()


def _transaction(iso: Any, payment: Payment, purpose: str, account: Any) -> Any:
    amount = iso.ActiveOrHistoricCurrencyAndAmount(value=Decimal(yuan_text(payment.amount_fen)), ccy=CURRENCY)
    return iso.CreditTransferTransaction34(
        pmt_id=iso.PaymentIdentification6(instr_id=str(payment.number), end_to_end_id=payment.payout),
        amt=iso.AmountType4Choice(instd_amt=amount),
        cdtr=iso.PartyIdentification135(nm=legible(payment.name)),
        cdtr_acct=account,
        rmt_inf=iso.RemittanceInformation16(ustrd=[legible(purpose)]),
    )


def _urn(message: str) -> str:
    return f"urn:iso:std:iso:20022:tech:xsd:{message}"


@cache
def _schema() -> Any:
    """The published schema. Its package is found, not imported: that would load another validator."""
    spec = importlib.util.find_spec("sepaxml")
    if spec is None or not spec.submodule_search_locations:
        raise RuntimeError("sepaxml is not installed; it brings the schema of pain.001")
    return etree.XMLSchema(etree.parse(str(Path(spec.submodule_search_locations[0]) / "schemas" / f"{PAIN}.xsd")))


def schema_faults(tree: Any) -> list[Fault]:
    """Where a document is not valid by the schema of pain.001.001.09. Values are not repeated: they may be personal data."""
    schema = _schema()
    if schema.validate(tree):
        return []
    return [Fault(0, str(each.path or ""), "schema", (str(each.type_name), str(each.line))) for each in schema.error_log]


def read_pain(raw: bytes) -> Instruction:
    """An instruction as it stands in a file. Raises BankFileError if it is not valid, or its sums are wrong."""
    tree = read_xml(raw)
    if namespace_of(tree) != PAIN:
        raise BankFileError([other_message(tree, [PAIN])])
    faults = schema_faults(tree)
    if faults:
        raise BankFileError(faults)
    message = parse_document(tree, "pyiso20022.pain.pain_001_001_09").cstmr_cdt_trf_initn
    payments: list[Payment] = []
    for batch in message.pmt_inf:
        ours = [_payment(each, number, faults) for number, each in enumerate(batch.cdt_trf_tx_inf, len(payments) + 1)]
        faults += _wrong_sums("PmtInf", batch, ours)
        payments += ours
    faults += _wrong_sums("GrpHdr", message.grp_hdr, payments)
    if faults:
        raise BankFileError(faults)
    return Instruction(message.grp_hdr.msg_id, tuple(payments))


def _payment(transaction: Any, number: int, faults: list[Fault]) -> Payment:
    amount = transaction.amt.instd_amt
    fen = 0
    try:
        if amount is None or amount.ccy != CURRENCY:
            raise NotAnAmount("not-cny")
        fen = fen_of_decimal(amount.value)
    except NotAnAmount as error:
        faults.append(Fault(number, "InstdAmt", error.code))
    account = getattr(getattr(transaction.cdtr_acct, "id", None), "othr", None)
    return Payment(
        number,
        transaction.pmt_id.end_to_end_id,
        fen,
        "" if account is None else account.id,
        "" if transaction.cdtr is None else transaction.cdtr.nm or "",
    )


def _wrong_sums(where: str, said: Any, payments: list[Payment]) -> list[Fault]:
    total = Decimal(yuan_text(sum(payment.amount_fen for payment in payments)))
    faults = []
    if said.nb_of_txs is not None and int(said.nb_of_txs) != len(payments):
        faults.append(Fault(0, f"{where}/NbOfTxs", "wrong-count", (str(len(payments)),)))
    if said.ctrl_sum is not None and said.ctrl_sum != total:
        faults.append(Fault(0, f"{where}/CtrlSum", "wrong-total", (str(total),)))
    return faults
