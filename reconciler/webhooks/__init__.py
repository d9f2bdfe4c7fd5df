"""Outgoing webhooks: an event becomes a signed HTTP POST, to an address that was checked."""
