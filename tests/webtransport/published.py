"""The tables in docs/webtransport.md."""

import pathlib
import re

DOCUMENT = pathlib.Path(__file__).resolve().parents[2] / "docs" / "webtransport.md"
BEGIN = "<!-- made by tests/webtransport/run.py; what is between these lines is not written by hand -->"
END = "<!-- end of what tests/webtransport/run.py made -->"
# The columns of the tables, by what stands before the dot in the names of cases.
COLUMNS = {
    "session": "session",
    "bidi": "bidi",
    "uni": "uni",
    "datagrams": "datagrams",
    "close": "close, both ways",
    "codes": "codes of resets and stops",
    "subprotocol": "subprotocol",
    "sessions": "two sessions",
    "get": "GET beside",
    "grpc": "gRPC call",
}


class Notes:
    """Footnotes, numbered as they are first used."""

    def __init__(self):
        self._texts = []

    def number(self, text):
        if text not in self._texts:
            self._texts.append(text)
        return self._texts.index(text) + 1

    def lines(self):
        return [f"{number}. {text}" for number, text in enumerate(self._texts, 1)]


def cell(outcomes, limitations, notes):
    """What a table says of these outcomes."""
    if not outcomes:
        return ""
    limited = [(one, limitations.of(one)) for one in outcomes if one.result != "pass" or limitations.of(one)]
    if not limited:
        return "pass"
    reasons = sorted({notes.number(limitation.because) if limitation else 0 for _, limitation in limited})
    numbers = ", ".join(str(reason) if reason else "not known why" for reason in reasons)
    passed = {one.case for one in outcomes} - {one.case for one, _ in limited}
    return f"{'in part' if passed else 'no'} ({numbers})"


def table(title, columns, rows):
    head = [title, *columns]
    lines = [head, ["---"] * len(head), *rows]
    return ["| " + " | ".join(cells) + " |" for cells in lines]


def tables(outcomes, drafts, limitations):
    """The lines of both tables."""
    notes, clients = Notes(), {}
    for outcome in outcomes:
        clients.setdefault(outcome.client, []).append(outcome)
    rows = [client_row(client, drafts[client], mine, limitations, notes) for client, mine in clients.items()]
    lines = table("client", ["draft", *COLUMNS.values()], rows)
    columns = [column for column in COLUMNS if column not in ("get", "grpc")]
    servers = dict.fromkeys(outcome.server for outcome in outcomes if outcome.server != "gateway")
    rows = [server_row(server, columns, outcomes, limitations, notes) for server in servers]
    lines += ["", *table("server behind the gateway", [COLUMNS[column] for column in columns], rows), ""]
    return lines + notes.lines()


def client_row(client, drafts, outcomes, limitations, notes):
    """What a client shows, apart from what a server behind the gateway does not do."""
    version = next((outcome.version for outcome in outcomes if outcome.version), "")
    name = client if version.removeprefix("v") in client else f"{client.split(' v')[0]} {version}"
    by_server = [one for one in outcomes if not is_of_server(one, limitations)]
    cells = [cell(in_column(by_server, column), limitations, notes) for column in COLUMNS]
    return [name, ", ".join(draft.removeprefix("draft-") for draft in drafts) or "none", *cells]


def server_row(server, columns, outcomes, limitations, notes):
    """What every client shows of a server that the client itself can do."""
    mine = [one for one in outcomes
            if one.server == server and (is_of_server(one, limitations) or not limitations.of(one))]
    return [server, *(cell(in_column(mine, column), limitations, notes) for column in columns)]


def in_column(outcomes, column):
    return [outcome for outcome in outcomes if outcome.case.startswith(column + ".")]


def is_of_server(outcome, limitations):
    limitation = limitations.of(outcome)
    return limitation is not None and bool(limitation.servers)


def without_versions(lines):
    """Which version it was is for readers. A newer one that shows the same is no reason to fail."""
    return [re.sub(r"^(\| [^|]*?) v?\d[\w.+-]* \|", r"\1 |", line) for line in lines]


def parts():
    """The document before the tables, the tables, and what follows."""
    before, _, rest = DOCUMENT.read_text().partition(BEGIN + "\n")
    tables, end, after = rest.partition(END)
    assert end, f"{DOCUMENT} has no place for the tables"
    return before, tables, after


def write(lines):
    before, _, after = parts()
    body = "\n".join(["", *lines, ""])
    DOCUMENT.write_text(f"{before}{BEGIN}\n{body}\n{END}{after}")


def compare(lines):
    there = parts()[1].strip("\n").split("\n")
    wanted = without_versions(lines)
    assert without_versions(there) == wanted, "the tables are others; --write-docs publishes these:\n" + "\n".join(lines)
