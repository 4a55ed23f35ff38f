"""Evaluation: predictions to a report. Numbers first (report.json), then the page drawn from them."""
