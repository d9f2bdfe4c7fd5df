"""SQLAlchemy Core: SQLite and PostgreSQL behind one contract."""
