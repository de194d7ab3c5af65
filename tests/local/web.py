"""Requests without the key, as browsers send them. On a busy machine, an answer may take its time."""

from functools import partial

import httpx

TIMEOUT = 60
get = partial(httpx.get, timeout=TIMEOUT)
post = partial(httpx.post, timeout=TIMEOUT)
put = partial(httpx.put, timeout=TIMEOUT)
request = partial(httpx.request, timeout=TIMEOUT)
