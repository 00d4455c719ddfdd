#!/usr/bin/env python3
"""Clients from PyPI through the gateway to grpc-go's test service: grpcio over h2c and TLS, aioquic over HTTP/3 and
WebTransport; and what they see of a gateway that is told to stop.

`--direct` leaves the gateway out, for the clients that need no translation.
"""

import pathlib
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path += [str(HERE.parents[1] / "lib"), str(HERE.parents[2] / "target" / "tests" / "python")]
import launch
from cases import Cases


def generate():
    """Generates the messages and stubs of the test service where `import` finds them."""
    protos, generated = HERE.parent / "proto", launch.TARGET / "python"
    generated.mkdir(parents=True, exist_ok=True)
    subprocess.run(
        [sys.executable, "-m", "grpc_tools.protoc", f"-I{protos}", f"--python_out={generated}",
         f"--grpc_python_out={generated}", *protos.rglob("*.proto")],
        check=True,
    )


def main():
    generate()
    import native

    cases = Cases()
    with launch.interop_server() as (upstream, address):
        if "--direct" in sys.argv:
            native.run_all(cases, "direct", native.cleartext(address.rsplit(":", 1)), upstream)
        else:
            import drain_cases
            import http3_cases
            import webtransport_cases

            with launch.gateway(address) as gateway:
                native.run_all(cases, "h2c", native.cleartext(gateway.addresses["http"]), upstream)
                native.run_all(cases, "h2 TLS", native.tls(gateway.addresses["tls"], gateway.certificate), upstream)
                http3_cases.run_all(cases, gateway, upstream)
                webtransport_cases.run_all(cases, gateway, upstream)
            drain_cases.run_all(cases, address)
    return cases.finish()


if __name__ == "__main__":
    sys.exit(main())
