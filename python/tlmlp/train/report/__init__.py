"""Figures, tables and pages about a training."""
