"""What holds for every test."""

from hypothesis import settings

# A machine that does other work, too, is slow for a moment: no test fails by seconds.
settings.register_profile("podvigil", deadline=None)
settings.load_profile("podvigil")
