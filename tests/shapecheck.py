"""The checker of shape annotations in tests: an int is a float, as for every type checker (PEP 484)."""

from beartype import BeartypeConf, beartype

check = beartype(conf=BeartypeConf(is_pep484_tower=True))
