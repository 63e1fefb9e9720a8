"""The served hub, for every test of this folder, and one that firms are pushed to."""

from exchange_api_hub import served_hub  # noqa: F401
from fed_firms import register  # noqa: F401
from pushed_firms import hub  # noqa: F401
