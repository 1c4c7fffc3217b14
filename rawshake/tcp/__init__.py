"""What TCP is: segments, states and the two-ended tracker; pure, and importing nothing else of ours."""
