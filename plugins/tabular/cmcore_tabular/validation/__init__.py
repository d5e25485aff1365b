"""Where data departs from its schema or from what it was: distances, rules, and the component."""
