"""What the tests of R4 can ask for."""

from tests.r4.packages import r4_examples as r4_examples
