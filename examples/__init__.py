"""Complete small setups, one folder each; the tests run them."""
