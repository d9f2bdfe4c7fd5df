"""GitOps for integrations: YAML specs become connections, unified records and one API."""

__version__ = "0.1.0"
