"""How all tests run: property tests by no clock and from one seed, and signals as a terminal leaves them."""

from __future__ import annotations

import signal

from hypothesis import HealthCheck, settings

# Whoever starts the tests in the background may have them ignore these, and what they start would inherit it.
for number, usual in (
    (signal.SIGINT, signal.default_int_handler),
    (signal.SIGQUIT, signal.SIG_DFL),
    (signal.SIGHUP, signal.SIG_DFL),
    (signal.SIGTERM, signal.SIG_DFL),
):
    if signal.getsignal(number) is signal.SIG_IGN:
        signal.signal(number, usual)

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
