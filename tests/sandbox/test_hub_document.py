"""What the simulated hub reads of the public samples' envelopes, and of what it cannot route."""

from __future__ import annotations

from pathlib import Path

import pytest

from adapter.sandbox.hub_document import Envelope, read_envelope
from tests.hub.referral import referral


@pytest.mark.parametrize(
    ("sample", "envelope"),
    [
        (
            "henvisning-2.0/Henvisning_ny_tilstand_v2-0_Endring.xml",
            Envelope("HENVISNING_NYTILSTAND", "0b28bfe4-c3a8-43b6-b915-7f11cfc6a093", "2018-03-30T09:15:00", 91100, (90998,)),
        ),
        (
            "henvisning-1.1/henvisning_v1.1_n.xml",
            Envelope("HENVISNING", "02a51109-7416-4822-9742-bcd6fdfd036f", "2017-05-05T06:24:09", 258521, (90998,)),
        ),
        (
            "henvisning-1.0/mottak-Case1.xml",  # its receiver has no HER-id, the sender's person an HPR number only
            Envelope("H", "cef6ac80-5f27-11df-a08a-0800200c9a66", "2002-11-07T09:30:47", 56704, ()),
        ),
        (
            "apprec/apprec-1.1-example-avvist.xml",
            Envelope("APPREC", "8d018d60-336b-11de-8bd7-0002a5d5c51b", "2012-02-17T09:30:47", 258521, (89583,), is_apprec=True),
        ),
    ],
)
def test_the_public_samples_are_addressed_by_their_innermost_her_id(standards: Path, sample: str, envelope: Envelope) -> None:
    assert read_envelope((standards / "samples" / sample).read_bytes()) == envelope


def test_copy_receivers_are_receivers() -> None:
    assert read_envelope(referral(receivers=(8000101, 8000301, 8000302))).receivers == (8000101, 8000301, 8000302)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "not well-formed XML"),
        (b"<MsgHead>", "not well-formed XML"),
        (b"<Bundle/>", "the root element Bundle is of no known message"),
        (b'<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><a>&x;</a>', "a DOCTYPE is not allowed"),
        ("<?xml version='1.0' encoding='UTF-16'?><!DOCTYPE a><a/>".encode("utf-16"), "a DOCTYPE is not allowed"),
    ],
)
def test_what_no_hub_can_route_is_refused_with_the_reason(data: bytes, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        read_envelope(data)


def test_a_message_without_an_envelope_says_nothing_of_itself() -> None:
    assert read_envelope(b"<MsgHead><MsgInfo><GenDate>soon</GenDate></MsgInfo></MsgHead>") == Envelope()
