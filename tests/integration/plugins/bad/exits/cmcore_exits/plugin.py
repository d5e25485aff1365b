"""A plugin that prints and exits when it is imported."""

import sys

CMCORE_API = ">=1.0,<2"

print("goodbye")
sys.exit(3)
