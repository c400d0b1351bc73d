"""The parts of the checker (`adapter.r4.checker`)."""
