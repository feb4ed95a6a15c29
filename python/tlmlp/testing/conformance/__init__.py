"""One model file in every host: the same systems everywhere, compared with the oracle and between hosts.

Importing this package loads no torch and no host.
"""

from tlmlp.testing.conformance.comparison import Row, compare
from tlmlp.testing.conformance.routes import Route, routes
from tlmlp.testing.conformance.systems import read_systems

__all__ = ["Route", "Row", "compare", "read_systems", "routes"]
