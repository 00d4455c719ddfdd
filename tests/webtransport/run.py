#!/usr/bin/env python3
"""Clients that others wrote, through the gateway, to servers that others wrote; README.md beside this file says how.

    run.py                  all clients; the tables in docs/webtransport.md must be what they show
    run.py aioquic          only these
    run.py --direct         without the gateway
    run.py --write-docs     publishes the tables
"""

import argparse
import contextlib
import json
import pathlib
import re
import subprocess
import sys
import urllib.request

HERE = pathlib.Path(__file__).resolve().parent
sys.path.append(str(HERE.parent / "lib"))
import launch
import published
from cases import Cases
from outcomes import Limitations, Outcome

BINARIES = launch.TARGET / "bin"
PYTHON = HERE / "python" / "client.py"
BROWSERS = HERE / "browsers" / "client.mjs"
# What is run for each client, by its name in the tables, in their order.
CLIENTS = {
    "Chromium": ["node", BROWSERS, "chromium"],
    "Firefox": ["node", BROWSERS, "firefox"],
    "webtransport-go": [BINARIES / "webtransport-go-client", "webtransport-go"],
    "webtransport-go, lenient": [BINARIES / "webtransport-go-client-lenient", "webtransport-go"],
    "webtransport-go v0.10": [BINARIES / "webtransport-go-client-v0.10", "webtransport-go"],
    "web-transport-quinn": [launch.TARGET.parent / "debug" / "webtransport-client", "web-transport-quinn"],
    "wtransport": [launch.TARGET.parent / "debug" / "webtransport-client", "wtransport"],
    "webtrans-quinn": [launch.TARGET.parent / "debug" / "webtransport-client", "webtrans-quinn"],
    "aioquic": [launch.TARGET / "venv" / "bin" / "python", PYTHON, "aioquic"],
    "pywebtransport": [launch.TARGET / "venv-pywebtransport" / "bin" / "python", PYTHON, "pywebtransport"],
    "quic-go's HTTP/3": [BINARIES / "webtransport-go-client", "quic-go"],
}
SERVERS = {
    "webtransport-go": [BINARIES / "webtransport-go-upstream"],
    "wtransport": [launch.TARGET.parent / "debug" / "webtransport-upstream"],
}
# What the application behind a route is asked for, and what the gateway itself is.
OF_APPLICATION = [
    "session.opened", "bidi.client", "bidi.server", "bidi.many", "uni.client", "uni.server", "datagrams.echo", "close.client",
    "close.server", "codes.client-reset", "codes.client-stop", "codes.server-reset", "codes.server-stop",
    "codes.large", "subprotocol.chosen", "sessions.two", "sessions.pooled",
]
OF_GATEWAY = ["session.refused", "get.beside", "grpc.call"]
# webtransport-go gives the capsule that closes a session 10 ms to be written and resets the stream instead if that was too
# short, as it is now and then on a busy machine.
TRIES = {("webtransport-go", "close.server"): 3}
# A case lasts at most 20 seconds.
PATIENCE = 25 * (len(OF_APPLICATION) + len(OF_GATEWAY))


def make_certificate():
    """As `launch.make_certificate`, but rustls takes no authority's certificate for a server's. Browsers that are given
    its hash want one that is valid for two weeks at most."""
    certificate, key = launch.RUN / "certificate.pem", launch.RUN / "key.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "10",
         "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1",
         "-addext", "basicConstraints=critical,CA:FALSE", "-keyout", key, "-out", certificate],
        check=True,
        capture_output=True,
    )
    return certificate, key


@contextlib.contextmanager
def servers(certificate, key):
    """The application on each library. Yields their addresses."""
    with contextlib.ExitStack() as running:
        addresses = {}
        for name, command in SERVERS.items():
            program = launch.Program(f"upstream-{name}", *command, certificate, key)
            running.callback(program.stop)
            addresses[name] = program.line("listening ")
        yield addresses


def configuration(certificate, key, interop, addresses):
    """The gateway's: a route to each server, and gRPC."""
    text = (HERE / "gateway.toml").read_text()
    for name, address in addresses.items():
        text += (HERE / "servers.toml").read_text().replace("NAME", name).replace("ADDRESS", address)
    return text.replace("CERTIFICATE", str(certificate)).replace("KEY", str(key)).replace("INTEROP", interop)


def play(client, server, url, path, certificate, cases):
    """Runs a client's program, and answers an outcome for each case. What it says of itself goes to a log."""
    command = [*CLIENTS[client], "--url", url, "--path", path, "--ca", certificate, *cases]
    log = launch.RUN / f"client-{client}-{server}.log".replace("/", "-").replace(" ", "-")
    with log.open("wb") as errors:
        try:
            done = subprocess.run([str(word) for word in command], stdout=subprocess.PIPE, stderr=errors,
                                  timeout=PATIENCE)
            printed = done.stdout
        except subprocess.TimeoutExpired as late:
            printed = late.stdout or b""
    shown = {}
    for line in printed.decode().splitlines():
        with contextlib.suppress(json.JSONDecodeError):
            outcome = json.loads(line)
            shown[outcome["case"]] = outcome
    missing = {"version": "", "result": "fail", "note": f"the client printed nothing of it; see {log}"}
    outcomes = []
    for case in cases:
        outcome = shown.get(case, missing)
        outcomes.append(Outcome(client, outcome["version"], server, case, outcome["result"], outcome["note"]))
    return outcomes


def play_patiently(client, server, url, path, certificate, limitations):
    """The same for all cases of an application, some of which are tried again if they surprise."""
    outcomes = play(client, server, url, path, certificate, OF_APPLICATION)
    for place, outcome in enumerate(outcomes):
        for _ in range(1, TRIES.get((server, outcome.case), 1)):
            if limitations.surprise(outcomes[place]):
                outcomes[place], = play(client, server, url, path, certificate, [outcome.case])
    return outcomes


def sessions(gateway):
    """How many sessions of each draft there have been, as the gateway's metrics say."""
    host, port = gateway.addresses["admin"]
    # What the environment says of proxies is not meant for this.
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with direct.open(f"http://{host}:{port}/metrics", timeout=launch.PATIENCE) as page:
        text = page.read().decode()
    found = re.findall(r'^sluicegate_webtransport_sessions_total\{draft="([^"]+)"[^}]*\} (\d+)', text, re.MULTILINE)
    return {draft: int(count) for draft, count in found}


def through_gateway(clients, certificate, key, addresses, limitations):
    """Plays all cases of the clients through the gateway. Yields the outcomes of each, and the drafts it was seen to
    speak."""
    with launch.interop_server() as (_, interop):
        with launch.gateway_with(configuration(certificate, key, interop, addresses), certificate) as gateway:
            url = f"https://127.0.0.1:{gateway.addresses['quic'][1]}"
            for client in clients:
                before = sessions(gateway)
                outcomes = play(client, "gateway", url, f"/{next(iter(addresses))}", certificate, OF_GATEWAY)
                for server in addresses:
                    outcomes += play_patiently(client, server, url, f"/{server}", certificate, limitations)
                drafts = [draft for draft, count in sessions(gateway).items() if count > before.get(draft, 0)]
                yield outcomes, drafts


def directly(clients, certificate, addresses, limitations):
    for client in clients:
        outcomes = []
        for server, address in addresses.items():
            url = f"https://127.0.0.1:{address.rpartition(':')[2]}"
            outcomes += play_patiently(client, server, url, "/", certificate, limitations)
        yield outcomes, []


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--direct", action="store_true")
    arguments.add_argument("--write-docs", action="store_true")
    arguments.add_argument("clients", nargs="*", metavar="CLIENT")
    given = arguments.parse_args()
    clients = given.clients or list(CLIENTS)
    if unknown := set(clients) - set(CLIENTS):
        arguments.error(f"there is no client {', '.join(unknown)}; there are: {', '.join(CLIENTS)}")
    limitations = Limitations.read(HERE / "limitations.toml")
    cases, shown, drafts = Cases(), [], {}
    certificate, key = make_certificate()
    with servers(certificate, key) as addresses:
        runs = (directly(clients, certificate, addresses, limitations) if given.direct
                else through_gateway(clients, certificate, key, addresses, limitations))
        for outcomes, drafts_of_client in runs:
            drafts[outcomes[0].client] = drafts_of_client
            for outcome in outcomes:
                judge(cases, limitations, outcome)
            shown += outcomes
    if not given.clients and not given.direct:
        made = published.tables(shown, drafts, limitations)
        if given.write_docs:
            published.write(made)
        cases.run("every known limitation was seen", all_seen, limitations, shown)
        cases.run("docs/webtransport.md shows what this run gave", published.compare, made)
    return cases.finish()


def all_seen(limitations, shown):
    unused = [limitation.because for limitation in limitations.unused(shown)]
    assert not unused, f"nobody shows: {unused}"


def judge(cases, limitations, outcome):
    """Counts an outcome: it must be what is known of the client."""
    surprise = limitations.surprise(outcome)
    name = f"{outcome.client} through {outcome.server}: {outcome.case}"
    cases.note(name if outcome.result == "pass" else f"{name} (known: {outcome.note})" if not surprise else name,
               not surprise)
    if surprise:
        print(f"       {surprise}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
