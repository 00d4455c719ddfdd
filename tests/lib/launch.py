"""Starts the programs that a suite needs, and waits for the lines in which they say that they are ready.

Every port is chosen by the system. What a program prints goes to NAME.log in RUN.
"""

import contextlib
import os
import pathlib
import queue
import signal
import subprocess
import tempfile
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
TARGET = ROOT / "target" / "tests"
# The files of this process, which others that run at the same time leave alone.
(TARGET / "runs").mkdir(parents=True, exist_ok=True)
RUN = pathlib.Path(tempfile.mkdtemp(dir=TARGET / "runs"))
# Starting up is the slowest thing a program does here, and the machine may be busy building.
PATIENCE = 30


class Failure(Exception):
    """Something did not happen as it should."""


class Program:
    """A process whose standard output is read line by line. It gets `stdin` to read, or what this process has."""

    def __init__(self, name, *command, stdin=None, env=None):
        self.name = name
        self.log = RUN / f"{name}.log"
        # The process and the reader both write to its end.
        self._log_file = self.log.open("ab")
        self._lines = queue.Queue()
        self._process = subprocess.Popen(
            [str(word) for word in command],
            stdin=subprocess.PIPE if stdin is not None else None,
            stdout=subprocess.PIPE,
            stderr=self._log_file,
            env={**os.environ, **(env or {})},
        )
        if stdin is not None:
            # Less than a pipe holds.
            self._process.stdin.write(stdin)
            self._process.stdin.close()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self):
        for line in self._process.stdout:
            self._log_file.write(b"stdout: " + line)
            self._log_file.flush()
            self._lines.put(line.decode(errors="replace").rstrip("\n"))
        self._lines.put(None)

    def line(self, prefix, patience=PATIENCE):
        """Reads on to the next line that starts with `prefix`, and answers the rest of it."""
        until = time.monotonic() + patience
        while True:
            try:
                line = self._lines.get(timeout=max(0.0, until - time.monotonic()))
            except queue.Empty:
                raise Failure(f"{self.name} did not print {prefix!r} within {patience} s; see {self.log}") from None
            if line is None:
                self._lines.put(None)
                raise Failure(f"{self.name} ended without printing {prefix!r}; see {self.log}")
            if line.startswith(prefix):
                return line.removeprefix(prefix).strip()

    def lines_until(self, last):
        """Reads on to the line `last`, and answers the lines before it."""
        lines = []
        while (line := self.line("")) != last:
            lines.append(line)
        return lines

    def forget(self):
        """Drops the lines printed so far, so that none of them is taken for one that is still to come."""
        while not self._lines.empty():
            if self._lines.get() is None:
                self._lines.put(None)
                return

    def terminate(self):
        """Asks the process to end, and does not wait for it."""
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)

    def stop(self):
        """Asks the process to end, and answers its exit code. One that does not end in time is killed."""
        self.terminate()
        try:
            code = self._process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
            raise Failure(f"{self.name} did not end within {PATIENCE} s of SIGTERM") from None
        finally:
            self._reader.join()
            self._log_file.close()
        return code


@contextlib.contextmanager
def interop_server():
    """grpc-go's test service, without TLS. Yields the program and its address."""
    program = Program("interop-server", TARGET / "bin" / "interop-server")
    try:
        yield program, program.line("listening ")
    finally:
        program.stop()


class Gateway:
    """A running gateway: `addresses` maps `http`, `tls` and `quic` to (host, port)."""

    def __init__(self, program, certificate):
        self.program = program
        self.certificate = certificate
        self.addresses = {}
        for line in program.lines_until("ready"):
            word, _, rest = line.partition(" ")
            kind, _, address = rest.partition(" ")
            if word == "listening":
                host, _, port = address.rpartition(":")
                self.addresses.setdefault(kind, (host, int(port)))


@contextlib.contextmanager
def gateway(upstream):
    """The gateway before `upstream` (`host:port`): cleartext HTTP, TLS, QUIC with WebTransport, any browser origin."""
    certificate, key = make_certificate()
    config = (
        (ROOT / "tests" / "lib" / "gateway.toml")
        .read_text()
        .replace("CERTIFICATE", str(certificate))
        .replace("KEY", str(key))
        .replace("UPSTREAM", f"http://{upstream}")
        .replace("PROTOS", str(ROOT / "tests" / "peers" / "proto"))
    )
    with gateway_with(config, certificate) as running:
        yield running


@contextlib.contextmanager
def gateway_with(text, certificate=None):
    """The gateway with this configuration. It must exit with 0 when it is stopped."""
    config = RUN / "gateway.toml"
    config.write_text(text)
    program = Program("gateway", sluicegate(), "run", "--config", config)
    try:
        yield Gateway(program, certificate)
    except BaseException:
        with contextlib.suppress(Failure):
            program.stop()
        raise
    if (code := program.stop()) != 0:
        raise Failure(f"the gateway exited with {code} after SIGTERM; see {program.log}")


def sluicegate():
    """The binary under test: what SLUICEGATE_BIN names, or the debug build."""
    return pathlib.Path(os.environ.get("SLUICEGATE_BIN", ROOT / "target" / "debug" / "sluicegate"))


def make_certificate():
    """A throw-away certificate for `localhost` and 127.0.0.1, its own authority. Answers its file and the key's."""
    certificate, key = RUN / "certificate.pem", RUN / "key.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "10",
         "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1",
         "-keyout", key, "-out", certificate],
        check=True,
        capture_output=True,
    )
    return certificate, key
