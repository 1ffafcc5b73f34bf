"""Distances between generated and real pictures, and measures of shape; each metric is one registration in
`METRICS`.
"""

from core_model.metrics.registry import METRICS, Candidate, Metric, MetricContext, Pictures, Reference

__all__ = ["METRICS", "Candidate", "Metric", "MetricContext", "Pictures", "Reference"]
