"""Where notifications may be sent, by what spelling of it, and what becomes of one that is sent to somebody strange."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
import yarl
from hypothesis import given, settings
from hypothesis import strategies as st

from adapter.domain.problem import Kind, Problem
from adapter.partners.endpoints import Allowed, Endpoints, headers_of
from adapter.partners.lines import is_public, is_somebody
from adapter.settings import Settings, SubscriptionSettings, load
from tests.partners.broken import broken_server
from tests.security.test_asvs_tls import certificate, context_of

BODY = b'{"resourceType":"Bundle"}'
JSON = "application/fhir+json"
LISTED = Allowed(frozenset({"epj.example.no", "port.example.no:8443", "192.0.2.7", "[2001:db8::7]"}), frozenset(), plain=True)
HERE = Allowed(frozenset(), frozenset({"127.0.0.1:*", "localhost:*", "[::1]:*", "epj.example.no:*", "other.example.no:*"}))

MAY = {
    "the host itself": "https://epj.example.no/hook?x=1",
    "without a path": "https://epj.example.no",
    "upper case, since hosts have none (RFC 3986 3.2.2)": "HTTPS://EPJ.Example.NO/Hook",
    "a last dot, which is the same name (RFC 1034 3.1)": "https://epj.example.no./hook",
    "its own port": "https://epj.example.no:443/hook",
    "by http, in a test": "http://epj.example.no/hook",
    "the port that is listed": "https://port.example.no:8443/hook",
    "an IPv4 address": "https://192.0.2.7/hook",
    "an IPv6 address, however it is written (RFC 5952)": "https://[2001:0DB8:0:0::7]/hook",
    "an @ in the path, where it means nothing": "https://epj.example.no/a@evil.com",
    "an escape in the path": "https://epj.example.no/a%20b",
}
MAY_NOT = {
    "B078 a host that begins like it": "https://epj.example.no.evil.com/",
    "a host that ends like it": "https://evil-epj.example.no/",
    "one below it": "https://x.epj.example.no/",
    "one above it": "https://example.no/",
    "it as the user": "https://epj.example.no@evil.com/",
    "it as the user, with a password": "https://epj.example.no:443@evil.com/",
    "a user, of the host itself": "https://user@epj.example.no/",
    "an empty user": "https://@epj.example.no/",
    "it after a fragment": "https://evil.com#@epj.example.no",
    "a fragment": "https://epj.example.no/hook#part",
    "it after a backslash, which browsers take for a slash": "https://evil.com\\@epj.example.no/",
    "a backslash after it": "https://epj.example.no\\.evil.com/",
    "a homograph (Cyrillic е)": "https://\u0435pj.example.no/",
    "letters that are mapped to its (full width)": "https://ｅpj.example.no/",
    "a dot that is mapped to one": "https://epj。example.no/",
    "an escape in the host": "https://epj%2eexample.no/",
    "an escaped NUL": "https://epj.example.no%00.evil.com/",
    "a NUL": "https://epj.example.no\x00.evil.com/",
    "a line break, which some readers drop": "https://epj.exam\nple.no/",
    "a tab": "https://epj.example.no/\thook",
    "a space before it": " https://epj.example.no/",
    "a space after it": "https://epj.example.no/ ",
    "two last dots": "https://epj.example.no../",
    "no host": "https:///epj.example.no",
    "one slash": "https:/epj.example.no/",
    "no scheme": "//epj.example.no/",
    "three slashes": "https:///epj.example.no/",
    "another scheme": "ftp://epj.example.no/",
    "a file": "file://epj.example.no/etc/passwd",
    "gopher": "gopher://epj.example.no/",
    "nothing": "",
    "another port": "https://epj.example.no:8443/",
    "the other scheme's port": "https://epj.example.no:80/",
    "the port that is listed, but for another host": "https://epj.example.no:8443/",
    "its own port, where another is listed": "https://port.example.no/",
    "no digits of a port": "https://epj.example.no:/",
    "a port of other digits": "https://epj.example.no:٤٤٣/",
    "port 0": "https://epj.example.no:0/",
    "a port too far, that is 443 of 16 bits": "https://epj.example.no:65979/",
    "loopback": "https://127.0.0.1/",
    "loopback by name": "https://localhost/",
    "loopback, short": "http://127.1/",
    "loopback, hexadecimal": "http://0x7f.1/",
    "loopback, one hexadecimal number": "http://0x7f000001/",
    "loopback, decimal": "http://2130706433/",
    "loopback, octal": "http://0177.0.0.1/",
    "loopback, IPv6": "https://[::1]/",
    "loopback, within IPv6": "https://[::ffff:127.0.0.1]/",
    "the listed address, within IPv6": "https://[::ffff:192.0.2.7]/",
    "the listed address, as one number": "https://3221225991/",
    "the listed address, octal": "https://0300.0.2.7/",
    "everybody": "http://0.0.0.0/",
    "metadata of a cloud": "http://169.254.169.254/latest/meta-data/",
    "a unique local address": "https://[fd00::1]/",
    "a zone": "https://[fe80::1%25eth0]/",
    "an address of the future (RFC 3986 3.2.2)": "https://[v1.fe]/",
    "more than anybody needs": "https://epj.example.no/" + "a" * 2048,
}


@pytest.mark.parametrize("case", MAY)
def test_what_is_listed_may_be_an_endpoint(case: str) -> None:
    assert LISTED.fault(MAY[case]) is None


@pytest.mark.parametrize("case", MAY_NOT)
def test_b077_to_b078_what_is_not_listed_may_not_and_it_is_told_where_and_what_to_do(case: str) -> None:
    fault = LISTED.fault(MAY_NOT[case])

    assert fault is not None
    assert (fault.kind, fault.where) == (Kind.BUSINESS_RULE, "Subscription.channel.endpoint")
    assert fault.rule
    assert fault.nb != fault.en
    assert "meta-data" not in fault.en
    assert "hook" not in fault.en


@pytest.mark.parametrize("reader", ["urlsplit", "httpx.URL"])
def test_where_two_readers_of_addresses_see_two_hosts_it_may_not(reader: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """No spelling is known that leads to it, so a reader is made to err."""
    reads: dict[str, Any] = {"urlsplit": urlsplit, "httpx.URL": httpx.URL}
    monkeypatch.setattr(f"adapter.partners.endpoints.{reader}", lambda _: reads[reader]("https://evil.com/hook"))

    assert LISTED.fault("https://epj.example.no/hook") is not None


def test_nothing_is_allowed_until_somebody_says_so() -> None:
    assert Allowed.of(Settings()).fault("https://epj.example.no/hook") is not None


@pytest.mark.parametrize(
    ("environment", "endpoint", "may"),
    [
        ("test", "http://epj.example.no/", True),
        ("production", "http://epj.example.no/", False),
        ("production", "https://epj.example.no/", True),
        ("production", "http://inner.example.no:8080/", True),
        ("production", "http://inner.example.no:8081/", False),
        ("production", "http://127.0.0.1:54321/", True),
    ],
)
def test_http_is_for_tests_and_for_the_own_network(environment: str, endpoint: str, may: bool) -> None:
    ours = SubscriptionSettings(hosts=("EPJ.example.no",), private_hosts=("inner.example.no:8080", "127.0.0.1:*"))
    allowed = Allowed.of(Settings().model_copy(update={"environment": environment, "subscriptions": ours}))

    assert (allowed.fault(endpoint) is None) is may


NAMES = ["epj.example.no", "evil.com", "LOCALHOST", "\u0435pj", "xn--", "a", "user", "::1", "127.0.0.1", "0x7f", "2130706433"]
PIECES = st.sampled_from(["https://", "http://", *"@:#/\\?.[];&\t\n 。", "//", "%2e", "%00", "443", "80", *NAMES])


def test_what_can_never_be_a_host_is_told_by_the_place_in_the_file(tmp_path: Path) -> None:
    file = tmp_path / "stafett.toml"
    file.write_text(
        '[subscriptions]\nhosts = ["epj.example.no", "epj.example.no:*", "https://epj.example.no"]\n'
        'private_hosts = ["127.0.0.1:*", "127.1", "epj.example.no:0", "*.example.no", "[::1]:*", "blåbær.no"]\n'
    )
    with pytest.raises(Problem) as told:
        load(file)

    assert [f.where.rpartition(":")[2] for f in told.value.findings] == ["2", "2", "3", "3", "3", "3"]
    assert "HOST:*" in told.value.findings[-1].en
    assert "HOST:*" not in told.value.findings[0].en


@settings(max_examples=600, deadline=None)
@given(
    st.one_of(
        st.lists(PIECES, max_size=9).map("".join), st.lists(PIECES, max_size=7).map(lambda p: "https://epj.example.no" + "".join(p))
    )
)
def test_what_passes_is_at_a_listed_host_for_every_other_reader_of_addresses(endpoint: str) -> None:
    if LISTED.fault(endpoint) is None:
        seen = {urlsplit(endpoint).hostname, httpx.URL(endpoint).host, yarl.URL(endpoint).host}
        assert {str(host).rstrip(".") for host in seen} == {"epj.example.no"}
        assert yarl.URL(endpoint).port in (80, 443)
        assert yarl.URL(endpoint).user is None


PUBLIC = ["8.8.8.8", "193.0.6.139", "2a00:1450:400f::1", "::ffff:8.8.8.8", "64:ff9b::8.8.8.8"]
INNER = {  # RFC 6890, with the registries that it made
    "this host": "0.0.0.0",
    "private 10": "10.0.0.1",
    "private 172": "172.16.0.1",
    "private 192": "192.168.1.1",
    "shared": "100.64.0.1",
    "loopback": "127.0.0.1",
    "loopback, its other end": "127.255.255.254",
    "link-local": "169.254.169.254",
    "IETF": "192.0.0.192",
    "documentation": "203.0.113.1",
    "benchmarks": "198.18.0.1",
    "6to4 relays": "192.88.99.1",
    "multicast": "224.0.0.1",
    "reserved": "240.0.0.1",
    "broadcast": "255.255.255.255",
    "a cloud's own": "168.63.129.16",
    "IPv6 nobody": "::",
    "IPv6 loopback": "::1",
    "IPv4 within": "::ffff:127.0.0.1",
    "IPv4 within, in hexadecimal": "::ffff:a00:1",
    "IPv4 within, of old": "::127.0.0.1",
    "NAT64": "64:ff9b::127.0.0.1",
    "NAT64 of a site": "64:ff9b:1::a00:1",
    "6to4": "2002:7f00:1::",
    "Teredo": "2001::1",
    "IPv6 documentation": "2001:db8::1",
    "IPv6 documentation, new": "3fff::1",
    "unique local": "fd00::1",
    "unique local, a cloud's": "fd00:ec2::254",
    "IPv6 link-local": "fe80::1",
    "with a zone": "fe80::1%lo",
    "site-local": "fec0::1",
    "IPv6 multicast": "ff02::1",
    "not given out": "4000::1",
}


@pytest.mark.parametrize("address", PUBLIC)
def test_an_address_of_the_internet_is_public(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize("case", INNER)
def test_an_address_of_a_special_registry_is_not(case: str) -> None:
    assert not is_public(INNER[case])


@pytest.mark.parametrize(
    "address", ["169.254.169.254", "::ffff:169.254.169.254", "fd00:ec2::254", "0.0.0.0", "::", "224.0.0.1", "ff02::1"]
)
def test_some_addresses_are_no_private_hosts_either(address: str) -> None:
    assert not is_somebody(address)
    assert is_somebody("10.0.0.1")


@contextlib.contextmanager
def answering(
    *answers: bytes, after: Callable[[socket.socket], None] | None = None, tls: Path | None = None
) -> Iterator[tuple[int, list[bytes]]]:
    """A port where each request is answered with the next of these bytes, the last for good; and what was asked, by connection."""
    asked: list[bytes] = []
    door = socket.create_server(("127.0.0.1", 0))
    left, stop = list(answers), threading.Event()
    secure = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    if tls:
        secure.load_cert_chain(tls)

    def talk(plain: socket.socket) -> None:
        place = len(asked)
        asked.append(b"")
        with contextlib.suppress(OSError), secure.wrap_socket(plain, server_side=True) if tls else plain as line:
            line.settimeout(0.1)
            while not stop.is_set():
                try:
                    data = line.recv(65536)
                except TimeoutError:
                    continue
                if not data:
                    return
                asked[place] += data
                if not asked[place].endswith(BODY):
                    continue
                line.sendall(left.pop(0) if len(left) > 1 else left[0])
                if after:
                    after(line)

    def serve() -> None:
        with contextlib.suppress(OSError):
            while True:
                talkers.append(threading.Thread(target=talk, args=(door.accept()[0],)))
                talkers[-1].start()

    talkers: list[threading.Thread] = []
    serving = threading.Thread(target=serve)
    serving.start()
    try:
        yield door.getsockname()[1], asked
    finally:
        stop.set()
        door.shutdown(socket.SHUT_RDWR)
        door.close()
        for thread in (serving, *talkers):
            thread.join(5)


@contextlib.contextmanager
def endpoints(
    resolve: Callable[[str, int], list[str]] = lambda host, port: ["127.0.0.1"], allowed: Allowed = HERE
) -> Iterator[Endpoints]:
    made = Endpoints(allowed, timeout=2, resolve=resolve)
    try:
        yield made
    finally:
        made.close()


def refused(calling: Endpoints, endpoint: str, timeout: float | None = None) -> Problem:
    """The problem that there must be, which tells nothing of the endpoint but its host."""
    with pytest.raises(Problem) as told:
        calling.post(f"{endpoint}/secret-path?token=secret-word", BODY, JSON, {"Authorization": "Bearer secret"}, timeout=timeout)
    assert "secret" not in str(told.value)
    assert "secret" not in told.value.findings[0].nb
    return told.value


OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"


def test_a_notification_comes_as_it_was_sent_over_one_connection() -> None:
    with answering(OK) as (port, asked), endpoints() as calling:
        for _ in range(3):
            calling.post(f"http://127.0.0.1:{port}/hook?x=1", BODY, JSON, {"X-Ward": "3"})

    assert len(asked) == 1
    first = asked[0].split(BODY)[0].decode().splitlines()
    headers = dict(line.lower().split(": ", 1) for line in first[1:] if line)
    assert first[0] == "POST /hook?x=1 HTTP/1.1"
    assert headers["host"] == f"127.0.0.1:{port}"
    assert (headers["content-type"], headers["accept-encoding"], headers["x-ward"]) == (JSON, "identity", "3")


def test_the_address_of_the_first_look_up_is_the_one_that_is_called() -> None:
    """DNS rebinding: public the first time, ours the second. Only the first is ever asked for."""
    looks: list[str] = []

    def rebinding(host: str, port: int) -> list[str]:
        looks.append(host)
        return ["127.0.0.1"] if len(looks) == 1 else ["169.254.169.254"]

    with answering(OK) as (port, asked), endpoints(rebinding) as calling:
        calling.post(f"http://EPJ.example.no.:{port}/", BODY, JSON, {})

    assert looks == ["epj.example.no"]
    assert f"Host: epj.example.no:{port}\r\n".lower().encode() in asked[0].lower()


@pytest.mark.parametrize(
    "inner", [["127.0.0.1"], ["8.8.8.8", "127.0.0.1"], ["127.0.0.1", "8.8.8.8"], ["::1"], ["::ffff:127.0.0.1"]]
)
def test_a_listed_host_that_leads_inwards_is_not_called(inner: list[str]) -> None:
    with answering(OK) as (port, asked):
        allowed = Allowed(frozenset({f"epj.example.no:{port}"}), plain=True)
        with endpoints(lambda host, port: inner, allowed) as calling:
            told = refused(calling, f"http://epj.example.no:{port}")

    assert (told.kind, asked) == (Kind.FORBIDDEN, [])


def test_a_private_host_is_not_led_to_the_metadata_of_a_cloud() -> None:
    with endpoints(lambda host, port: ["127.0.0.1", "169.254.169.254"]) as calling:
        assert refused(calling, "http://epj.example.no").kind is Kind.FORBIDDEN


def test_a_listed_address_that_is_inner_is_not_called() -> None:
    with answering(OK) as (port, asked), endpoints(allowed=Allowed(frozenset({f"127.0.0.1:{port}"}), plain=True)) as calling:
        assert (refused(calling, f"http://127.0.0.1:{port}").kind, asked) == (Kind.FORBIDDEN, [])


def test_what_is_not_listed_any_more_is_not_called() -> None:
    with answering(OK) as (port, asked), endpoints(allowed=Allowed()) as calling:
        assert (refused(calling, f"http://127.0.0.1:{port}").kind, asked) == (Kind.BUSINESS_RULE, [])


def test_two_names_of_one_address_share_no_connection() -> None:
    with answering(OK) as (port, asked), endpoints() as calling:
        for host in ("epj.example.no", "other.example.no", "epj.example.no"):
            calling.post(f"http://{host}:{port}/", BODY, JSON, {})

    assert [one.count(b"POST") for one in asked] == [2, 1]


def test_a_cookie_is_not_kept() -> None:
    with answering(OK.replace(b"\r\n\r\n", b"\r\nSet-Cookie: a=b\r\n\r\n")) as (port, asked), endpoints() as calling:
        for _ in range(2):
            calling.post(f"http://localhost:{port}/", BODY, JSON, {})

    assert b"cookie" not in asked[0].lower()


def test_a_proxy_of_the_environment_is_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    with answering(OK) as (proxy, through), answering(OK) as (port, asked):
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{proxy}")
        with endpoints() as calling:
            calling.post(f"http://epj.example.no:{port}/", BODY, JSON, {})

    assert (len(through), len(asked)) == (0, 1)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_a_fault_and_is_not_followed(status: int) -> None:
    with answering(OK) as (elsewhere, moved):
        answer = f"HTTP/1.1 {status} X\r\nLocation: http://127.0.0.1:{elsewhere}/\r\nContent-Length: 0\r\n\r\n".encode()
        with answering(answer) as (port, asked), endpoints() as calling:
            told = refused(calling, f"http://127.0.0.1:{port}")

    assert (told.kind, str(status) in str(told), len(asked), moved) == (Kind.MISADDRESSED, True, 1, [])


@pytest.mark.parametrize(
    ("status", "kind", "wait"),
    [
        (429, Kind.TRANSIENT, 120.0),
        (503, Kind.TRANSIENT, 120.0),
        (500, Kind.TRANSIENT, 120.0),
        (400, Kind.TRANSIENT, 120.0),
        (401, Kind.TRANSIENT, 120.0),
        (404, Kind.TRANSIENT, 120.0),
        (410, Kind.NOT_FOUND, None),
    ],
)
def test_a_refusal_is_told_by_its_status_alone(status: int, kind: Kind, wait: float | None) -> None:
    answer = f"HTTP/1.1 {status} secret\r\nRetry-After: 120\r\nContent-Length: 6\r\n\r\nsecret".encode()
    with answering(answer) as (port, _), endpoints() as calling:
        told = refused(calling, f"http://127.0.0.1:{port}")

    assert (told.kind, told.retry_after, f"127.0.0.1:{port} answered {status}" in str(told)) == (kind, wait, True)
    assert "again" not in told.findings[0].en  # whoever shows it knows whether it is tried again


STRANGE = {
    "not HTTP": b"SSH-2.0-OpenSSH_9.6\r\n",
    "HTML alone": b"<html>secret</html>\r\n\r\n",
    "a header without end": b"HTTP/1.1 200 OK\r\nX: " + b"a" * 200_000,
    "two lengths": b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}",
    "HTTP/2": b"\x00\x00\x12\x04\x00\x00\x00\x00\x00" * 9,
}


@pytest.mark.parametrize("case", STRANGE)
def test_what_is_no_answer_is_tried_again(case: str) -> None:
    with answering(STRANGE[case]) as (port, _), endpoints() as calling:
        told = refused(calling, f"http://127.0.0.1:{port}", timeout=0.5)

    waits = case == "not HTTP"  # a line that might be followed by the rest of a head
    happened = "did not answer within 0.5 seconds." if waits else "answered something that is no HTTP."
    assert (told.kind, told.findings[0].en) == (Kind.TRANSIENT, f"127.0.0.1:{port} {happened}")


@pytest.mark.parametrize("way", ["silent", "closed"])
def test_no_answer_is_tried_again_and_waited_for_no_longer_than_is_set(way: str) -> None:
    with broken_server(way) as base, endpoints() as calling:
        start = time.monotonic()
        told = refused(calling, base, timeout=0.3)

    happened = {"silent": "did not answer within 0.3 seconds.", "closed": "broke the connection off without an answer."}
    assert (told.kind, told.findings[0].en.partition(" ")[2]) == (Kind.TRANSIENT, happened[way])
    assert time.monotonic() - start < 2


def trickle(line: socket.socket) -> None:
    """A header line that never ends: each byte is in time, the whole never."""
    with contextlib.suppress(OSError):
        for _ in range(60):
            line.sendall(b"a")
            time.sleep(0.05)


def test_a_head_that_trickles_is_given_up_when_the_time_is_over() -> None:
    with answering(b"HTTP/1.1 200 OK\r\nX: ", after=trickle) as (port, _), endpoints() as calling:
        start = time.monotonic()
        told = refused(calling, f"http://127.0.0.1:{port}", timeout=0.3)
        took = time.monotonic() - start

    assert told.kind is Kind.TRANSIENT
    assert 0.2 < took < 1.5


@pytest.mark.parametrize("way", ["endless", "dripping", "reset", "cut"])
def test_a_body_is_read_no_further_than_it_must_since_the_status_has_said_it(way: str) -> None:
    with broken_server(way) as base, endpoints() as calling:
        start = time.monotonic()
        calling.post(base, BODY, JSON, {})
        took = time.monotonic() - start

    assert took < 1.8


def test_a_body_that_never_comes_is_not_waited_for() -> None:
    with answering(b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n") as (port, _), endpoints() as calling:
        start = time.monotonic()
        calling.post(f"http://127.0.0.1:{port}/", BODY, JSON, {}, timeout=9)
        took = time.monotonic() - start

    assert took < 3


def test_after_a_body_that_was_not_read_to_its_end_the_connection_is_not_used_again() -> None:
    answer = b"HTTP/1.1 200 OK\r\nContent-Length: 200000\r\n\r\n" + b" " * 200_000
    with answering(answer) as (port, asked), endpoints() as calling:
        for _ in range(2):
            calling.post(f"http://127.0.0.1:{port}/", BODY, JSON, {})

    assert len(asked) == 2


def test_a_closed_port_is_tried_again() -> None:
    with socket.create_server(("127.0.0.1", 0)) as door:
        port = door.getsockname()[1]
    with endpoints() as calling:
        told = refused(calling, f"http://127.0.0.1:{port}")
    assert (told.kind, told.findings[0].en) == (Kind.TRANSIENT, f"127.0.0.1:{port} refused the connection.")


def test_the_next_address_is_tried_where_the_first_does_not_answer() -> None:
    with answering(OK) as (port, asked), endpoints(lambda host, port: ["127.0.0.2", "127.0.0.1"]) as calling:
        calling.post(f"http://epj.example.no:{port}/", BODY, JSON, {})

    assert len(asked) == 1


def nobody(host: str, port: int) -> list[str]:
    raise socket.gaierror(socket.EAI_NONAME, "no such name")


def slowly(host: str, port: int) -> list[str]:
    time.sleep(1)
    return ["127.0.0.1"]


@pytest.mark.parametrize("resolve", [nobody, slowly, lambda host, port: []])
def test_a_name_that_is_not_found_or_not_in_time_is_tried_again(resolve: Callable[[str, int], list[str]]) -> None:
    with endpoints(resolve) as calling:
        start = time.monotonic()
        told = refused(calling, "http://epj.example.no", timeout=0.2)

    assert told.kind is Kind.TRANSIENT
    assert time.monotonic() - start < 0.8


def trusting(calling: Endpoints, file: Path) -> None:
    context_of(calling._client).load_verify_locations(str(file))


@pytest.mark.parametrize(("named", "comes"), [("epj.example.no", True), ("other.example.no", False)])
def test_the_certificate_is_for_the_name_though_the_address_is_called(tmp_path: Path, named: str, comes: bool) -> None:
    file = certificate(tmp_path, "epj.example.no")
    with answering(OK, tls=file) as (port, asked), endpoints() as calling:
        trusting(calling, file)
        if comes:
            calling.post(f"https://{named}:{port}/", BODY, JSON, {})
        else:
            told = refused(calling, f"https://{named}:{port}")
            assert (told.kind, "certificate" in str(told)) == (Kind.TRANSIENT, True)
        assert b"".join(asked).count(b"POST") == comes


def test_a_certificate_that_nobody_vouches_for_is_not_talked_to(tmp_path: Path) -> None:
    with answering(OK, tls=certificate(tmp_path, "epj.example.no")) as (port, _), endpoints() as calling:
        assert "certificate" in str(refused(calling, f"https://epj.example.no:{port}"))


def test_the_name_is_asked_for_in_the_handshake(tmp_path: Path) -> None:
    """What the other side needs to choose its certificate by (RFC 6066 3): the name, without a last dot, and not the address."""
    with answering(b"") as (port, asked), endpoints() as calling:
        refused(calling, f"https://epj.example.no.:{port}", timeout=0.3)

    assert b"\x00\x0eepj.example.no" in asked[0]  # a host_name of 14 bytes
    assert b"127.0.0.1" not in asked[0]


HEADERS = {
    "none": ([], {}),
    "a token": (["Authorization: Bearer x.y"], {"Authorization": "Bearer x.y"}),
    "own": (["X-Ward: 3", "x-secret:  a b "[:-1]], {"X-Ward": "3", "x-secret": "a b"}),
}
NO_HEADERS = {
    "another": ["Host: evil.com"],
    "a length": ["Content-Length: 0"],
    "a cookie": ["Cookie: a=b"],
    "ours": ["X-Request-Id: 1"],
    "a proxy's": ["X-Forwarded-For: 127.0.0.1"],
    "another method": ["X-HTTP-Method-Override: DELETE"],
    "another address": ["X-Original-URL: /admin"],
    "no value": ["X-Ward:"],
    "no name": [": x"],
    "no colon": ["Authorization"],
    "a space before the colon": ["X-Ward : 3"],
    "a second line": ["X-Ward: 3\r\nHost: evil.com"],
    "a line feed": ["X-Ward: 3\nHost: evil.com"],
    "a last line feed": ["X-Ward: 3\n"],
    "a NUL": ["X-Ward: 3\x00"],
    "other letters": ["X-Ward: å"],
    "twice": ["X-Ward: 3", "x-ward: 4"],
    "too long": ["X-Ward: " + "a" * 4096],
}


@pytest.mark.parametrize("case", HEADERS)
def test_headers_of_the_subscribers_own_are_sent(case: str) -> None:
    given, sent = HEADERS[case]

    assert headers_of(given) == sent


@pytest.mark.parametrize("case", NO_HEADERS)
def test_other_headers_are_refused_and_told_by_their_place_alone(case: str) -> None:
    with pytest.raises(Problem) as told:
        headers_of(["X-First: 1", *NO_HEADERS[case]])

    last = told.value.findings[-1]
    assert last.where == f"Subscription.channel.header[{len(NO_HEADERS[case])}]"
    assert "evil" not in str(told.value)


def test_the_fifth_header_is_one_too_many() -> None:
    assert len(headers_of([f"X-{n}: 1" for n in range(4)])) == 4
    with pytest.raises(Problem) as told:
        headers_of([f"X-{n}: 1" for n in range(500)])
    assert [f.where for f in told.value.findings] == ["Subscription.channel.header[4]"]
