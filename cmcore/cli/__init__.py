"""The `cm` command: arguments, environment, clock and terminal. It decides nothing; importing it imports nothing."""
