"""`python -m browser_use_local` is `browser-use-local`."""

from __future__ import annotations

import sys

from browser_use_local.cli import main

sys.exit(main())
