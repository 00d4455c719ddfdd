"""The client side of gRPC over WebTransport, version 1, written from docs/grpc-webtransport.md."""

import base64

MESSAGE, COMPRESSED, HEADERS, TRAILERS = 0x00, 0x01, 0x40, 0x80
EXTENSION = 0x20
PATH, SUBPROTOCOL = "/grpc-wt/v1", "grpc-wt-1"


def frame(flags, payload=b""):
    return bytes([flags]) + len(payload).to_bytes(4, "big") + payload


def block(fields):
    """The payload of HEADERS and TRAILERS. The values of `-bin` fields are bytes."""
    return "".join(f"{name}: {encode(text)}\r\n" for name, text in fields).encode("ascii")


def encode(text):
    return base64.b64encode(text).decode().rstrip("=") if isinstance(text, bytes) else text


def parse_block(payload):
    """The fields of a block as a list; it must be written exactly as the specification says."""
    assert not payload or payload.endswith(b"\r\n"), payload
    fields = []
    for line in payload.decode("ascii").split("\r\n")[:-1]:
        name, colon, text = line.partition(":")
        assert colon and name == name.lower() and text.startswith(" "), line
        fields.append((name, text[1:]))
    return fields


class Frames:
    """Cuts frames out of bytes that arrive cut anywhere. gRPC-Web's bodies have the same frames."""

    def __init__(self):
        self._bytes = b""

    def feed(self, data):
        self._bytes += data

    def next(self):
        """The next whole frame as (flags, payload), or None."""
        if len(self._bytes) < 5:
            return None
        length = int.from_bytes(self._bytes[1:5], "big")
        if len(self._bytes) < 5 + length:
            return None
        flags, payload = self._bytes[0], self._bytes[5 : 5 + length]
        self._bytes = self._bytes[5 + length :]
        return flags, payload

    @property
    def is_empty(self):
        return not self._bytes


def wire_code(code):
    """An application's error code as QUIC carries it (draft-ietf-webtrans-http3, section 4.4)."""
    return 0x52E4A40FA8DB + code + code // 0x1E


class Call:
    """One call: one stream of a session."""

    def __init__(self, connection, session):
        self._connection = connection
        self.stream = connection.open_session_stream(session)
        self._frames = Frames()
        self._ended = False
        self._half_closed = False
        self.headers = None
        self.trailers = None
        self.extensions = []

    def open(self, path, fields=()):
        self.send(HEADERS, block([(":path", path), ("content-type", "application/grpc+proto"), *fields]))

    def send(self, flags, payload=b""):
        self._connection.send_raw(self.stream, frame(flags, payload))

    def send_bytes(self, data, end=False):
        self._connection.send_raw(self.stream, data, end)

    def half_close(self):
        self._connection.send_raw(self.stream, frame(TRAILERS), end=True)
        self._half_closed = True

    def cancel(self, code=1):
        self._connection.leave(self.stream, wire_code(code), self._half_closed)

    async def next_frame(self):
        """The next frame, or None at the end of the stream, which must come at the end of a frame."""
        while (frame := self._frames.next()) is None:
            if self._ended:
                assert self._frames.is_empty, "the stream ended inside of a frame"
                return None
            data, self._ended = await self._connection.read_raw(self.stream)
            self._frames.feed(data)
        return frame

    async def next_message(self):
        """The next message, or None when there are no more. Notes headers and trailers as they pass."""
        while True:
            frame = await self.next_frame()
            assert frame is not None, "the stream ended without trailers"
            flags, payload = frame
            if flags == HEADERS:
                assert self.headers is None, "headers twice"
                self.headers = parse_block(payload)
            elif flags == TRAILERS:
                self.trailers = parse_block(payload)
                assert await self.next_frame() is None, "more after the trailers"
                return None
            elif flags & EXTENSION:
                self.extensions.append((flags, payload))
            else:
                assert flags in (MESSAGE, COMPRESSED), f"frame {flags:#x}"
                return payload

    async def end(self):
        """Reads all that is left. Answers the messages and the status."""
        messages = []
        while (message := await self.next_message()) is not None:
            messages.append(message)
        return messages, self.status

    @property
    def status(self):
        found = [text for name, text in self.trailers if name == "grpc-status"]
        assert len(found) == 1, self.trailers
        return int(found[0])

    def trailer(self, name):
        return [text for field, text in self.trailers if field == name]

    def header(self, name):
        return [text for field, text in self.headers or [] if field == name]
