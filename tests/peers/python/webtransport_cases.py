"""gRPC over WebTransport by aioquic, whose WebTransport is the draft that browsers speak today."""

import asyncio
import gzip
import urllib.parse

import grpc_wt
import http3_cases
import interop_pb2 as pb
from grpc_wt import COMPRESSED, HEADERS, MESSAGE, TRAILERS, Call
from http3 import Reset, open_http3, value
from http3_cases import SERVICE, ended
from native import SIZES, request_for, stream_request

UNARY, OUTPUT, DUPLEX = SERVICE + "UnaryCall", SERVICE + "StreamingOutputCall", SERVICE + "FullDuplexCall"


async def open_session(connection, **named):
    session, status, _ = await connection.open_session(grpc_wt.PATH, **named)
    assert status == 200, status
    return session


def reply_size(message):
    return len(pb.StreamingOutputCallResponse.FromString(message).payload.body)


async def session_of_drafts_2_to_14(connection, _):
    await empty_call(connection, await open_session(connection, protocol="webtransport"))


async def session_of_draft_15(connection, _):
    await empty_call(connection, await open_session(connection, protocol="webtransport-h3"))


async def empty_call(connection, session):
    call = Call(connection, session)
    call.open(SERVICE + "EmptyCall")
    call.send(MESSAGE)
    call.half_close()
    assert await call.end() == ([b""], 0), call.trailers


async def subprotocol(connection, _):
    """The gateway takes the version that it knows from a list, and refuses a list without it."""
    offer = [("wt-available-protocols", '"something-else", "grpc-wt-1"')]
    session, status, headers = await connection.open_session(grpc_wt.PATH, headers=offer)
    assert status == 200 and value(headers, "wt-protocol") == '"grpc-wt-1"', headers
    await empty_call(connection, session)
    offer = [("wt-available-protocols", '"something-else"')]
    _, status, _ = await connection.open_session(grpc_wt.PATH, headers=offer)
    assert status == 400, status


async def session_elsewhere(connection, _):
    _, status, _ = await connection.open_session("/no/such/path")
    assert status == 404, status


async def probe(connection, _):
    response = await connection.request("GET", grpc_wt.PATH)
    assert response.status == 200 and b'"webtransport":true' in response.body.replace(b" ", b""), response


async def unary(connection, _):
    call = Call(connection, await open_session(connection))
    call.open(UNARY)
    call.send(MESSAGE, request_for(314159, bytes(271828)).SerializeToString())
    call.half_close()
    (message,), status = await call.end()
    assert status == 0 and len(pb.SimpleResponse.FromString(message).payload.body) == 314159


async def metadata(connection, _):
    call = Call(connection, await open_session(connection))
    call.open(UNARY, [("x-grpc-test-echo-initial", "first"), ("x-grpc-test-echo-trailing-bin", b"\xab\xab\xab")])
    call.send(MESSAGE, request_for(1).SerializeToString())
    call.half_close()
    await call.end()
    assert call.header("x-grpc-test-echo-initial") == ["first"], call.headers
    assert call.trailer("x-grpc-test-echo-trailing-bin") == ["q6ur"], call.trailers


async def compressed(connection, _):
    """grpc-go answers as it was asked."""
    call = Call(connection, await open_session(connection))
    call.open(UNARY, [("grpc-encoding", "gzip"), ("grpc-accept-encoding", "gzip")])
    call.send(COMPRESSED, gzip.compress(request_for(5000, bytes(10_000)).SerializeToString()))
    call.half_close()
    (message,), status = await call.end()
    assert status == 0 and call.header("grpc-encoding") == ["gzip"], call.headers
    assert len(pb.SimpleResponse.FromString(gzip.decompress(message)).payload.body) == 5000


async def ping_pong(connection, _):
    call = Call(connection, await open_session(connection))
    call.open(DUPLEX)
    for size in SIZES:
        call.send(MESSAGE, stream_request([size], bytes(size)).SerializeToString())
        assert reply_size(await call.next_message()) == size
    call.half_close()
    assert await call.end() == ([], 0)


async def half_close_either_way(connection, _):
    """The end of the stream alone, and the frame alone, each end the request."""
    session = await open_session(connection)
    for last, end in ((b"", True), (grpc_wt.frame(TRAILERS), False)):
        call = Call(connection, session)
        call.open(DUPLEX)
        call.send(MESSAGE, stream_request([9]).SerializeToString())
        call.send_bytes(last, end)
        messages, status = await call.end()
        assert [reply_size(message) for message in messages] == [9] and status == 0


async def byte_by_byte(connection, _):
    """Every byte in a packet of its own, the type of the stream included."""
    session = await open_session(connection)
    call = Call(connection, session)
    request = grpc_wt.frame(HEADERS, grpc_wt.block([(":path", UNARY)]))
    request += grpc_wt.frame(MESSAGE, request_for(3).SerializeToString())
    for index in range(len(request)):
        call.send_bytes(request[index : index + 1])
        # A round trip between two bytes keeps them in packets of their own.
        await connection.ping()
    call.send_bytes(b"", end=True)
    (message,), status = await call.end()
    assert status == 0 and len(pb.SimpleResponse.FromString(message).payload.body) == 3


async def extension_is_skipped(connection, _):
    call = Call(connection, await open_session(connection))
    call.open(DUPLEX)
    call.send(0x20, b"from the future")
    call.send(MESSAGE, stream_request([2]).SerializeToString())
    call.send(0x3F)
    call.half_close()
    messages, status = await call.end()
    assert [reply_size(message) for message in messages] == [2] and status == 0


async def status_message(connection, _):
    message = "\t\ntest with whitespace\r\nand Unicode BMP ☺ and non-BMP 😈\t\n"
    call = Call(connection, await open_session(connection))
    call.open(UNARY)
    asked = pb.SimpleRequest(response_status=pb.EchoStatus(code=2, message=message))
    call.send(MESSAGE, asked.SerializeToString())
    call.half_close()
    assert await call.end() == ([], 2), call.trailers
    (sent,) = call.trailer("grpc-message")
    assert urllib.parse.unquote(sent) == message, sent


async def unimplemented(connection, _):
    call = Call(connection, await open_session(connection))
    call.open(SERVICE + "UnimplementedCall")
    call.send(MESSAGE)
    call.half_close()
    assert await call.end() == ([], 12), call.trailers


async def deadline(connection, _):
    """The upstream would pause for half an hour before its second message."""
    call = Call(connection, await open_session(connection))
    call.open(OUTPUT, [("grpc-timeout", "500m")])
    asked = stream_request([1])
    asked.response_parameters.add(size=1, interval_us=2_147_000_000)
    call.send(MESSAGE, asked.SerializeToString())
    call.half_close()
    messages, status = await call.end()
    assert [reply_size(message) for message in messages] == [1] and status == 4, call.trailers


async def cancel(connection, upstream):
    upstream.forget()
    call = Call(connection, await open_session(connection))
    call.open(DUPLEX)
    call.send(MESSAGE, stream_request([5]).SerializeToString())
    await call.next_message()
    call.cancel()
    await ended(upstream, "FullDuplexCall Canceled")


async def cancel_after_half_close(connection, upstream):
    """Only STOP_SENDING is left to a client then. A gigabyte is on its way."""
    upstream.forget()
    call = Call(connection, await open_session(connection))
    call.open(OUTPUT)
    call.send(MESSAGE, stream_request([100_000] * 10_000).SerializeToString())
    call.half_close()
    await call.next_message()
    call.cancel()
    await ended(upstream, "StreamingOutputCall Canceled")


async def close_cancels_all_calls(connection, upstream):
    """A page that goes away closes its session; the calls of other sessions go on."""
    upstream.forget()
    session, other = await open_session(connection), await open_session(connection)
    calls = [Call(connection, one) for one in (session, session, other)]
    for call in calls:
        call.open(DUPLEX)
        call.send(MESSAGE, stream_request([5]).SerializeToString())
        await call.next_message()
    connection.close_session(session, 0, b"bye")
    for _ in range(2):
        await ended(upstream, "FullDuplexCall Canceled")
    calls[2].send(MESSAGE, stream_request([6]).SerializeToString())
    assert reply_size(await calls[2].next_message()) == 6
    calls[2].half_close()
    assert await calls[2].end() == ([], 0)


async def sessions_beside_requests(connection, upstream):
    """Two sessions, a page, gRPC-Web and native gRPC share one connection while calls in both sessions are open."""
    calls = [Call(connection, await open_session(connection)) for _ in range(2)]
    for call in calls:
        call.open(DUPLEX)
    for size in SIZES:
        for call in calls:
            call.send(MESSAGE, stream_request([size]).SerializeToString())
        for call in calls:
            assert reply_size(await call.next_message()) == size
        await http3_cases.no_such_page(connection, upstream)
        await http3_cases.grpc_web(connection, upstream)
        await http3_cases.unary(connection, upstream)
    for call in calls:
        call.half_close()
        assert await call.end() == ([], 0)


async def broken_requests(connection, _):
    """What the specification says is an error of the client, and the status for it."""
    path = grpc_wt.block([(":path", UNARY)])
    opened = grpc_wt.frame(HEADERS, path)
    session = await open_session(connection)
    for what, request, code in [
        ("a frame of a kind that does not exist", opened + grpc_wt.frame(0x02), 13),
        ("headers twice", opened + opened, 13),
        ("the end inside of a frame", opened + grpc_wt.frame(MESSAGE, bytes(10))[:9], 13),
        ("an unknown pseudo header", grpc_wt.frame(HEADERS, path + grpc_wt.block([(":color", "red")])), 13),
        ("more after the end of the request", opened + grpc_wt.frame(TRAILERS) + grpc_wt.frame(MESSAGE), 13),
        ("17 KiB of headers", grpc_wt.frame(HEADERS, path + grpc_wt.block([("x-large", "x" * 17 * 1024)])), 8),
    ]:
        call = Call(connection, session)
        call.send_bytes(request, end=True)
        assert await outcome(call) == code, f"{what}: {await outcome(call)}"
    # None of it has harmed the session.
    await empty_call(connection, session)


async def outcome(call):
    """The status of a call, be it in trailers or in the code of a reset."""
    codes = {grpc_wt.wire_code(0x21): 13, grpc_wt.wire_code(0x23): 8}
    codes.update({grpc_wt.wire_code(code): code for code in range(1, 17)})
    if call.trailers is not None:
        return call.status
    try:
        return (await call.end())[1]
    except Reset as reset:
        return codes.get(reset.code, f"reset with {reset.code:#x}")


async def fifty_calls_at_once(connection, _):
    session = await open_session(connection)

    async def one(size):
        call = Call(connection, session)
        call.open(UNARY)
        call.send(MESSAGE, request_for(size, bytes(10_000)).SerializeToString())
        call.half_close()
        (message,), status = await call.end()
        assert status == 0 and len(pb.SimpleResponse.FromString(message).payload.body) == size

    await asyncio.gather(*(one(10_000 + index) for index in range(50)))


CASES = [session_of_drafts_2_to_14, session_of_draft_15, subprotocol, session_elsewhere, probe, unary, metadata,
         compressed, ping_pong, half_close_either_way, byte_by_byte, extension_is_skipped, status_message,
         unimplemented, deadline, cancel, cancel_after_half_close, close_cancels_all_calls, sessions_beside_requests,
         broken_requests, fifty_calls_at_once]


def run_all(cases, gateway, upstream):
    async def run(case):
        async with open_http3(gateway.addresses["quic"], gateway.certificate) as connection:
            await case(connection, upstream)

    for case in CASES:
        cases.run(f"aioquic WebTransport: {case.__name__}", lambda case: asyncio.run(run(case)), case)
