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
    # The note of a failed case contains one of these.
    shows: list
    # For the reader of the tables.
    because: str
    # Those who have it: clients, or servers whatever the client.
    clients: list = dataclasses.field(default_factory=list)
    servers: list = dataclasses.field(default_factory=list)
    # Whether the case passes by luck now and then.
    sometimes: bool = False

    def concerns(self, outcome):
        """Whether this is about that client or server and that case."""
        column = outcome.case.partition(".")[0]
        mine = outcome.client in self.clients or outcome.server in self.servers
        return mine and (outcome.case in self.cases or column in self.cases)

    def explains(self, outcome):
        """Whether this is why a case failed. A case that passes by luck is no better."""
        if not self.concerns(outcome):
            return False
        return self.sometimes if outcome.result == "pass" else any(words in outcome.note for words in self.shows)


class Limitations:
    """All that are known."""

    def __init__(self, known):
        self.known = known

    @classmethod
    def read(cls, file):
        known = [Limitation(**table) for table in tomllib.loads(file.read_text())["limitations"]]
        return cls(known)

    def of(self, outcome):
        """The limitation that explains why this outcome is no pass, or None."""
        return next((one for one in self.known if one.explains(outcome)), None)

    def surprise(self, outcome):
        """What about an outcome is not known yet; None if it is as expected."""
        if outcome.result != "pass":
            return None if self.of(outcome) else f"{outcome.result}: {outcome.note}"
        unexpected = [one for one in self.known if one.concerns(outcome) and not one.sometimes]
        return f"passes, in spite of: {unexpected[0].because}" if unexpected else None

    def unused(self, outcomes):
        """Those that explain nothing."""
        return [one for one in self.known if not any(one.explains(outcome) for outcome in outcomes)]
