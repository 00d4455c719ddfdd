"""The cases, as any client in Python plays them.

A client is a module with `open_session(target, path, protocols=())`, an asynchronous context manager that yields a
session, and may have `two_sessions_on_one_connection` and `get_beside_a_session`. The methods of sessions and streams
are those that are called here.
"""

import time

GRPC_PATH = "/grpc-wt/v1"
MESSAGE, HEADERS, TRAILERS = 0x00, 0x40, 0x80
# A StreamingOutputCallRequest for one response of five bytes.
FIVE_BYTES = b"\x12\x02\x08\x05"


class Unable(Exception):
    """A client has no way to do what a case wants."""


class Reset(Exception):
    """The server has reset a stream. `code` is the application's, or None."""

    def __init__(self, code):
        super().__init__(f"the stream was reset with {code}")
        self.code = code


def same(arrived, wanted):
    if arrived != wanted:
        size = f"{len(arrived)} bytes arrived, not {len(wanted)}: " if isinstance(arrived, bytes) else ""
        raise AssertionError(f"{size}{arrived[:60]!r}")


def in_session(play):
    """A case that is played in a session of its own with the application."""

    async def case(library, target):
        async with library.open_session(target, target.path) as session:
            await play(session)

    return case


async def command(session, line):
    """Opens a stream that begins with a command."""
    stream = await session.open_bidi()
    await stream.write(line.encode() + b"\n")
    return stream


async def expect(session, line, answer):
    """Gives a command that has an answer."""
    stream = await command(session, line)
    await stream.write(b"", end=True)
    same(await stream.read_all(), answer.encode())


async def echo(session, content):
    stream = await command(session, "echo")
    await stream.write(content, end=True)
    same(await stream.read_all(), content)


@in_session
async def opened(session):
    pass


async def refused(library, target):
    try:
        async with library.open_session(target, "/no/such/route"):
            raise AssertionError("a session was opened where there is no route")
    except AssertionError:
        raise
    except TimeoutError:
        raise
    except Exception:
        pass


@in_session
async def bidi_of_client(session):
    for _ in range(10):
        await echo(session, b"hello")
    await echo(session, b"0123456789" * 100_000)


def bidi_of_server(rounds):
    @in_session
    async def case(session):
        for _ in range(rounds):
            asked = await command(session, "bidi from the server")
            await asked.write(b"", end=True)
            stream = await session.accept()
            same(await stream.read_all(), b"from the server")
            await stream.write(b"from the client", end=True)
            same(await asked.read_all(), b"from the client")

    return case


@in_session
async def uni_of_client(session):
    for number in range(10):
        stream = await session.open_uni()
        await stream.write(b"number %d" % number, end=True)
        await expect(session, "next", f"uni number {number}")


@in_session
async def uni_of_server(session):
    for _ in range(10):
        await expect(session, "uni one way", "ok")
        same(await (await session.accept()).read_all(), b"one way")


async def exchange_datagrams(session):
    for number in range(3):
        sent = b"datagram %d" % number
        await session.send_datagram(sent)
        same(await session.receive_datagram(), sent)


async def closed_by_client(library, target):
    name = f"python {time.time_ns()}"
    async with library.open_session(target, target.path) as session:
        await expect(session, f"name {name}", "ok")
        await session.close(7, "bye")
        async with library.open_session(target, target.path) as other:
            await expect(other, f"end {name}", "closed 7 bye")


@in_session
async def closed_by_server(session):
    await command(session, "close 99 the server says bye")
    same(await session.closed(), (99, "the server says bye"))


async def watched(session):
    """A stream on which the application watches what the client does."""
    stream = await command(session, "watch")
    same(await stream.read(), b"ok")
    return stream


def reset_by_client(code):
    @in_session
    async def case(session):
        stream = await watched(session)
        # A client may end the other half along.
        expected = {f"reset {code}", *(await stream.reset(code) or ())}
        while expected:
            asked = await command(session, "next")
            await asked.write(b"", end=True)
            event = (await asked.read_all()).decode()
            if event not in expected:
                raise AssertionError(f"{event}, not one of {expected}")
            expected.remove(event)

    return case


@in_session
async def stopped_by_client(session):
    stream = await watched(session)
    await stream.stop(201)
    await expect(session, "next", "stop 201")


@in_session
async def reset_by_server(session):
    stream = await command(session, "reset 200")
    try:
        text = await stream.read_all()
    except Reset as reset:
        if reset.code != 200:
            raise
    else:
        raise AssertionError(f"the stream ended as if it were whole: {text}")


@in_session
async def stopped_by_server(session):
    stream = await command(session, "stop 201")
    same(await stream.read_all(), b"ok")
    same(str(await stream.stopped()), "201")


async def subprotocol(library, target):
    async with library.open_session(target, target.path, ["other", "echo-1"]) as session:
        same(session.protocol, "echo-1")


async def side_by_side(one, other):
    """Uses two sessions by turns, and then the first one alone."""
    for session in (one, other, one):
        await echo(session, b"hello")
        await exchange_datagrams(session)
    await other.close(0, "")
    await echo(one, b"still here")


async def two_sessions(library, target):
    async with library.open_session(target, target.path) as one:
        async with library.open_session(target, target.path) as other:
            await side_by_side(one, other)


async def pooled_sessions(library, target):
    if not hasattr(library, "two_sessions_on_one_connection"):
        raise Unable("makes a connection for each session")
    async with library.two_sessions_on_one_connection(target, target.path) as (one, other):
        await side_by_side(one, other)


async def get_beside(library, target):
    if not hasattr(library, "get_beside_a_session"):
        raise Unable("makes no ordinary requests on the connection of a session")
    async with library.get_beside_a_session(target, target.path, GRPC_PATH) as (session, status, body):
        if status != 200 or b'"webtransport":true' not in body:
            raise AssertionError(f"the page is {status} {body}")
        await echo(session, b"hello")


async def grpc_call(library, target):
    """A call that streams in both directions, as docs/grpc-webtransport.md has it."""
    async with library.open_session(target, GRPC_PATH) as session:
        stream = await session.open_bidi()
        frames = Frames(stream)
        await stream.write(frame(HEADERS, b":path: /grpc.testing.TestService/FullDuplexCall\r\n"))
        for number in range(3):
            await stream.write(frame(MESSAGE, FIVE_BYTES))
            if number == 0:
                await frames.next(HEADERS)
            message = await frames.next(MESSAGE)
            if len(message) < 5:
                raise AssertionError(f"the message is {message}")
        await stream.write(frame(TRAILERS), end=True)
        trailers = await frames.next(TRAILERS)
        if b"grpc-status: 0\r\n" not in trailers:
            raise AssertionError(f"the trailers are {trailers}")
        same(await stream.read_all(), b"")


def frame(flags, payload=b""):
    return bytes([flags]) + len(payload).to_bytes(4, "big") + payload


class Frames:
    """Cuts frames out of bytes that arrive cut anywhere."""

    def __init__(self, stream):
        self._stream = stream
        self._read = b""

    async def _take(self, size):
        while len(self._read) < size:
            more = await self._stream.read()
            if not more:
                raise AssertionError("the response ended inside of a frame")
            self._read += more
        taken, self._read = self._read[:size], self._read[size:]
        return taken

    async def next(self, flags):
        """The payload of the next frame, which must have these flags."""
        head = await self._take(5)
        if head[0] != flags:
            raise AssertionError(f"a frame {head[0]:#x}, not {flags:#x}")
        return await self._take(int.from_bytes(head[1:], "big"))


ALL = {
    "session.opened": opened,
    "session.refused": refused,
    "bidi.client": bidi_of_client,
    "bidi.server": bidi_of_server(10),
    "bidi.many": bidi_of_server(300),
    "uni.client": uni_of_client,
    "uni.server": uni_of_server,
    "datagrams.echo": in_session(exchange_datagrams),
    "close.client": closed_by_client,
    "close.server": closed_by_server,
    "codes.client-reset": reset_by_client(200),
    "codes.client-stop": stopped_by_client,
    "codes.server-reset": reset_by_server,
    "codes.server-stop": stopped_by_server,
    "codes.large": reset_by_client(1000),
    "subprotocol.chosen": subprotocol,
    "sessions.two": two_sessions,
    "sessions.pooled": pooled_sessions,
    "get.beside": get_beside,
    "grpc.call": grpc_call,
}
