"""What is long is not looked at, whoever asks."""

from __future__ import annotations

import pytest

from adapter.security.compact import LONGEST, Faulty, header_of
from tests.security.issuer import encoded


def test_a_text_is_bounded_before_it_is_read() -> None:
    header = encoded(b'{"alg":"RS256","typ":"JWT"}')
    fits = f"{header}.e30.".ljust(LONGEST, "A")

    assert header_of(fits, ["RS256"], {"jwt"}) == {"alg": "RS256", "typ": "JWT"}
    with pytest.raises(Faulty, match="three parts"):
        header_of(fits + "A", ["RS256"], {"jwt"})
