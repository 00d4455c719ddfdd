"""Sessions on pywebtransport, which has a session layer of its own on aioquic's QUIC."""

import contextlib
import ssl

from cases import Unable
from pywebtransport import ClientConfig, WebTransportClient
from pywebtransport.types import EventType


class Session:
    def __init__(self, session):
        self._session = session
        self._incoming = session.incoming_streams()
        self._datagrams = None

    @property
    def protocol(self):
        raise Unable("knows no subprotocols")

    async def open_bidi(self):
        return Stream(await self._session.create_bidirectional_stream())

    async def open_uni(self):
        return Stream(await self._session.create_unidirectional_stream())

    async def accept(self):
        return Stream(await anext(self._incoming))

    async def _transport(self):
        self._datagrams = self._datagrams or await self._session.create_datagram_transport()
        return self._datagrams

    async def send_datagram(self, payload):
        await (await self._transport()).send(data=payload)

    async def receive_datagram(self):
        return await (await self._transport()).receive()

    async def close(self, code, reason):
        await self._session.close(code=code, reason=reason, close_connection=False)

    async def closed(self):
        if self._session.is_closed:
            raise AssertionError("the session was closed before anybody could ask how")
        event = await self._session.wait_for(event_type=EventType.SESSION_CLOSED)
        return event.data["code"], event.data["reason"]


class Stream:
    def __init__(self, stream):
        self._stream = stream

    async def write(self, data, end=False):
        await self._stream.write(data=data, end_stream=end)

    async def read(self):
        return await self._stream.read()

    async def read_all(self):
        return await self._stream.read_all()

    async def reset(self, code):
        """Stops the other half as well, and answers which event that is."""
        await self._stream.abort(code=code)
        return [f"stop {code}"]

    async def stop(self, code):
        raise Unable("ends both directions of a stream at once, with one code")

    async def stopped(self):
        raise Unable("does not tell of STOP_SENDING")


@contextlib.asynccontextmanager
async def open_session(target, path, protocols=()):
    if protocols:
        raise Unable("knows no subprotocols")
    # It forgets streams that have ended now and then only.
    streams = {"max_streams": 1000, "max_incoming_streams": 1000}
    config = ClientConfig(ca_certs=target.certificate, verify_mode=ssl.CERT_REQUIRED, **streams)
    async with WebTransportClient(config=config) as client:
        yield Session(await client.connect(url=f"https://127.0.0.1:{target.port}{path}"))
