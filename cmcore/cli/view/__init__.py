"""How a run looks while it goes on and when it is over: in a terminal, in a pipe, as JSON. Nothing is run here."""
