"""exchange_api."""
