"""The Open Inference Protocol on the wire, and arrays: REST with JSON and binary tensors, gRPC. Pure."""
