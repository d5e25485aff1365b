"""cmcore endpoints on Ray Serve, behind the Open Inference Protocol."""
