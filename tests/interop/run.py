#!/usr/bin/env python3
"""grpc-go's interop client through the gateway, over h2c and TLS, to grpc-go's test service; and the same cases over
every other client protocol, played by the harness of tests/e2e.

`--direct` leaves the gateway out, which shows what the two do by themselves.
"""

import concurrent.futures
import json
import os
import pathlib
import subprocess
import sys
import urllib.request

sys.path.append(str(pathlib.Path(__file__).resolve().parents[1] / "lib"))
import launch
from cases import Cases

# The cases of gRPC's interop test descriptions that need neither a cloud nor a balancing client.
CASES = [
    "empty_unary",
    "large_unary",
    "client_streaming",
    "server_streaming",
    "ping_pong",
    "empty_stream",
    "custom_metadata",
    "status_code_and_message",
    "special_status_message",
    "unimplemented_method",
    "unimplemented_service",
    "cancel_after_begin",
    "cancel_after_first_response",
    "timeout_on_sleeping_server",
]
# Calls of 270 kB up and 310 kB down by eight workers at once. A build without optimisation on a busy machine is slow,
# so only the time for all of them is bounded tightly.
SOAK = [
    "-soak_iterations=200",
    "-soak_num_threads=8",
    "-soak_overall_timeout_seconds=90",
    "-soak_per_iteration_max_acceptable_latency_ms=20000",
]
# Every call on a connection of its own. The client wants the workers to have equal shares of the calls.
CHANNEL_SOAK = [word.replace("=200", "=64") for word in SOAK]
# A gateway that asks the server what it serves.
REFLECTED = """
[admin]
listen = "127.0.0.1:0"

[[listeners]]
listen = "127.0.0.1:0"

[[routes]]
cluster = "interop"

[[clusters]]
name = "interop"
endpoints = ["http://UPSTREAM"]
descriptors = { reflection = true }
"""


def interop_client(case, transport, arguments=()):
    """Runs one case of the client; it exits with 1 and says why if the case fails."""
    host, port, certificate = transport
    command = [launch.TARGET / "bin" / "interop-client", f"-test_case={case}", f"-server_host={host}",
               f"-server_port={port}", *arguments]
    if certificate:
        command += ["-use_tls", "-use_test_ca", f"-ca_file={certificate}", "-server_host_override=localhost"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    if done.returncode != 0:
        raise launch.Failure(f"{case} exited with {done.returncode}:\n{done.stderr[-2000:]}")
    return done.stderr


def soak(transports):
    """Both soak tests over all transports at once."""
    with concurrent.futures.ThreadPoolExecutor() as pool:
        runs = [
            pool.submit(interop_client, case, transport, arguments)
            for transport in transports
            for case, arguments in (("rpc_soak", SOAK), ("channel_soak", CHANNEL_SOAK))
        ]
        for run in runs:
            run.result()


def run_all(cases, transports):
    for name, transport in transports.items():
        for case in CASES:
            cases.run(f"{name} {case}", interop_client, case, transport)
    cases.run(f"{' and '.join(transports)} rpc_soak and channel_soak at once", soak, list(transports.values()))


def other_protocols(cases, upstream):
    """The harness's own cases. It starts a gateway of its own, and prints a line for each."""
    done = subprocess.run([launch.TARGET.parent / "debug" / "interop", upstream], capture_output=True, text=True,
                          timeout=600, env={**os.environ, "SLUICEGATE_BIN": str(launch.sluicegate())})
    for line in done.stdout.splitlines():
        verdict, _, rest = line.partition(" ")
        cases.note(rest, verdict == "ok")
    if done.returncode != 0:
        raise launch.Failure(f"the harness exited with {done.returncode}:\n{done.stderr[-2000:]}")


def reflection(upstream):
    """What grpc-go's own reflection service tells is enough to call its methods with JSON."""
    with launch.gateway_with(REFLECTED.replace("UPSTREAM", upstream)) as gateway:
        (host, port), (_, admin) = gateway.addresses["http"], gateway.addresses["admin"]
        # What the environment says of proxies is not meant for these.
        direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with direct.open(f"http://{host}:{admin}/descriptors", timeout=launch.PATIENCE) as page:
            source = json.load(page)[0]
        for method in ("grpc.testing.TestService/UnaryCall", "grpc.reflection.v1.ServerReflection/ServerReflectionInfo"):
            if method not in source["methods"] or source["error"]:
                raise launch.Failure(f"the gateway does not know {method}: {source}")
        call = urllib.request.Request(f"http://{host}:{port}/grpc.testing.TestService/UnaryCall",
                                      data=b'{"responseSize": 4}', headers={"content-type": "application/json"})
        with direct.open(call, timeout=launch.PATIENCE) as response:
            reply = json.load(response)
        if reply != {"payload": {"body": "AAAAAA=="}}:
            raise launch.Failure(f"the reply is {reply}")


def main():
    cases = Cases()
    with launch.interop_server() as (_, upstream):
        if "--direct" in sys.argv:
            host, _, port = upstream.rpartition(":")
            run_all(cases, {"direct": (host, port, None)})
        else:
            with launch.gateway(upstream) as gateway:
                run_all(cases, {
                    "h2c": (*gateway.addresses["http"], None),
                    "tls": (*gateway.addresses["tls"], gateway.certificate),
                })
            other_protocols(cases, upstream)
            cases.run("reflection", reflection, upstream)
    return cases.finish()


if __name__ == "__main__":
    sys.exit(main())
