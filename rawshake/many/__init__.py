"""Many exchanges with one server: those on a known road by columns of numbers, all others each by a session."""
