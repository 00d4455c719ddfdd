"""SIGTERM in the middle of a call: the client is told to go elsewhere, the call goes on to its end, and only then the
gateway exits, with 0."""

import asyncio
import queue

import grpc
import grpc_wt
import interop_pb2_grpc as pb_grpc
import launch
import native
from http3 import PATIENCE, open_http3
from http3_cases import Stream
from native import stream_request
from webtransport_cases import DUPLEX, open_session, reply_size

# draft-ietf-webtrans-http3, section 4.6: a WT_DRAIN_SESSION capsule, whose type is a varint of four bytes.
DRAIN_SESSION = b"\x80\x00\x78\xae\x00"


# docs/grpc-webtransport.md, section 9: the same within a call's response.
DRAIN_NOTICE = 0x24
# The same: nothing of the call was processed.
REFUSED = 0x30


class Duplex:
    """A grpcio call that sends when it is told to."""

    def __init__(self, channel):
        self._requests = queue.Queue()
        self._replies = pb_grpc.TestServiceStub(channel).FullDuplexCall(
            iter(self._requests.get, None), timeout=native.DEADLINE
        )

    def ping(self, size):
        self._requests.put(stream_request([size]))
        assert len(next(self._replies).payload.body) == size

    def finish(self):
        self._requests.put(None)
        assert list(self._replies) == []
        assert self._replies.code() == grpc.StatusCode.OK


def http2(gateway, channel):
    states = queue.Queue()
    with channel:
        channel.subscribe(states.put)
        call = Duplex(channel)
        call.ping(1)
        gateway.program.terminate()
        # A channel that was sent GOAWAY has no connection for new calls.
        while states.get(timeout=PATIENCE) != grpc.ChannelConnectivity.READY:
            pass
        assert states.get(timeout=PATIENCE) == grpc.ChannelConnectivity.IDLE
        call.ping(2)
        call.finish()


def h2c(gateway):
    http2(gateway, native.cleartext(gateway.addresses["http"]))


def h2_tls(gateway):
    http2(gateway, native.tls(gateway.addresses["tls"], gateway.certificate))


async def http3(gateway, connection):
    call = Stream(connection, "FullDuplexCall")
    call.send(stream_request([1]))
    await connection.head(call.stream)
    await call.next_message()
    gateway.program.terminate()
    # aioquic keeps GOAWAY to itself; the call's own second half is what it shows.
    for size in (2, 3):
        call.send(stream_request([size]))
        assert len((await call.next_message()).payload.body) == size
    connection.send(call.stream, b"", end=True)
    assert await call.status() == 0


async def webtransport(gateway, connection):
    session = await open_session(connection)
    call = grpc_wt.Call(connection, session)
    call.open(DUPLEX)
    call.send(grpc_wt.MESSAGE, stream_request([1]).SerializeToString())
    await call.next_message()
    gateway.program.terminate()
    event = await connection.next_arrival(session)
    assert event.data == DRAIN_SESSION and not event.stream_ended, event
    call.send(grpc_wt.MESSAGE, stream_request([2]).SerializeToString())
    assert reply_size(await call.next_message()) == 2
    late = grpc_wt.Call(connection, session)
    late.open(DUPLEX)
    assert await late.end() == ([], 14)
    assert late.extensions == [(REFUSED, b"")], late.extensions
    call.half_close()
    assert await call.end() == ([], 0)
    assert call.extensions == [(DRAIN_NOTICE, b"")], call.extensions


def over_quic(case):
    async def run(gateway):
        async with open_http3(gateway.addresses["quic"], gateway.certificate) as connection:
            await case(gateway, connection)

    return lambda gateway: asyncio.run(run(gateway))


CASES = {"grpcio h2c": h2c, "grpcio h2 TLS": h2_tls, "aioquic HTTP/3": over_quic(http3),
         "aioquic WebTransport": over_quic(webtransport)}


def run_all(cases, upstream):
    def run(case):
        # That it exits with 0 is looked at when it is stopped.
        with launch.gateway(upstream) as gateway:
            case(gateway)

    for name, case in CASES.items():
        cases.run(f"{name}: drain", run, case)
