"""Other products that serve the flights model, each as its own guide says, one worker, one thread of onnxruntime."""
