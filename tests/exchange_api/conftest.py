"""The served hub, for every test of this folder."""

from exchange_api_hub import served_hub  # noqa: F401
