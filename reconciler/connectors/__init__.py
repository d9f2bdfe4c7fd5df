"""Remote systems, inbound: one declarative engine, many manifests."""
