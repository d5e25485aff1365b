"""A plugin that needs a library which is not installed."""

import cmcore_a_library_that_nobody_has  # noqa: F401  # that it is not there is the point

CMCORE_API = ">=1.0,<2"
