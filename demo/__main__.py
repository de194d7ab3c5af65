"""`python -m demo`: see `make demo`."""

import signal
import sys

if __name__ == "__main__":
    # Until the demo handles it itself: a Ctrl+C while all that is imported needs no traceback.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    from demo.job import main

    sys.exit(main())
