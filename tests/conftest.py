"""What every test shares: Hypothesis without deadlines, since the tests run side by side on slow machines too."""

from hypothesis import settings

settings.register_profile("exchstream", deadline=None, print_blob=True)
settings.load_profile("exchstream")
