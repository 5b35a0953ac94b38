"""Random touches in several processes at once.

python examples/vector_env.py --envs 2 --steps 50
"""

import argparse
import functools

import gymnasium
from gymnasium.vector import AsyncVectorEnv, AutoresetMode


def main() -> None:
    """Run the example."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--envs", type=int, default=2, help="number of processes, each with one environment")
    parser.add_argument("--steps", type=int, default=50, help="touches in each environment")
    parser.add_argument("--interactions", type=int, default=10, help="touches in an episode")
    parser.add_argument("--seed", type=int, default=0, help="seed of the rooms, the poses and the touches")
    arguments = parser.parse_args()
    if arguments.envs < 1:
        parser.error(f"--envs is {arguments.envs}; it must be at least 1")

    # The part before the colon makes each new process import the package, which registers the environment.
    make = functools.partial(
        gymnasium.make, "thor_interact_env:ThorInteract-v0", interactions=arguments.interactions
    )
    # "spawn" starts clean processes: a renderer does not survive a fork.
    envs = AsyncVectorEnv([make] * arguments.envs, context="spawn", autoreset_mode=AutoresetMode.SAME_STEP)
    envs.reset(seed=arguments.seed)
    envs.action_space.seed(arguments.seed)
    successes = episodes = 0
    for _ in range(arguments.steps):
        _, rewards, _, truncated, _ = envs.step(envs.action_space.sample())
        successes += int(rewards.sum())
        episodes += int(truncated.sum())
    envs.close()
    touches = arguments.envs * arguments.steps
    print(f"{successes} of {touches} random touches moved something; {episodes} episodes ended")


if __name__ == "__main__":
    main()
