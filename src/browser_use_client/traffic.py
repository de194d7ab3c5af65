"""What a client has asked of the API, in numbers."""

from __future__ import annotations

from dataclasses import dataclass

from browser_use_client.effects import Call, Effect, Sleep, Together


@dataclass
class Traffic:
    """How many requests a client has made.

    Attributes:
        requests: To the API, retries among them; without those that move files.
        retries: How often it has waited to ask again, since the server was busy, failed or did not answer.
    """

    requests: int = 0
    retries: int = 0

    def note(self, effect: Effect) -> None:
        """Counts what a flow asks for next."""
        match effect:
            case Call():
                self.requests += 1
            case Together(calls):
                self.requests += len(calls)
            case Sleep() if effect.because:
                self.retries += 1
