"""Clients that nobody here wrote, against the service as it is installed."""
