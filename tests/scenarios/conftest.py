from tests.usecases.conftest import house, house_on, postgresql

__all__ = ["house", "house_on", "postgresql"]
