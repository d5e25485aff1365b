"""The scripts, the oldest first."""
