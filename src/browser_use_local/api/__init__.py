"""The API of Browser Use Cloud, both revisions of v2 and v4, over HTTP."""
