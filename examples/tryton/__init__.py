"""A real ERP behind the unified API: Tryton, started and filled here, met through its connector."""
