"""Deployment: a trained network to one file that runs anywhere."""
