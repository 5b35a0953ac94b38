from .agent_process import AgentSource as AgentSource
from .benchmark import benchmark_agent as benchmark_agent
from .benchmark import benchmark_table as benchmark_table
from .benchmark import benchmark_views as benchmark_views

__all__ = ["AgentSource", "benchmark_agent", "benchmark_table", "benchmark_views"]
