"""Documents as text: reading with positions, checking against a model, writing, and `${...}` expressions.

What a pipeline, component or stack document means belongs to the package that owns its model.
"""
