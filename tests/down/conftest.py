from tests.usecases.conftest import house

__all__ = ["house"]
