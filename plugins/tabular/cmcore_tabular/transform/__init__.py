"""Feature transforms that are fitted once and mean the same in NumPy and in ONNX."""
