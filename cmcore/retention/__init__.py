"""What is kept and what may go: roots, pins, and tombstones for payloads that were deleted."""
