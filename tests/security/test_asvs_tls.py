"""How we call others: by TLS 1.2 or newer, with a certificate that is judged, of the host that was meant (ASVS 5.0 12.1, 12.3)."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from adapter.http_client import client


def certificate(folder: Path, name: str, ends: timedelta = timedelta(days=1)) -> Path:
    """A key and a certificate that it has signed itself, in one file."""
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    made = (
        x509.CertificateBuilder(
            subject, subject, key.public_key(), x509.random_serial_number(), now - timedelta(days=9), now + ends
        )
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    form = serialization.PrivateFormat.PKCS8
    file = folder / f"{name}.pem"
    file.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption())
        + made.public_bytes(serialization.Encoding.PEM)
    )
    return file


@contextmanager
def tls_server(file: Path, newest: ssl.TLSVersion = ssl.TLSVersion.TLSv1_3) -> Iterator[int]:
    """A port that answers 200 to whoever comes so far; what was asked is gone."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    context.set_ciphers("ALL:@SECLEVEL=0")
    context.minimum_version, context.maximum_version = ssl.TLSVersion.MINIMUM_SUPPORTED, newest
    listening = socket.create_server(("127.0.0.1", 0))

    def answer() -> None:
        while True:
            try:
                line, _ = listening.accept()
            except OSError:
                return
            try:
                with context.wrap_socket(line, server_side=True) as secure:
                    secure.recv(4096)
                    secure.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
            except OSError:
                line.close()

    thread = threading.Thread(target=answer, daemon=True)
    thread.start()
    try:
        yield listening.getsockname()[1]
    finally:
        listening.shutdown(socket.SHUT_RDWR)
        listening.close()
        thread.join(5)


def test_a_certificate_that_nobody_vouches_for_is_not_talked_to(tmp_path: Path) -> None:
    with (
        tls_server(certificate(tmp_path, "localhost")) as port,
        client(f"https://localhost:{port}") as calling,
        pytest.raises(httpx.ConnectError, match="CERTIFICATE_VERIFY_FAILED"),
    ):
        calling.get("/")


TRUSTED = {
    "the host that was meant": ("localhost", timedelta(days=1), ssl.TLSVersion.TLSv1_3, ""),
    "by TLS 1.2": ("localhost", timedelta(days=1), ssl.TLSVersion.TLSv1_2, ""),
    "another host": ("elsewhere.example", timedelta(days=1), ssl.TLSVersion.TLSv1_3, "CERTIFICATE_VERIFY_FAILED"),
    "one whose time is over": ("localhost", -timedelta(days=1), ssl.TLSVersion.TLSv1_3, "CERTIFICATE_VERIFY_FAILED"),
    "by TLS 1.1": (
        "localhost",
        timedelta(days=1),
        ssl.TLSVersion.TLSv1_1,
        "PROTOCOL_VERSION|UNSUPPORTED_PROTOCOL|NO_PROTOCOLS|HANDSHAKE",
    ),
}


def context_of(calling: httpx.Client) -> ssl.SSLContext:
    return calling._transport._pool._ssl_context  # type: ignore[attr-defined,no-any-return]


@pytest.mark.parametrize("case", TRUSTED)
def test_a_trusted_certificate_is_for_its_host_and_time_and_by_tls_1_2_or_newer(tmp_path: Path, case: str) -> None:
    name, ends, newest, refused = TRUSTED[case]
    file = certificate(tmp_path, name, ends)
    with tls_server(file, newest) as port, client(f"https://localhost:{port}") as calling:
        context_of(calling).load_verify_locations(str(file))
        if refused:
            with pytest.raises(httpx.TransportError, match=refused):
                calling.get("/")
        else:
            assert calling.get("/").status_code == 200


def test_a_careless_client_does_talk_tls_1_1_to_that_server(tmp_path: Path) -> None:
    """So that what is refused above is refused by us."""
    careless = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    careless.check_hostname, careless.verify_mode = False, ssl.CERT_NONE
    careless.set_ciphers("ALL:@SECLEVEL=0")
    careless.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
    with tls_server(certificate(tmp_path, "localhost"), ssl.TLSVersion.TLSv1_1) as port:
        line = socket.create_connection(("127.0.0.1", port), timeout=5)
        with careless.wrap_socket(line, server_hostname="localhost") as secure:
            assert secure.version() == "TLSv1.1"


def test_weak_ciphers_are_not_offered() -> None:
    """RC4, DES, NULL, export, anonymous, MD5 (RFC 7465, RFC 9325 4.1); those of TLS 1.3 and of forward secrecy come first."""
    with client("https://partner.example") as calling:
        offered = [one["name"] for one in context_of(calling).get_ciphers()]

    assert [name for name in offered if any(weak in name for weak in ("RC4", "DES", "NULL", "EXP", "ADH", "AECDH", "MD5"))] == []
    assert all(name.startswith(("TLS_", "ECDHE", "DHE")) for name in offered[:5])
