"""The store's contract kept without a database: plain dictionaries, copied for each transaction."""
