"""Ways to tell the outside: one module a way, strangers to each other, chosen by ``webhooks.sending``."""
