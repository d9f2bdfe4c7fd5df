"""The translator: raw records in, unified records out, by the page."""
