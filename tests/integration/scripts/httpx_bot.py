"""A bot that knows nothing of the mock, with httpx2; then it asks for a page that is none of the mock's."""

import json
import sys

import httpx2

time = httpx2.get("https://fapi.binance.com/fapi/v1/time").json()
try:
    other = str(httpx2.get("https://example.com/", timeout=5).status_code)
except httpx2.HTTPError as error:
    other = f"{type(error).__name__}: {error}"
print(json.dumps([sorted(time), other]))
sys.exit(0)
