"""An HTTP/3 client on aioquic that also opens WebTransport sessions, many of both on one connection."""

import asyncio
import contextlib
import dataclasses
import ssl

from aioquic.asyncio.client import connect
from aioquic.asyncio.protocol import QuicConnectionProtocol
from aioquic.h3.connection import FrameType, H3Connection, H3Stream
from aioquic.h3.events import DatagramReceived, DataReceived, HeadersReceived, WebTransportStreamDataReceived
from aioquic.quic.configuration import QuicConfiguration
from aioquic.quic.events import ConnectionTerminated, ProtocolNegotiated, StopSendingReceived, StreamReset

# How long a test waits for the gateway's next move before it fails.
PATIENCE = 15
# RFC 9114 section 8.1: the client no longer wants the response.
H3_REQUEST_CANCELLED = 0x10C


class Reset(Exception):
    """The gateway reset the stream. `code` is as on the wire."""

    def __init__(self, code):
        super().__init__(f"the stream was reset with {code:#x}")
        self.code = code


@dataclasses.dataclass
class Response:
    """A whole response."""

    status: int
    headers: list
    body: bytes
    trailers: list


def values(fields, name):
    """All values of a field, in order."""
    return [value.decode() for field, value in fields if field == name.encode()]


def value(fields, name):
    """The one value of a field."""
    found = values(fields, name)
    if len(found) != 1:
        raise AssertionError(f"{name} is there {len(found)} times in {fields}")
    return found[0]


class Http3(QuicConnectionProtocol):
    """One connection. What arrives is dealt out to a queue for each stream."""

    def __init__(self, *arguments, **named):
        super().__init__(*arguments, **named)
        self.h3 = None
        self.settings = asyncio.Event()
        self._queues = {}
        self._terminated = None
        self.authority = ""

    def quic_event_received(self, event):
        if isinstance(event, ProtocolNegotiated):
            self.h3 = H3Connection(self._quic, enable_webtransport=True)
        if isinstance(event, ConnectionTerminated):
            self._terminated = event
            for queue in self._queues.values():
                queue.put_nowait(event)
        elif isinstance(event, (StreamReset, StopSendingReceived)):
            self._queue(event.stream_id).put_nowait(event)
        if self.h3:
            for arrived in self.h3.handle_event(event):
                if isinstance(arrived, DatagramReceived):
                    self._queue(("datagrams", arrived.stream_id)).put_nowait(arrived)
                else:
                    self.stream_arrived(arrived.stream_id)
                    self._queue(arrived.stream_id).put_nowait(arrived)
            if self.h3.received_settings is not None:
                self.settings.set()

    def _queue(self, stream):
        queue = self._queues.setdefault(stream, asyncio.Queue())
        if self._terminated:
            queue.put_nowait(self._terminated)
        return queue

    def stream_arrived(self, stream):
        """Something has arrived on this stream, maybe not for the first time."""

    async def next_datagram(self, session):
        """The next datagram of a session."""
        return await self.next_event(("datagrams", session))

    async def next_event(self, stream):
        """The next event of a stream, whatever it is."""
        event = await asyncio.wait_for(self._queue(stream).get(), PATIENCE)
        if isinstance(event, ConnectionTerminated):
            raise ConnectionError(f"the connection ended with {event.error_code:#x}: {event.reason_phrase}")
        return event

    async def next_arrival(self, stream):
        """The next headers or data of a stream. That the gateway wants no more of the request is no news to a test
        that reads the response."""
        while isinstance(event := await self.next_event(stream), StopSendingReceived):
            pass
        if isinstance(event, StreamReset):
            raise Reset(event.error_code)
        return event

    def open_request(self, method, path, headers=(), end=False):
        """Sends the head of a request, and answers its stream."""
        stream = self._quic.get_next_available_stream_id()
        pseudo = [(":method", method), (":scheme", "https"), (":authority", self.authority), (":path", path)]
        self.h3.send_headers(
            stream, [(name.encode(), text.encode()) for name, text in [*pseudo, *headers]], end_stream=end
        )
        self.transmit()
        return stream

    def send(self, stream, data, end=False):
        """Sends some of the body of a request."""
        self.h3.send_data(stream, data, end_stream=end)
        self.transmit()

    def leave(self, stream, code=H3_REQUEST_CANCELLED, half_closed=False):
        """Abandons a stream: no more is sent, if that is not over already, and no more is wanted."""
        if not half_closed:
            self._quic.reset_stream(stream, code)
        self._quic.stop_stream(stream, code)
        self.transmit()

    async def head(self, stream):
        """The status and the header fields of a response, and whether that was all."""
        event = await self.next_arrival(stream)
        assert isinstance(event, HeadersReceived), event
        return int(value(event.headers, ":status")), event.headers, event.stream_ended

    async def request(self, method, path, headers=(), body=b""):
        """Makes a whole request."""
        stream = self.open_request(method, path, headers, end=not body)
        if body:
            self.send(stream, body, end=True)
        return await self.response(stream)

    async def response(self, stream):
        """Reads a whole response."""
        status, headers, ended = await self.head(stream)
        body, trailers = b"", []
        while not ended:
            event = await self.next_arrival(stream)
            if isinstance(event, DataReceived):
                body += event.data
            else:
                trailers += event.headers
            ended = event.stream_ended
        return Response(status, headers, body, trailers)

    async def open_session(self, path, protocol="webtransport", headers=()):
        """Asks for a WebTransport session. Answers its stream, and the status and the header fields of the reply."""
        await asyncio.wait_for(self.settings.wait(), PATIENCE)
        stream = self.open_request("CONNECT", path, [(":protocol", protocol), *headers])
        status, fields, _ = await self.head(stream)
        return stream, status, fields

    def close_session(self, session, code, reason=b""):
        """Closes a session as an application does: a capsule on the session's stream, then its end."""
        close = code.to_bytes(4, "big") + reason
        self.send(session, b"\x68\x43" + bytes([len(close)]) + close, end=True)

    def open_session_stream(self, session):
        """Opens a bidirectional stream in a session."""
        stream = self.h3.create_webtransport_stream(session)
        # aioquic expects the answer to a stream that it opened to begin with a frame type, as if it were a request's.
        state = self.h3._stream.setdefault(stream, H3Stream(stream))
        state.frame_type, state.session_id = FrameType.WEBTRANSPORT_STREAM, session
        self.transmit()
        return stream

    def send_raw(self, stream, data, end=False):
        """Sends bytes on a session's stream."""
        self._quic.send_stream_data(stream, data, end_stream=end)
        self.transmit()

    async def read_raw(self, stream):
        """The next bytes on a session's stream, and whether they were the last."""
        event = await self.next_arrival(stream)
        assert isinstance(event, WebTransportStreamDataReceived), event
        return event.data, event.stream_ended


@contextlib.asynccontextmanager
async def open_http3(address, certificate, create=Http3):
    """Connects to the gateway's QUIC socket, trusting its certificate."""
    host, port = address
    configuration = QuicConfiguration(
        is_client=True,
        alpn_protocols=["h3"],
        server_name="localhost",
        verify_mode=ssl.CERT_REQUIRED,
        max_datagram_frame_size=65536,
        idle_timeout=PATIENCE,
    )
    configuration.load_verify_locations(certificate)
    async with connect(host, port, configuration=configuration, create_protocol=create) as connection:
        connection.authority = f"localhost:{port}"
        yield connection
