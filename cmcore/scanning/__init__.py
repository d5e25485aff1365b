"""What model files are, by their bytes, and whether they may be loaded. Nothing is ever loaded or executed here."""
