"""Native gRPC and gRPC-Web over HTTP/3, which no other suite covers."""

import asyncio
import urllib.parse

import interop_pb2 as pb
from grpc_wt import MESSAGE, TRAILERS, Frames, frame, parse_block
from http3 import open_http3, value, values
from native import SIZES, request_for, stream_request

SERVICE = "/grpc.testing.TestService/"
GRPC = [("content-type", "application/grpc"), ("te", "trailers")]
GRPC_WEB = [("content-type", "application/grpc-web+proto"), ("x-grpc-web", "1")]


def messages_of(body):
    """The messages in the body of a native response, which ends with the last of them."""
    frames, messages = Frames(), []
    frames.feed(body)
    while (one := frames.next()) is not None:
        assert one[0] == MESSAGE, f"frame {one[0]:#x}"
        messages.append(one[1])
    assert frames.is_empty, "the body ended inside of a message"
    return messages


async def unary(connection, _):
    body = frame(MESSAGE, request_for(314159, bytes(271828)).SerializeToString())
    response = await connection.request("POST", SERVICE + "UnaryCall", GRPC, body)
    assert response.status == 200, response
    assert value(response.headers, "content-type") == "application/grpc", response.headers
    (message,) = messages_of(response.body)
    assert len(pb.SimpleResponse.FromString(message).payload.body) == 314159
    assert value(response.trailers, "grpc-status") == "0", response.trailers


async def metadata(connection, _):
    sent = [("x-grpc-test-echo-initial", "first"), ("x-grpc-test-echo-trailing-bin", "q6ur")]
    body = frame(MESSAGE, request_for(1).SerializeToString())
    response = await connection.request("POST", SERVICE + "UnaryCall", GRPC + sent, body)
    assert values(response.headers, "x-grpc-test-echo-initial") == ["first"], response.headers
    assert values(response.trailers, "x-grpc-test-echo-trailing-bin") == ["q6ur"], response.trailers


async def status(connection, _):
    message = "\t\ntest with whitespace\r\nand Unicode BMP ☺ and non-BMP 😈\t\n"
    asked = pb.SimpleRequest(response_status=pb.EchoStatus(code=2, message=message))
    body = frame(MESSAGE, asked.SerializeToString())
    response = await connection.request("POST", SERVICE + "UnaryCall", GRPC, body)
    # A call that fails before its first message has all its metadata in one block.
    end = response.trailers or response.headers
    assert response.status == 200 and not response.body and value(end, "grpc-status") == "2", response
    assert urllib.parse.unquote(value(end, "grpc-message")) == message, end


async def unimplemented(connection, _):
    response = await connection.request("POST", SERVICE + "UnimplementedCall", GRPC, frame(MESSAGE))
    assert value(response.trailers or response.headers, "grpc-status") == "12", response


class Stream:
    """A call whose messages go back and forth."""

    def __init__(self, connection, method, headers=()):
        self._connection = connection
        self._frames = Frames()
        self.stream = connection.open_request("POST", SERVICE + method, [*GRPC, *headers])

    def send(self, message, end=False):
        self._connection.send(self.stream, frame(MESSAGE, message.SerializeToString()), end)

    async def next_message(self):
        while (one := self._frames.next()) is None:
            event = await self._connection.next_arrival(self.stream)
            assert hasattr(event, "data") and not event.stream_ended, event
            self._frames.feed(event.data)
        return pb.StreamingOutputCallResponse.FromString(one[1])

    async def status(self):
        """Reads to the end, with no more messages."""
        while True:
            event = await self._connection.next_arrival(self.stream)
            if hasattr(event, "headers"):
                return int(value(event.headers, "grpc-status"))
            assert not event.data and not event.stream_ended, event


async def ping_pong(connection, _):
    call = Stream(connection, "FullDuplexCall")
    await_head = connection.head(call.stream)
    call.send(stream_request([SIZES[0]], bytes(SIZES[0])))
    status, _, ended = await await_head
    assert status == 200 and not ended
    assert len((await call.next_message()).payload.body) == SIZES[0]
    for size in SIZES[1:]:
        call.send(stream_request([size], bytes(size)))
        assert len((await call.next_message()).payload.body) == size
    connection.send(call.stream, b"", end=True)
    assert await call.status() == 0


async def deadline(connection, _):
    """The upstream would pause for half an hour before its second message."""
    call = Stream(connection, "StreamingOutputCall", [("grpc-timeout", "500m")])
    asked = stream_request([1])
    asked.response_parameters.add(size=1, interval_us=2_147_000_000)
    call.send(asked, end=True)
    await connection.head(call.stream)
    await call.next_message()
    assert await call.status() == 4


async def cancel(connection, upstream):
    upstream.forget()
    call = Stream(connection, "FullDuplexCall")
    call.send(stream_request([5]))
    await connection.head(call.stream)
    await call.next_message()
    connection.leave(call.stream)
    await ended(upstream, "FullDuplexCall Canceled")


async def cancel_after_half_close(connection, upstream):
    """With its own direction ended, a client can only say that it wants no more. A gigabyte is on its way."""
    upstream.forget()
    call = Stream(connection, "StreamingOutputCall")
    call.send(stream_request([100_000] * 10_000), end=True)
    await connection.head(call.stream)
    await call.next_message()
    connection.leave(call.stream, half_closed=True)
    await ended(upstream, "StreamingOutputCall Canceled")


async def ended(upstream, how):
    """Waits until the upstream says that a call has ended so. The connection goes on meanwhile."""
    await asyncio.to_thread(upstream.line, f"ended {SERVICE}{how}")


async def wrong_content_type(connection, _):
    response = await connection.request("POST", SERVICE + "UnaryCall", [("content-type", "image/jpeg")], b"x")
    assert response.status in (404, 415), response


async def no_such_page(connection, _):
    response = await connection.request("GET", "/no/such/page")
    assert response.status == 404, response


async def grpc_web(connection, _):
    body = frame(MESSAGE, stream_request(SIZES).SerializeToString())
    response = await connection.request("POST", SERVICE + "StreamingOutputCall", GRPC_WEB, body)
    assert response.status == 200 and not response.trailers, response
    assert value(response.headers, "content-type") == "application/grpc-web+proto", response.headers
    frames, sizes = Frames(), []
    frames.feed(response.body)
    while (one := frames.next())[0] == MESSAGE:
        sizes.append(len(pb.StreamingOutputCallResponse.FromString(one[1]).payload.body))
    assert sizes == SIZES, sizes
    assert one[0] == TRAILERS and ("grpc-status", "0") in parse_block(one[1]), one
    assert frames.is_empty


async def fifty_at_once(connection, _):
    body = frame(MESSAGE, request_for(20_000, bytes(10_000)).SerializeToString())
    calls = [connection.request("POST", SERVICE + "UnaryCall", GRPC, body) for _ in range(50)]
    for response in await asyncio.gather(*calls):
        assert len(pb.SimpleResponse.FromString(messages_of(response.body)[0]).payload.body) == 20_000


async def reset_leaves_others(connection, upstream):
    """One call that is cancelled does not disturb its neighbour on the connection."""
    neighbour = Stream(connection, "FullDuplexCall")
    neighbour.send(stream_request([1]))
    await connection.head(neighbour.stream)
    await neighbour.next_message()
    await cancel(connection, upstream)
    neighbour.send(stream_request([7]), end=True)
    assert len((await neighbour.next_message()).payload.body) == 7
    assert await neighbour.status() == 0


CASES = [unary, metadata, status, unimplemented, ping_pong, deadline, cancel, cancel_after_half_close,
         reset_leaves_others, fifty_at_once, grpc_web, wrong_content_type, no_such_page]


def run_all(cases, gateway, upstream):
    async def run(case):
        async with open_http3(gateway.addresses["quic"], gateway.certificate) as connection:
            await case(connection, upstream)

    for case in CASES:
        cases.run(f"aioquic HTTP/3: {case.__name__}", lambda case: asyncio.run(run(case)), case)
