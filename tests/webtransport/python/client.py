#!/usr/bin/env python3
"""Plays the cases of tests/webtransport/README.md with a client written in Python, and prints a line of JSON for each:

    client.py aioquic|pywebtransport --url https://HOST:PORT --path PATH --ca FILE CASE...
"""

import argparse
import asyncio
import dataclasses
import importlib
import importlib.metadata
import json
import logging

import cases

# How long a case may take.
PATIENCE = 20


@dataclasses.dataclass
class Target:
    """Where the cases are played."""

    # Of the server, without a path.
    url: str
    # Where the application is.
    path: str
    certificate: str

    @property
    def port(self):
        return int(self.url.rsplit(":", 1)[1])


async def play(case, library, target):
    """The result of a case, and why it is not `pass`."""
    try:
        async with asyncio.timeout(PATIENCE):
            await cases.ALL[case](library, target)
    except cases.Unable as unable:
        return "cannot", str(unable)
    except Exception as error:
        return "fail", f"{type(error).__name__}: {error}"
    return "pass", ""


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("client", choices=["aioquic", "pywebtransport"])
    arguments.add_argument("--url", required=True)
    arguments.add_argument("--path", required=True)
    arguments.add_argument("--ca", required=True)
    arguments.add_argument("cases", nargs="*")
    given = arguments.parse_intermixed_args()
    # What a library has to say of an end that the case wants is no news.
    logging.disable()
    library = importlib.import_module(f"with_{given.client}")
    version = importlib.metadata.version(given.client)
    target = Target(given.url, given.path, given.ca)
    for case in given.cases:
        result, note = asyncio.run(play(case, library, target))
        outcome = {"client": given.client, "version": version, "case": case, "result": result, "note": note}
        print(json.dumps(outcome), flush=True)


if __name__ == "__main__":
    main()
