"""What became of a change: what is seen after it, how that is judged, and what is learnt from it."""
