"""What training does with its schedule: rates, stages, augmentation, and the views it asks for."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from fake_simulator import FakeSimulator
from made_up_runs import CONFIG, MadeUpCollector, made_up_record

import agents.collection.collect
import agents.selfsup_agent.training
from agents.collection.collect import CollectionTask, collect_locations
from agents.collection.interact import InteractionSchedule
from agents.selfsup_agent.clustering import greedy_instances
from agents.selfsup_agent.network import coordinate_grid
from agents.selfsup_agent.training import train
from agents.training.batches import Batches
from agents.training.learner import Learner
from selfsup.memory_bank import MemoryBank
from thor_interact_env.actions import REACH


def bank_of(folder, learner):
    bank = MemoryBank(4, folder)
    bank.add([made_up_record(seed, learner.weights(), True).experience for seed in range(4)])
    return bank


@pytest.mark.parametrize("optimizer", ["adam", "muon"])
def test_weights_move_as_far_as_the_rate_says(tmp_path, optimizer):
    """From the same batch, a tenth of the rate moves every weight a tenth as far, or not at all."""
    moved = {}
    for rate in (1e-3, 1e-4):
        schedule = replace(CONFIG.schedule, optimizer=optimizer, weight_decay=0.0)
        learner = Learner(replace(CONFIG, schedule=schedule, threads=1))
        before = [one.detach().clone() for one in learner.network.parameters()]
        bank = bank_of(tmp_path / f"{rate}", learner)
        with Batches(bank, np.random.default_rng(0), 2, 1) as batches:
            learner.learn(batches, rate, joint=True)
        pairs = zip(learner.network.parameters(), before, strict=True)
        moved[rate] = sum(float((after - start).abs().sum()) for after, start in pairs)
    assert moved[1e-3] == pytest.approx(10 * moved[1e-4], rel=1e-2)


def test_training_follows_the_rates_of_its_schedule(tmp_path, monkeypatch):
    used = []
    learn = Learner.learn
    monkeypatch.setattr(Learner, "learn", lambda self, *given: used.append(given[1]) or learn(self, *given))
    train(CONFIG, tmp_path / "run", collector=MadeUpCollector())
    schedule = CONFIG.schedule
    assert used == [schedule.rate(update) for update in range(schedule.total_updates)]
    assert used[0] == schedule.learning_rate and used[-1] == pytest.approx(schedule.final_learning_rate)


def test_a_stage_starts_with_a_fresh_optimizer(tmp_path):
    learner = Learner(replace(CONFIG, threads=1))
    with Batches(bank_of(tmp_path / "bank", learner), np.random.default_rng(0), 2, 1) as batches:
        learner.learn(batches, 1e-3, joint=True)
    weights = {name: value.clone() for name, value in learner.weights().items()}
    assert learner.optimizer.state
    learner.start_stage()
    assert not learner.optimizer.state
    assert all(torch.equal(weights[name], value) for name, value in learner.weights().items())


def test_each_later_stage_is_started(tmp_path, monkeypatch):
    started = []
    monkeypatch.setattr(Learner, "start_stage", lambda self: started.append(True))
    train(CONFIG, tmp_path / "run", collector=MadeUpCollector())
    assert len(started) == len(CONFIG.schedule.stages) - 1 == 1


def test_locations_are_augmented_as_the_schedule_says(tmp_path, monkeypatch):
    probabilities = []
    augment = agents.selfsup_agent.training.augment

    def noted(experience, rng, jitter_probability):
        probabilities.append(jitter_probability)
        return augment(experience, rng, jitter_probability=jitter_probability)

    monkeypatch.setattr(agents.selfsup_agent.training, "augment", noted)
    schedule = replace(CONFIG.schedule, jitter_probability=0.3)
    train(replace(CONFIG, schedule=schedule), tmp_path / "run", collector=MadeUpCollector())
    assert probabilities == [0.3] * (schedule.total_updates * schedule.batch_size)


def test_collection_keeps_to_the_fraction_within_reach(monkeypatch):
    """Of the same seeds: views of the paper's rule fall below what is asked for, filtered ones do not."""
    made = []

    def simulator(*_, **__):
        made.append(FakeSimulator(table_rows=120))
        return made[-1]

    monkeypatch.setattr(agents.collection.collect, "make_simulator", simulator, raising=False)
    monkeypatch.setattr("thor_interact_env.env.make_simulator", simulator)
    within = {}
    for fraction in (0.0, 0.46):
        agents.collection.collect.close_cache()
        task = CollectionTask(
            seeds=tuple(range(12)),
            rooms=("FloorPlan1", "FloorPlan2"),
            schedule=InteractionSchedule(0, 1, False),
            weights=None,
            environment={"simulator": "mujoco"},
            reachable_share=fraction,
            locations_per_room=1,
        )
        records = collect_locations(task)
        within[fraction] = [float(np.mean(one.experience.depth < REACH)) for one in records]
    agents.collection.collect.close_cache()
    assert min(within[0.0]) < 0.46 <= min(within[0.46])


def test_constants_of_the_paper_and_the_authors_code():
    """Coordinates reach from -4 to 4; an instance needs a logit of -3; both are the authors' code's."""
    grid = coordinate_grid()
    assert (grid.min(), grid.max()) == (-4, 4)
    forces, embeddings = np.zeros((3, 100, 100), np.float32), np.zeros((16, 100, 100), np.float32)
    found = {
        logit: len(greedy_instances(np.full((100, 100), logit, np.float32), forces, embeddings))
        for logit in (-3.01, -2.99)
    }
    assert found == {-3.01: 0, -2.99: 1}
    assert CONFIG.embedding_normalization == "added"
