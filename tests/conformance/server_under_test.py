#!/usr/bin/env python3
"""The server that the conformance suite tests: the gateway before the suite's own reference server.

The suite starts this once for each kind of server that it wants. It writes a `ServerCompatRequest` to standard input,
reads a `ServerCompatResponse` from standard output, and sends SIGTERM when it is done. Both messages have their length
before them, as four bytes in network order.

Whatever kind of server the suite asks for, the reference server speaks what CONFORMANCE_UPSTREAM says (`grpc`, the
default, `grpc-web` or `connect`) over HTTP/2 without TLS.
"""

import contextlib
import json
import os
import pathlib
import signal
import struct
import sys
import threading

sys.path.append(str(pathlib.Path(__file__).resolve().parents[1] / "lib"))
import launch

HTTP_VERSION_3 = 3
# As a cluster's `protocol` has it.
UPSTREAM = os.environ.get("CONFORMANCE_UPSTREAM", "grpc")


class Asked:
    """A `connectrpc.conformance.v1.ServerCompatRequest`."""

    def __init__(self, message):
        fields = dict(read_fields(message))
        self.http_version = fields.get(2, 0)
        self.use_tls = bool(fields.get(4, 0))
        self.client_authority = fields.get(5, b"")
        self.message_receive_limit = fields.get(6, 0)
        credentials = dict(read_fields(fields.get(7, b"")))
        self.certificate, self.key = credentials.get(1, b""), credentials.get(2, b"")


def read_fields(message):
    """The numbers and values of a message's fields: integers, and bytes for what has a length."""
    at = 0

    def varint():
        nonlocal at
        value = shift = 0
        while True:
            byte = message[at]
            at += 1
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return value

    while at < len(message):
        number, wire_type = divmod(varint(), 8)
        if wire_type == 0:
            yield number, varint()
        elif wire_type == 2:
            length = varint()
            yield number, message[at:at + length]
            at += length
        else:
            raise launch.Failure(f"field {number} of the request has the unknown wire type {wire_type}")


def read_request(stream):
    length, = struct.unpack(">I", stream.read(4))
    return Asked(stream.read(length))


def write_response(stream, host, port, certificate):
    message = b"".join([
        b"\x0a" + varint_of(len(host)) + host.encode(),
        b"\x10" + varint_of(port),
        b"\x1a" + varint_of(len(certificate)) + certificate if certificate else b"",
    ])
    stream.write(struct.pack(">I", len(message)) + message)
    stream.flush()


def varint_of(value):
    encoded = bytearray()
    while value >= 0x80:
        encoded.append(value & 0x7F | 0x80)
        value >>= 7
    encoded.append(value)
    return bytes(encoded)


@contextlib.contextmanager
def reference_server():
    """Yields the port of the suite's reference server."""
    protocol = "PROTOCOL_" + UPSTREAM.upper().replace("-", "_")
    asked = {"protocol": protocol, "httpVersion": "HTTP_VERSION_2"}
    program = launch.Program(
        "referenceserver",
        launch.TARGET / "bin" / "referenceserver", "-json", "-bind", "127.0.0.1", "-port", "0",
        stdin=json.dumps(asked).encode(),
    )
    try:
        answer = json.loads("".join([*program.lines_until("}"), "}"]))
        yield answer["port"]
    finally:
        program.stop()


def configuration(asked, upstream_port):
    """The gateway's configuration for what the suite asked for."""
    def pem(name, content):
        path = launch.RUN / name
        path.write_bytes(content)
        return json.dumps(str(path))

    tls = ""
    if asked.use_tls:
        keys = f'cert = {pem("certificate.pem", asked.certificate)}, key = {pem("key.pem", asked.key)}'
        if asked.client_authority:
            keys += f', client_ca = {pem("client_authority.pem", asked.client_authority)}, client_auth = "required"'
        tls = f"tls = {{ {keys} }}\nquic = {json.dumps(asked.http_version == HTTP_VERSION_3)}"
    return f"""
# The suite leaves connections open when it is done.
drain_timeout = "1s"

[[listeners]]
listen = "127.0.0.1:0"
{tls}

[[routes]]
services = ["connectrpc.conformance.v1.*"]
cluster = "reference"
max_request_message = {asked.message_receive_limit}

[[clusters]]
name = "reference"
protocol = "{UPSTREAM}"
endpoints = ["http://127.0.0.1:{upstream_port}"]
descriptors = {{ file = {json.dumps(str(launch.TARGET / "bin" / "conformance.binpb"))} }}
"""


def serve(stopped):
    """Serves until `stopped` is set."""
    asked = read_request(sys.stdin.buffer)
    kind = "http"
    if asked.use_tls:
        kind = "quic" if asked.http_version == HTTP_VERSION_3 else "tls"
    with reference_server() as port, launch.gateway_with(configuration(asked, port)) as gateway:
        host, port = gateway.addresses[kind]
        write_response(sys.stdout.buffer, host, port, asked.certificate if asked.use_tls else b"")
        stopped.wait()


def main():
    stopped = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stopped.set())
    try:
        serve(stopped)
    except Exception as failure:
        # The suite does not look at how a server ends.
        with open(os.environ["CONFORMANCE_FAILURES"], "a") as failures:
            print(failure, file=failures)
        raise


if __name__ == "__main__":
    main()
