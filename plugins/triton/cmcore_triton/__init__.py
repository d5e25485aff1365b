"""cmcore endpoints on NVIDIA Triton Inference Server, with a local server from a wheel."""
