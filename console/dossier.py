"""``hongling registry dossier…`` and ``attachment``: the six sections of a person's file (专项档案).

Listed, an entry shows its section, key and dates, and of its attachments digest, type and size; what it says is shown only
after that is on record. Added or corrected, it is sealed before it leaves this process, and its attachments are in the store
before any message names them.
"""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Annotated, Any, get_args

import orjson
import typer
from cryptography.exceptions import InvalidTag
from pydantic import BaseModel, ValidationError
from rich.table import Table

from console.context import DIFFERENCE, UNREACHABLE, WRONG, Context, DataOption, JsonOption, LangOption, context, fail
from console.keys import PUBLIC
from console.people import business_day_of, person_ref_of
from console.personal import (
    ReasonOption,
    check_act,
    check_words,
    dossier_key,
    erased_in,
    files_of,
    key_of,
    keys_folder,
    merged_into,
    out_file,
    publish_act,
    record_unmasking,
    the_attachments,
    the_vault,
)
from console.publishing import show_receipt
from console.sealing import load_public_key, seal_dossier
from console.words import day_of, safe, show_table
from contracts import intake
from contracts.intake import DossierContent
from contracts.problems import problems_of
from contracts.registry import Attachment, DossierEntryCorrected, DossierEntryRecorded, DossierSection
from contracts.roles import DESK, OPERATOR
from eventlog.log import Recorded
from services.registry.attachments import (
    ATTACHMENT_BYTES_MAX,
    AttachmentMissing,
    AttachmentRefused,
    Attachments,
    AttachmentUnreadable,
    media_type_of,
)
from services.registry.vault import Vault

__all__ = ["Entry", "attached", "entries_of", "register"]

ATTACHMENTS_MAX = 20
"""Of one entry, as the contract has it."""
CONTENT_FILE_BYTES_MAX = 64 * 1024
SECTIONS = get_args(DossierSection)
_SECTION_ZH = dict(zip(SECTIONS, ("基本信息", "工作经历", "教育培训", "考核", "待遇", "奖惩"), strict=True))

PersonArgument = Annotated[str, typer.Argument(help="a person_ref, or <source>:<key> such as hr:K001", show_default=False)]
SectionOption = Annotated[str, typer.Option("--section", help=f"one of: {', '.join(SECTIONS)}", show_default=False)]
EntryOption = Annotated[str, typer.Option("--entry", help="your own key of the entry", show_default=False)]
TitleOption = Annotated[str | None, typer.Option("--title", help="of the entry", show_default=False)]
TextOption = Annotated[str | None, typer.Option("--text", help="what it says", show_default=False)]
BeginsOption = Annotated[str | None, typer.Option("--begins", help="YYYY, YYYY-MM or YYYY-MM-DD", show_default=False)]
EndsOption = Annotated[str | None, typer.Option("--ends", help="as --begins", show_default=False)]
ContentOption = Annotated[
    str | None,
    typer.Option(
        "--content",
        help="JSON file with title, text, begins, ends in place of those options (- for standard input): others on this "
        "machine can see what is typed",
        show_default=False,
    ),
]
AttachOption = Annotated[
    list[Path] | None, typer.Option("--attach", help="PDF, PNG, JPEG, DOCX, XLSX or text; may be repeated", show_default=False)
]
OnOption = Annotated[str | None, typer.Option("--on", help="effective date, YYYY-MM-DD; else today", show_default=False)]


def register(group: typer.Typer) -> None:
    for command in (dossier, dossier_add, dossier_correct, attachment):
        group.command(command.__name__.replace("_", "-"))(command)


# --- reading ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Entry:
    """A dossier entry with all its versions, oldest first. person_ref: of the file that it stands in."""

    person_ref: str
    name: str
    versions: tuple[Recorded, ...]

    @property
    def latest(self) -> DossierEntryRecorded | DossierEntryCorrected:
        event = self.versions[-1].event
        assert isinstance(event, DossierEntryRecorded | DossierEntryCorrected)
        return event


def entries_of(files: Mapping[str, Sequence[Recorded]]) -> list[Entry]:
    """The entries of a person's files, in the order of the sections and then as they were first recorded."""
    versions: dict[tuple[str, str], list[Recorded]] = {}
    for ref, events in files.items():
        for each in events:
            if isinstance(each.event, DossierEntryRecorded | DossierEntryCorrected):
                versions.setdefault((ref, each.event.entry), []).append(each)
    entries = [Entry(ref, name, tuple(found)) for (ref, name), found in versions.items()]
    return sorted(entries, key=lambda e: (SECTIONS.index(e.latest.section), e.versions[0].position))


def attached(entries: Iterable[Entry], sha256: str) -> tuple[str, Attachment] | None:
    """(person_ref of the file, what the entry says of it) of an attachment that any version of an entry names."""
    for entry in entries:
        for version in entry.versions:
            assert isinstance(version.event, DossierEntryRecorded | DossierEntryCorrected)
            for found in version.event.attachments:
                if found.sha256 == sha256:
                    return entry.person_ref, found
    return None


def entry_row(entry: Entry) -> dict[str, Any]:
    """An entry as anybody may see it: nothing of what it says."""
    first, last = entry.versions[0], entry.versions[-1]
    return {
        "section": entry.latest.section,
        "entry": entry.name,
        "person_ref": entry.person_ref,
        "event_id": last.event_id,
        "effective_on": last.effective_on,
        "recorded_at": last.recorded_at,
        "first_recorded_at": first.recorded_at,
        "versions": len(entry.versions),
        "attachments": [each.payload() for each in entry.latest.attachments],
    }


def dossier(
    person: PersonArgument,
    section: Annotated[str | None, typer.Option("--section", help=f"one of: {', '.join(SECTIONS)}", show_default=False)] = None,
    unmask: Annotated[bool, typer.Option("--unmask", help="show what the entries say; recorded first")] = False,
    reason: Annotated[str | None, typer.Option("--reason", help="with --unmask: why", show_default=False)] = None,
    data: DataOption = None,
    as_json: JsonOption = False,
    lang: LangOption = None,
) -> None:
    """The entries of a person's dossier: sections, keys, dates, attachments. What they say only with --unmask."""
    ctx = context(data, as_json, lang)
    if section is not None and section not in SECTIONS:
        fail(WRONG, f"there is no section {section}; choose one of: {', '.join(SECTIONS)}")
    if unmask and reason is None:
        fail(WRONG, "--unmask needs --reason: it is recorded who was shown the dossier, and why")
    if unmask:
        check_words(("--reason", reason or ""))
    ref, files = _open_file(ctx, person, ended=not unmask)
    entries = [entry for entry in entries_of(files) if section in (None, entry.latest.section)]
    answer: dict[str, Any] = {"person_ref": ref, "entries": [entry_row(entry) for entry in entries]}
    erased = erased_in(files[ref])
    if erased is not None:
        answer["erased"] = {"event_id": erased.event_id, "recorded_at": erased.recorded_at}
    if unmask:
        vault = the_vault(ctx)
        answer["unmasked_by"] = record_unmasking(ctx, ref, ("dossier",), reason or "").event_id
        for row, entry in zip(answer["entries"], entries, strict=True):
            row["content"] = _content(ctx, vault, entry)
    if as_json:
        ctx.show(answer)
    else:
        _print(ctx, answer)


def _open_file(ctx: Context, person: str, *, ended: bool = False) -> tuple[str, dict[str, list[Recorded]]]:
    """The person_ref and the events of their files. ended: whether an erased one will do. May end the command with 2."""
    ref = person_ref_of(ctx, person)
    with ctx.log("registry") as log, log.database.read.connect() as connection:
        files = files_of(connection, log, ref)
    into = merged_into(files[ref])
    if into is not None:
        fail(WRONG, ctx.say(f"{ref} 已并入 {into}；请改用后者", f"{ref} was merged into {into}; name that one"))
    if erased_in(files[ref]) is not None and not ended:
        fail(WRONG, ctx.say(f"{ref} 的个人信息已删除", f"the personal data of {ref} were erased"))
    return ref, files


def _content(ctx: Context, vault: Vault, entry: Entry) -> dict[str, str | None]:
    """What the latest version says. Ends the command with 1 if that cannot be read any more."""
    with ctx.log("registry") as log:
        key = key_of(ctx, log, vault, entry.person_ref, "dossier")
    try:
        plain = {} if key is None else vault.decrypt_fields(key, entry.versions[-1].event_id, entry.latest.content)
    except InvalidTag:
        plain = {}
    if not plain:
        fail(DIFFERENCE, f"entry {entry.name} cannot be read: its key is gone, or it was changed; see `hongling verify`")
    return {name: plain.get(name) for name in DossierContent.model_fields}


def _print(ctx: Context, answer: Mapping[str, Any]) -> None:
    ctx.out.print(ctx.say(f"人员 {answer['person_ref']}", f"Person {answer['person_ref']}"))
    if "erased" in answer:
        on = day_of(answer["erased"]["recorded_at"])
        told = ctx.say(f"个人信息已于 {on} 删除", f"personal data were erased on {on}")
        ctx.out.print(f"[yellow]{told}[/yellow]")
    table = Table()
    heads = "部分,编号,生效,记录,版本,附件" if ctx.lang == "zh" else "section,entry,effective,recorded,versions,attachments"
    shown = any("content" in row for row in answer["entries"])
    for column in [*heads.split(","), *([ctx.say("内容", "what it says")] if shown else [])]:
        table.add_column(column, overflow="fold")
    for row in answer["entries"]:
        section = _SECTION_ZH[row["section"]] if ctx.lang == "zh" else row["section"]
        files = "\n".join(f"{a['sha256']} {a['media_type']} {a['size']:,}" for a in row["attachments"])
        dates, versions = (row["effective_on"], day_of(row["recorded_at"])), str(row["versions"])
        says = [safe(_content_text(row["content"]))] if shown else []
        table.add_row(section, safe(row["entry"]), *dates, versions, safe(files), *says)
    show_table(ctx.out, table, ctx.say("专项档案", "Dossier"))


def _content_text(content: Mapping[str, str | None]) -> str:
    period = " – ".join(part for part in (content["begins"], content["ends"]) if part)
    return "\n".join(part for part in (content["title"], period, content["text"]) if part)


# --- writing ----------------------------------------------------------------------------------------------------------


def dossier_add(
    person: PersonArgument,
    section: SectionOption,
    entry: EntryOption,
    title: TitleOption = None,
    text: TextOption = None,
    begins: BeginsOption = None,
    ends: EndsOption = None,
    content: ContentOption = None,
    attach: AttachOption = None,
    on: OnOption = None,
    data: DataOption = None,
    as_json: JsonOption = False,
    lang: LangOption = None,
) -> None:
    """Record an entry of a person's dossier. What it says is sealed, its attachments are stored encrypted."""
    ctx = context(data, as_json, lang)
    day = business_day_of("--on", on)
    said = _said(ctx, content, {"title": title, "text": text, "begins": begins, "ends": ends})
    ref, files = _open_file(ctx, person)
    draft = _Draft(ctx, ref, entries_of(files), _read_files(attach or []))
    draft.publish("dossier-entry-recorded", intake.DossierEntryRecorded, {"entry": entry, "section": section}, said, day)


def dossier_correct(
    person: PersonArgument,
    entry: EntryOption,
    reason: ReasonOption,
    entry_source: Annotated[
        str | None, typer.Option("--entry-source", help="who recorded it; else who acts", show_default=False)
    ] = None,
    section: Annotated[str | None, typer.Option("--section", help="else as it is", show_default=False)] = None,
    title: TitleOption = None,
    text: TextOption = None,
    begins: BeginsOption = None,
    ends: EndsOption = None,
    content: ContentOption = None,
    attach: AttachOption = None,
    keep: Annotated[
        list[str] | None, typer.Option("--keep", help="SHA-256 of one that stays; may be repeated", show_default=False)
    ] = None,
    drop_attachments: Annotated[bool, typer.Option("--drop-attachments", help="none of them stays")] = False,
    on: OnOption = None,
    data: DataOption = None,
    as_json: JsonOption = False,
    lang: LangOption = None,
) -> None:
    """Replace an entry by the whole of what it should say. What it said before stays recorded."""
    ctx = context(data, as_json, lang)
    day = business_day_of("--on", on)
    check_words(("--reason", reason))
    said = _said(ctx, content, {"title": title, "text": text, "begins": begins, "ends": ends})
    ref, files = _open_file(ctx, person)
    entries = entries_of(files)
    entry_source = entry_source or ctx.who(OPERATOR, DESK)
    name = f"{entry_source}/{entry}"
    known = next((each for each in entries if (each.person_ref, each.name) == (ref, name)), None)
    if known is None:
        fail(WRONG, ctx.say(f"档案中没有 {name}", f"the dossier has no entry {name}; see `hongling registry dossier {ref}`"))
    kept = _kept(known, keep or [], bool(attach) or drop_attachments)
    draft = _Draft(ctx, ref, entries, _read_files(attach or []), kept)
    section = section or known.latest.section
    values = {"entry": entry, "entry_source": entry_source, "section": section, "reason": reason.strip()}
    draft.publish("dossier-entry-corrected", intake.DossierEntryCorrected, values, said, day)


def _kept(known: Entry, keep: Sequence[str], decided: bool) -> list[Attachment]:
    """The attachments that stay. Nobody loses one by forgetting it: ends the command with 2 if that is not told."""
    there = {each.sha256: each for each in known.latest.attachments}
    strangers = [each for each in keep if each not in there]
    if strangers:
        fail(WRONG, f"the entry has no attachment {strangers[0]}; it has: {', '.join(there) or 'none'}")
    if there and not keep and not decided:
        fail(WRONG, f"the entry has attachments ({', '.join(there)}): say --keep SHA256 for each, or --drop-attachments")
    return [there[each] for each in dict.fromkeys(keep)]


def _said(ctx: Context, file: str | None, typed: Mapping[str, str | None]) -> DossierContent:
    """What the entry says, checked. Ends the command with 2, naming fields and repeating nothing."""
    given: Any = {name: value for name, value in typed.items() if value is not None}
    if file is not None:
        if given:
            fail(WRONG, "--content takes the place of --title, --text, --begins and --ends; give one or the others")
        given = _content_file(file)
    try:
        return DossierContent.model_validate(given)
    except ValidationError as error:
        problems = problems_of(error, lang="zh" if ctx.lang == "zh" else "en")
        fail(WRONG, "\n".join(f"{p.field}: {p.problem}; {p.remedy}" for p in problems))


def _content_file(file: str) -> Any:
    try:
        if file == "-":
            raw = sys.stdin.buffer.read(CONTENT_FILE_BYTES_MAX + 1)
        else:
            with Path(file).open("rb") as source:
                raw = source.read(CONTENT_FILE_BYTES_MAX + 1)
    except OSError as error:
        fail(WRONG, f"{file} cannot be read: {error.strerror}")
    if len(raw) > CONTENT_FILE_BYTES_MAX:
        fail(WRONG, f"{file} has more than {CONTENT_FILE_BYTES_MAX} bytes")
    try:
        return orjson.loads(raw)
    except orjson.JSONDecodeError:
        fail(WRONG, f"{file} is not JSON in UTF-8")


def _read_files(paths: Sequence[Path]) -> list[tuple[bytes, str]]:
    """(bytes, media type) of each file. Ends the command with 2 for one that is not kept."""
    found = []
    for path in paths:
        try:
            with path.open("rb") as file:
                content = file.read(ATTACHMENT_BYTES_MAX + 1)
        except OSError as error:
            fail(WRONG, f"{path} cannot be read: {error.strerror}")
        media_type = media_type_of(content)
        if not content or len(content) > ATTACHMENT_BYTES_MAX or media_type is None:
            limit = ATTACHMENT_BYTES_MAX // (1024 * 1024)
            fail(WRONG, f"{path} is not kept: attach PDF, PNG, JPEG, DOCX, XLSX or text in UTF-8, 1 byte to {limit} MiB")
        found.append((content, media_type))
    return found


@dataclass(frozen=True, slots=True)
class _Draft:
    """An entry about to be published. files: to be put into the store; kept: that are there already."""

    ctx: Context
    ref: str
    entries: Sequence[Entry]
    files: Sequence[tuple[bytes, str]]
    kept: Sequence[Attachment] = ()

    def publish(
        self, fact: str, model: type[BaseModel], values: Mapping[str, Any], said: DossierContent, on: date | None
    ) -> None:
        """Seal, store, publish, show the receipt. What was stored for an entry that is refused is deleted again."""
        ctx = self.ctx
        named = {a.sha256: a for a in self.kept}
        for content, media_type in self.files:
            digest = hashlib.sha256(content).hexdigest()
            named[digest] = Attachment(sha256=digest, media_type=media_type, size=len(content))
        if len(named) > ATTACHMENTS_MAX:
            fail(WRONG, f"an entry has at most {ATTACHMENTS_MAX} attachments; record the rest with another entry")
        data = {
            "person": {"person_ref": self.ref},
            **values,
            "content": self._sealed(said),
            "attachments": [each.payload() for each in named.values()],
        }
        # Before anything is stored for it.
        check_act(ctx, model, data)
        store, new = self._store()
        receipt = publish_act(ctx, fact, model, data, on)
        if receipt.outcome == "refused" and store is not None:
            for digest in new:
                if attached(self.entries, digest) is None:
                    store.discard(self.ref, digest)
        show_receipt(ctx, receipt)

    def _sealed(self, said: DossierContent) -> str:
        try:
            return seal_dossier(said, load_public_key(keys_folder(self.ctx) / PUBLIC))
        except (OSError, ValueError) as error:
            fail(WRONG, f"the entry cannot be sealed: {error}")

    def _store(self) -> tuple[Attachments | None, list[str]]:
        """Put the files into the store. Returns it, and the digests that are new there."""
        if not self.files:
            return None, []
        ctx, store, new = self.ctx, the_attachments(self.ctx), list[str]()
        with ctx.log("registry") as log:
            key = dossier_key(ctx, log, the_vault(ctx), self.ref)
        try:
            for content, media_type in self.files:
                kept, is_new = store.put(self.ref, key, content, media_type)
                new += [kept.sha256] if is_new else []
        except AttachmentRefused as error:
            self._take_back(store, new)
            fail(WRONG, str(error))
        except OSError as error:
            self._take_back(store, new)
            fail(UNREACHABLE, f"the attachments cannot be stored: {error.strerror}")
        return store, new

    def _take_back(self, store: Attachments, new: Sequence[str]) -> None:
        for digest in new:
            if attached(self.entries, digest) is None:
                store.discard(self.ref, digest)


# --- attachments ------------------------------------------------------------------------------------------------------


def attachment(
    person: PersonArgument,
    sha256: Annotated[str, typer.Argument(metavar="SHA256", help="see `hongling registry dossier`", show_default=False)],
    out: Annotated[Path, typer.Option("--out", help="a new file", show_default=False)],
    reason: ReasonOption,
    data: DataOption = None,
    as_json: JsonOption = False,
    lang: LangOption = None,
) -> None:
    """Take one attachment out of the store, after it is on record who did and why."""
    ctx = context(data, as_json, lang)
    check_words(("--reason", reason))
    ref, files = _open_file(ctx, person)
    named = attached(entries_of(files), sha256)
    if named is None:
        fail(WRONG, f"no entry of {ref} names an attachment {safe(sha256)}; see `hongling registry dossier {ref}`")
    if out.exists():
        fail(WRONG, f"{out} is there already; choose another name")
    holder, told = named
    store, vault = the_attachments(ctx), the_vault(ctx)
    if sha256 not in store.digests_of(holder):
        fail(DIFFERENCE, "an entry names this attachment, but it is not in the store; restore the store from its backup")
    recorded = record_unmasking(ctx, ref, ("dossier",), reason)
    with ctx.log("registry") as log:
        key = key_of(ctx, log, vault, holder, "dossier")
    if key is None:
        fail(DIFFERENCE, "the person's key is gone; nobody can read the attachment any more")
    try:
        content = store.get(holder, key, sha256)
    except (AttachmentMissing, AttachmentUnreadable) as error:
        fail(DIFFERENCE, str(error))
    out_file(out, content)
    answer = {"person_ref": ref, **told.payload(), "file": str(out), "event_id": recorded.event_id}
    ctx.show(
        answer,
        ctx.say(
            f"附件已写入 {safe(out)}（{told.size:,} 字节）；已记录（事件 {recorded.event_id}）",
            f"written to {safe(out)} ({told.size:,} bytes); recorded as event {recorded.event_id}",
        ),
    )
