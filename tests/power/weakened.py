"""The service as it must not be: `python -m tests.power.weakened serve …` has SQLite's `synchronous=NORMAL`.

With the WAL that syncs nothing at a commit (https://www.sqlite.org/pragma.html#pragma_synchronous): the harness must see it.
"""

from adapter.storage import engines

if __name__ == "__main__":
    from adapter.cli import main

    engines.PRAGMAS["synchronous"] = 1
    main()
