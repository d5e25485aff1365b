"""The filter language of searches, such as `metrics.auc > 0.8 and tags.team = "x"`. What is searched is not known."""
