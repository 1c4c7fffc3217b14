"""How all property tests run: by no clock, and from the same seed everywhere; ``search`` looks further."""

from __future__ import annotations

from hypothesis import HealthCheck, settings

# A busy machine draws slowly, and that is no fault of the test; a failure is one for everybody.
settings.register_profile(
    "rawshake",
    derandomize=True,
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.too_slow],
)
# pytest --hypothesis-profile=search -o faulthandler_timeout=0: other examples each time, and many.
settings.register_profile(
    "search", parent=settings.get_profile("rawshake"), derandomize=False, max_examples=5000, print_blob=True
)
settings.load_profile("rawshake")
