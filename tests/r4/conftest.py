"""What the tests of R4 can ask for."""

from tests.r4.packages import r4_examples  # noqa: F401  a fixture
