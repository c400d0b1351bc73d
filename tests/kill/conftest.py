from tests.postgres import postgresql

__all__ = ["postgresql"]
