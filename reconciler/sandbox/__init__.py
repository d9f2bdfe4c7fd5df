"""A small plant, ERP and CMMS in one, that speaks HTTP on loopback.

It is a foreign system: it has its own words, dates and habits, and is met through the manifest
``connectors/catalogue/sandbox.yaml`` like any other. Everything in it follows from a seed and a clock.
"""

from reconciler.sandbox.access import Credentials
from reconciler.sandbox.server import Sandbox

__all__ = ["Credentials", "Sandbox"]
