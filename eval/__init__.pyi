from .benchmark.benchmark import benchmark_agent as benchmark_agent
from .evaluation.evaluate import comparison_table as comparison_table
from .evaluation.evaluate import evaluate_agent as evaluate_agent
from .views.evaluation_set import EvaluationSet as EvaluationSet

__all__ = ["EvaluationSet", "benchmark_agent", "comparison_table", "evaluate_agent"]
