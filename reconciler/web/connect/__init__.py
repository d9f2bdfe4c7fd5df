"""The connect page: what a customer does alone, on a phone, to give or renew credentials."""
