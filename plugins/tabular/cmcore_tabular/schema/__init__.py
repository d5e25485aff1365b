"""What the data must look like: the document and how it is inferred."""
