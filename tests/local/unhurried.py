"""Settings of Hypothesis: how long an example takes says more about the machine than about the code."""

from hypothesis import HealthCheck, settings

unhurried = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
