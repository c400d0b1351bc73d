"""The pages for testers and operators, and the whole HTTP service put together."""
