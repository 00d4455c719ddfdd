"""What clients showed, and what is known that they do not do."""

import dataclasses
import tomllib


@dataclasses.dataclass
class Outcome:
    """How a case went."""

    client: str
    version: str
    # The server behind the gateway, or `gateway`.
    server: str
    case: str
    # `pass`, `fail` or `cannot`.
    result: str
    note: str


@dataclasses.dataclass
class Limitation:
    """What a client, or a server, is known not to do."""

    # Cases, or whole columns.
    cases: list
    # What the note of a failed case contains.
    shows: str
    # For the reader of the tables.
    because: str
    client: str = ""
    server: str = ""
    # Whether the case sometimes passes by luck.
    sometimes: bool = False

    def concerns(self, outcome):
        """Whether this is about that client or server and that case."""
        column = outcome.case.partition(".")[0]
        return ((not self.client or self.client == outcome.client)
                and (not self.server or self.server == outcome.server)
                and (outcome.case in self.cases or column in self.cases))


class Limitations:
    """All that are known."""

    def __init__(self, known):
        self.known = known

    @classmethod
    def read(cls, file):
        known = [Limitation(**table) for table in tomllib.loads(file.read_text())["limitations"]]
        for limitation in known:
            assert limitation.client or limitation.server, f"nobody has the limitation {limitation}"
        return cls(known)

    def of(self, outcome):
        """The limitation that explains why this outcome is no pass, or None."""
        if outcome.result == "pass":
            return None
        found = (one for one in self.known if one.concerns(outcome) and one.shows in outcome.note)
        return next(found, None)

    def surprise(self, outcome):
        """What about an outcome is not known yet; None if it is as expected."""
        if outcome.result != "pass":
            return None if self.of(outcome) else f"{outcome.result}: {outcome.note}"
        # A client's own limitation may be hidden by the server's, which fails first; never the other way around.
        unexpected = [one for one in self.known if one.concerns(outcome) and not one.sometimes]
        return f"passes, in spite of: {unexpected[0].because}" if unexpected else None
