"""Sessions on aioquic, whose HTTP/3 knows the streams and datagrams of WebTransport; what else a session has is here."""

import asyncio
import collections
import contextlib
import pathlib
import sys

sys.path.append(str(pathlib.Path(__file__).resolve().parents[2] / "peers" / "python"))
import http3
from aioquic.h3.connection import FrameType, H3Stream
from aioquic.quic.events import StopSendingReceived
from cases import Reset

# draft-ietf-webtrans-http3, section 4.4.
FIRST_CODE = 0x52E4A40FA8DB
CLOSE_SESSION = b"\x68\x43"


def on_wire(code):
    return FIRST_CODE + code + code // 0x1E


def of_wire(code):
    shifted = code - FIRST_CODE
    return shifted - shifted // 0x1F if 0 <= shifted else None


class Connection(http3.Http3):
    """A connection that tells of the streams which the server opens."""

    def __init__(self, *arguments, **named):
        super().__init__(*arguments, **named)
        self.opened_by_server = asyncio.Queue()
        self._known = set()
        self._stops = collections.defaultdict(asyncio.Future)

    def quic_event_received(self, event):
        if isinstance(event, StopSendingReceived):
            self._stops[event.stream_id].set_result(event.error_code)
        super().quic_event_received(event)

    async def stopped(self, stream):
        """Waits until the server wants no more of what we send, and answers its code as on the wire."""
        return await self._stops[stream]

    def stream_arrived(self, stream):
        # Of the server's streams in one direction the first ones are HTTP/3's own, and have no events here.
        if stream % 2 == 1 and stream not in self._known:
            self._known.add(stream)
            self.opened_by_server.put_nowait(stream)


class Session:
    def __init__(self, connection, stream, fields):
        self._connection = connection
        self._stream = stream
        self.protocol = next((v.decode().strip('"') for n, v in fields if n.lower() == b"wt-protocol"), "")

    async def open_bidi(self):
        return Stream(self._connection, self._connection.open_session_stream(self._stream))

    async def open_uni(self):
        stream = self._connection.h3.create_webtransport_stream(self._stream, is_unidirectional=True)
        return Stream(self._connection, stream)

    async def accept(self):
        return Stream(self._connection, await self._connection.opened_by_server.get())

    async def send_datagram(self, payload):
        self._connection.h3.send_datagram(self._stream, payload)
        self._connection.transmit()

    async def receive_datagram(self):
        return (await self._connection.next_datagram(self._stream)).data

    async def close(self, code, reason):
        self._connection.close_session(self._stream, code, reason.encode())

    async def closed(self):
        """The code and the reason of the capsule that ends the session."""
        capsules = b""
        while True:
            data = await self._connection.next_arrival(self._stream)
            capsules += data.data
            if data.stream_ended:
                break
        assert capsules.startswith(CLOSE_SESSION), capsules
        size, value = capsules[2], capsules[3:]
        assert len(value) == size < 64, capsules
        return int.from_bytes(value[:4], "big"), value[4:].decode()


class Stream:
    def __init__(self, connection, stream):
        self._connection = connection
        self._stream = stream
        self._ended = False
        if stream % 4 == 1:
            # aioquic expects what we send on a stream of the server's to begin as if it were a stream of ours.
            state = connection.h3._stream.setdefault(stream, H3Stream(stream))
            state.frame_type = FrameType.WEBTRANSPORT_STREAM

    async def write(self, data, end=False):
        self._connection.send_raw(self._stream, data, end)

    async def read(self):
        """The next bytes; none at the end of the stream."""
        while not self._ended:
            try:
                data, self._ended = await self._connection.read_raw(self._stream)
            except http3.Reset as reset:
                raise Reset(of_wire(reset.code)) from None
            if data:
                return data
        return b""

    async def read_all(self):
        whole = b""
        while data := await self.read():
            whole += data
        return whole

    async def reset(self, code):
        self._connection._quic.reset_stream(self._stream, on_wire(code))
        self._connection.transmit()

    async def stop(self, code):
        self._connection._quic.stop_stream(self._stream, on_wire(code))
        self._connection.transmit()

    async def stopped(self):
        return of_wire(await self._connection.stopped(self._stream))


def fields(protocols):
    # Its settings are those of drafts 02 to 06.
    draft = [("sec-webtransport-http3-draft02", "1")]
    return draft + [("wt-available-protocols", ", ".join(f'"{name}"' for name in protocols))] if protocols else draft


async def open_on(connection, path, protocols=()):
    stream, status, received = await connection.open_session(path, headers=fields(protocols))
    if status != 200:
        raise ConnectionRefusedError(f"status {status}")
    return Session(connection, stream, received)


def connect(target):
    return http3.open_http3(("127.0.0.1", target.port), target.certificate, Connection)


@contextlib.asynccontextmanager
async def open_session(target, path, protocols=()):
    async with connect(target) as connection:
        yield await open_on(connection, path, protocols)


@contextlib.asynccontextmanager
async def two_sessions_on_one_connection(target, path):
    async with connect(target) as connection:
        yield await open_on(connection, path), await open_on(connection, path)


@contextlib.asynccontextmanager
async def get_beside_a_session(target, path, page):
    """A session between two requests of one page."""
    async with connect(target) as connection:
        await connection.request("GET", page)
        session = await open_on(connection, path)
        response = await connection.request("GET", page)
        yield session, response.status, response.body
