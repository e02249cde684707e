"""A registry of invented patients, calibrated to published figures, with planted faults."""

from outcomes.synthetic.registry import SyntheticRegistry, answer_key_folder, synthesize

__all__ = ["SyntheticRegistry", "answer_key_folder", "synthesize"]
