"""Where a model came from: the walk to data, code, environment and people; cards, attestations, reproduction."""
