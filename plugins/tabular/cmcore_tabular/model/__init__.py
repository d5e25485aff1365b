"""A trained model on disk: MLflow's layout with ONNX and skops inside, and how it is read back."""
