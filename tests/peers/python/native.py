"""Native gRPC over HTTP/2 by grpcio, which is gRPC's C core."""

import threading
from concurrent import futures

import grpc
import interop_pb2 as pb
import interop_pb2_grpc as pb_grpc

SIZES = [31415, 9, 2653, 58979]
INITIAL, TRAILING = "x-grpc-test-echo-initial", "x-grpc-test-echo-trailing-bin"
# Wide enough for a busy machine: a call that hangs fails with it.
DEADLINE = 30


def request_for(size, body=b""):
    return pb.SimpleRequest(response_size=size, payload=pb.Payload(body=body))


def stream_request(sizes, body=b""):
    parameters = [pb.ResponseParameters(size=size) for size in sizes]
    return pb.StreamingOutputCallRequest(response_parameters=parameters, payload=pb.Payload(body=body))


def expect_code(code, call):
    """Runs `call`, which must fail with `code`. Answers its error."""
    try:
        call()
    except grpc.RpcError as error:
        assert error.code() == code, f"{error.code()} {error.details()!r}, wanted {code}"
        return error
    raise AssertionError(f"the call succeeded, wanted {code}")


def unary(stub, _):
    assert len(stub.UnaryCall(request_for(314159, bytes(271828)), timeout=DEADLINE).payload.body) == 314159


def metadata(stub, _):
    sent = [(INITIAL, "first"), (TRAILING, b"\x00\xab\xff")]
    _, call = stub.UnaryCall.with_call(request_for(1), metadata=sent, timeout=DEADLINE)
    assert (INITIAL, "first") in [tuple(one) for one in call.initial_metadata()], call.initial_metadata()
    assert (TRAILING, b"\x00\xab\xff") in [tuple(one) for one in call.trailing_metadata()], call.trailing_metadata()


def gzip(stub, _):
    reply = stub.UnaryCall(request_for(314159, bytes(271828)), compression=grpc.Compression.Gzip, timeout=DEADLINE)
    assert len(reply.payload.body) == 314159


def gzip_stream(stub, _):
    requests = [stream_request([size], bytes(size)) for size in SIZES]
    replies = stub.FullDuplexCall(iter(requests), compression=grpc.Compression.Gzip, timeout=DEADLINE)
    assert [len(reply.payload.body) for reply in replies] == SIZES


def server_stream(stub, _):
    replies = stub.StreamingOutputCall(stream_request(SIZES), timeout=DEADLINE)
    assert [len(reply.payload.body) for reply in replies] == SIZES


def client_stream(stub, _):
    requests = (pb.StreamingInputCallRequest(payload=pb.Payload(body=bytes(size))) for size in SIZES)
    assert stub.StreamingInputCall(requests, timeout=DEADLINE).aggregated_payload_size == sum(SIZES)


def ping_pong(stub, _):
    """Each request goes out only when the reply to the one before is here."""
    replied = threading.Semaphore(1)

    def requests():
        for size in SIZES:
            assert replied.acquire(timeout=DEADLINE)
            yield stream_request([size], bytes(size))

    sizes = []
    for reply in stub.FullDuplexCall(requests(), timeout=DEADLINE):
        sizes.append(len(reply.payload.body))
        replied.release()
    assert sizes == SIZES, sizes


def both_ways_at_once(stub, _):
    """Both directions carry more than every window between the two ends holds, at the same time."""
    count, size = 400, 60_000
    requests = (stream_request([size], bytes(size)) for _ in range(count))
    replies = stub.FullDuplexCall(requests, timeout=2 * DEADLINE)
    assert sum(len(reply.payload.body) for reply in replies) == count * size


def status(stub, _):
    message = "\t\ntest with whitespace\r\nand Unicode BMP ☺ and non-BMP 😈\t\n"
    asked = pb.SimpleRequest(response_status=pb.EchoStatus(code=2, message=message))
    error = expect_code(grpc.StatusCode.UNKNOWN, lambda: stub.UnaryCall(asked, timeout=DEADLINE))
    assert error.details() == message, error.details()


def unimplemented(stub, _):
    expect_code(grpc.StatusCode.UNIMPLEMENTED, lambda: stub.UnimplementedCall(pb.Empty(), timeout=DEADLINE))


def too_large(stub, _):
    """More than 4 MiB, which is the limit of the gateway and of most servers."""
    expect_code(
        grpc.StatusCode.RESOURCE_EXHAUSTED,
        lambda: stub.UnaryCall(request_for(1, bytes(5 << 20)), timeout=DEADLINE),
    )


def deadline(stub, _):
    """The upstream would pause for half an hour before its second message."""
    asked = stream_request([1])
    asked.response_parameters.add(size=1, interval_us=2_147_000_000)
    replies = stub.StreamingOutputCall(asked, timeout=0.5)
    assert len(next(replies).payload.body) == 1
    expect_code(grpc.StatusCode.DEADLINE_EXCEEDED, lambda: next(replies))


def cancel(stub, upstream):
    """The upstream learns that the client is gone while both directions are open and nothing is being sent."""
    upstream.forget()
    finish = threading.Event()

    def requests():
        yield stream_request([5])
        finish.wait(DEADLINE)

    call = stub.FullDuplexCall(requests(), timeout=DEADLINE)
    next(call)
    call.cancel()
    expect_code(grpc.StatusCode.CANCELLED, lambda: next(call))
    upstream.line("ended /grpc.testing.TestService/FullDuplexCall Canceled")
    finish.set()


def many_at_once(stub, _):
    """More calls at once than one connection has streams for."""
    with futures.ThreadPoolExecutor(16) as pool:
        calls = [
            stub.UnaryCall.future(request_for(1000 + index, bytes(2000)), timeout=2 * DEADLINE) for index in range(400)
        ]
        sizes = list(pool.map(lambda call: len(call.result().payload.body), calls))
    assert sizes == [1000 + index for index in range(400)]


CASES = [unary, metadata, gzip, gzip_stream, server_stream, client_stream, ping_pong, both_ways_at_once, status,
         unimplemented, too_large, deadline, cancel, many_at_once]


def run_all(cases, name, channel, upstream):
    with channel:
        stub = pb_grpc.TestServiceStub(channel)
        for case in CASES:
            cases.run(f"grpcio {name}: {case.__name__}", case, stub, upstream)


def cleartext(address):
    return grpc.insecure_channel("{}:{}".format(*address))


def tls(address, certificate):
    credentials = grpc.ssl_channel_credentials(certificate.read_bytes())
    options = [("grpc.ssl_target_name_override", "localhost")]
    return grpc.secure_channel("{}:{}".format(*address), credentials, options)
