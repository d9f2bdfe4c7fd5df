"""A small plant, ERP and CMMS in one, that speaks HTTP on loopback."""
