"""How many examples a property-based test tries: all where slow tests run too, a fifth of them under `make test`."""

from __future__ import annotations

from hypothesis import HealthCheck, settings

# Fixed examples: a failure on one machine is a failure on all. Timings are pytest-timeout's business.
settings.register_profile(
    "whole", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow], print_blob=True
)
settings.register_profile("part", settings.get_profile("whole"), max_examples=50)
LEAST = 50


def examples(whole: int) -> settings:
    """Settings of a test that tries `whole` examples (a fifth of them, but 50 at least, in the profile "part")."""
    part = settings.get_current_profile_name() == "part"
    return settings(max_examples=min(whole, max(LEAST, whole // 5)) if part else whole)
