"""Model cards: what a version is for, made of and worth, from lineage and registry; as Markdown, HTML and JSON."""
