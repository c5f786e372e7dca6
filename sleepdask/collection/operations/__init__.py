"""Operations on signals and on epochs, by name."""

from __future__ import annotations

from sleepdask.collection.operations.epochs import compute_features, compute_sleep_stage_mode, feature_statistics
from sleepdask.collection.operations.onto_clock import align_to_clock
from sleepdask.collection.operations.registry import Operation, operation_of, operations, register_operation
from sleepdask.collection.operations.samples import compute_angle, compute_magnitude, moving_mean

register_operation("align_to_clock", align_to_clock)
register_operation("compute_angle", compute_angle, gives="angle")
register_operation("compute_features", compute_features, kind="multi_signal")
register_operation("compute_magnitude", compute_magnitude, gives="magnitude")
register_operation("compute_sleep_stage_mode", compute_sleep_stage_mode, kind="multi_signal", gives="categorical_mode")
register_operation("feature_statistics", feature_statistics, kind="multi_signal", gives="statistical")
register_operation("moving_mean", moving_mean)

__all__ = ["Operation", "operation_of", "operations", "register_operation"]
