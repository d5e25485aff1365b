"""Why a model is what it is: version, people, evaluation, training, data, and its uses; as a value and as text."""
