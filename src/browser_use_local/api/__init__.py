"""The API of Browser Use Cloud, both revisions of v2, over HTTP."""
