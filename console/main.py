"""The ``hongling`` command: its groups of commands, each imported when it is called."""

from __future__ import annotations

import typer

from console.lazily import Entry, lazy_group

__all__ = ["COMMANDS", "app"]

COMMANDS = {
    "up": Entry("console.operate", "Run the broker and all services, embedded, until Ctrl-C."),
    "run": Entry("console.operate", "Run one service in the foreground; settings from HONGLING_* variables."),
    "provision": Entry("console.operate", "Create or update streams, consumers and tables."),
    "status": Entry("console.operate", "Health, lag, positions, and the messages that are parked or held, oldest first."),
    "demo": Entry(
        "console.demo",
        "Run the main job on a real broker and real stores: a published county, a made-up city, explanation, replay, proof.",
    ),
    "intake": Entry("console.intake", "Facts from files: check, publish, receipt, template."),
    "registry": Entry(
        "console.registry", "The registry's own desk: workers, certification, units, inspections, dossiers, personal data."
    ),
    "certificate": Entry("console.certificates", "Certificates: show, verify, change, recognise, export as credentials."),
    "policy": Entry("console.policies", "Policy documents: check, publish, confirm, list, show."),
    "what-if": Entry(
        "console.whatif", "A candidate policy over everybody's facts: what it would come to, and who would get more or less."
    ),
    "talent": Entry("console.talent", "The reserve pool: standards, candidates, and acts about them."),
    "finance": Entry("console.finance", "What is owed, payment runs, the bank's files, the ledger, and the finance feed."),
    "explain": Entry(
        "console.explain",
        "Why a worker was paid for a year, or was not: each condition, the arithmetic, the payers, and every adjustment.",
    ),
    "history": Entry(
        "console.history",
        "Everything on file about a worker, when it was true and when it was known, and every decision about them.",
    ),
    "trace": Entry(
        "console.trace", "What led to an event, up to the message that came in, and what it led to, in all services."
    ),
    "conflicts": Entry(
        "console.conflicts",
        "Facts that contradict each other: what stands by the rule, against what, and who reported each.",
    ),
    "replay": Entry("console.prove", "Rebuild the read models from the log."),
    "verify": Entry("console.prove", "Hold log, tree, read models and stream against each other."),
    "stream": Entry("console.streams", "The services' streams, which can be made again from their logs."),
    "parked": Entry("console.parked", "Messages that were set aside: list, show, retry, discard."),
    "proposal": Entry("console.proposals", "Acts that need a second principal: list, show, confirm, withdraw."),
    "principal": Entry("console.principal_acts", "Who is known to the broker, with which credential."),
    "tls": Entry("console.tls_acts", "Certificates for the broker, the databases and who connects."),
    "keys": Entry("console.keys", "The registry's key files: create, rotate, rewrap, index, seal, credential."),
}

app = typer.Typer(
    cls=lazy_group(COMMANDS),
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Hongling 红领: registration, certification, allowance and reserve pool of party-affairs workers.",
)


@app.callback()
def _hongling() -> None:
    # Typer makes a group of it only where there is a callback; its help is the application's.
    return None
