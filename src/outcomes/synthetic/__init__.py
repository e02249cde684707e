"""A registry of invented patients, calibrated to published figures, with planted faults."""

from outcomes.synthetic.registry import SyntheticRegistry, synthesize

__all__ = ["SyntheticRegistry", "synthesize"]
