from tests.usecases.conftest import house, house_on

__all__ = ["house", "house_on"]
