"""How fast it is: `make bench`. A part is a file in `bench/parts` with a function `rows()`."""
