"""Serving of HugeCTR's models: embedding tables in a store, a predictor that looks them up, and what deploys both."""
