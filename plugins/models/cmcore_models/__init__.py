"""Models in MLflow's layout: predictors of their flavors, and batch prediction."""
