"""The benchmarks of cmcore: what `make bench` runs. Not part of the distribution, and imported by nothing in it."""
