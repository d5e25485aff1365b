"""Components: contract, executor, and the three ways of writing them."""
