"""Break the code, one place at a time, and check that tests fail.

Each mutation replaces one piece of text of one file, in a copy of the tree outside the checkout, and runs
the tests that state the behaviour. A mutation that no test detects survives: a test is missing. Nothing here
is random, so that a survivor can be reproduced.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[1]
TIMEOUT = 300  # seconds for the tests of one mutation; one that takes longer counts as caught


class Mutation(NamedTuple):
    """One wrong line.

    Attributes:
        name: The defect.
        file: Path from the root of the tree.
        old: Text that occurs exactly once in the file.
        new: Its replacement.
        tests: Arguments of pytest, separated by spaces; `FILE -k WORDS` selects some of a slow file.
    """

    name: str
    file: str
    old: str
    new: str
    tests: str


_LEARNER, _TRAINING = "agents/training/learner.py", "agents/selfsup_agent/training.py"
_RUN, _EPISODES = "agents/training/progress.py", "agents/training/loop.py"
_CLUSTERING, _NETWORK = "agents/selfsup_agent/clustering.py", "agents/selfsup_agent/network.py"
_INTERACT, _SCHEDULE = "agents/collection/interact.py", "agents/training/schedule.py"
_SAMPLING, _SIMULATOR = "thor_interact_env/locations/sampling.py", "thor_interact_env/simulators/mujoco"
_LEARN, _LOOP = "tests/agents/test_learner.py -k", "tests/agents/test_training_loop.py"
_LOSSES, _FEEDBACK = "tests/selfsup/test_losses.py", "tests/selfsup/test_feedback.py"
_IMAGES, _IMAGE_TESTS = "selfsup/training_images", "tests/selfsup/test_training_images.py"
_MASK_TESTS = "tests/selfsup/test_moved_masks.py"
_CHANGE, _TARGETS = "tests/selfsup/test_change.py", "tests/selfsup/test_targets.py"
_SUPERPIXELS, _BANK = "tests/selfsup/test_superpixels.py", "tests/selfsup/test_memory_bank.py"
_CLUSTERS, _VISITS = "tests/agents/test_clustering.py", "tests/agents/test_interact.py"
_OWN, _OWN_TESTS = "thor_interact_env/simulators/own_objects", "tests/simulators/test_own_objects.py"
_OWN_SCORES = "tests/eval/test_eval_own_objects.py"
_DRAWS, _TOUCHES = "tests/env/test_sampling.py", "tests/simulators/test_touching.py"
_ARTEFACTS, _PUBLISHING = "tests/agents/test_artefacts.py", "tests/eval/test_eval_publishing.py"
_CURVE_TESTS = "tests/eval/test_eval_report_figures.py"
_TOUCH_TESTS, _REPORT_TESTS = "tests/eval/test_eval_touches.py", "tests/eval/test_eval_report.py"

_QUEUE_TESTS, _VIEW_TESTS = "tests/eval/test_eval_run_all.py", "tests/agents/test_mask_rcnn_views.py"
_PLAY, _PLAY_ROOM = "thor_interact_env/play", "tests/env/test_played_room.py"
_PLAY_SERVER, _PLAY_AGENT = "tests/env/test_play_server.py", "tests/agents/test_playing.py"

_RECORD, _RECORDS = "thor_interact_env/record", "tests/env/test_record.py -k"
_FORMATS = "tests/env/test_record_formats.py -k"

# fmt: off
MUTATIONS = (
    # Records of touches.
    Mutation("finished episodes are made again", f"{_RECORD}/making.py", "return len(read_table(path)) > 0",
             "return False", f"{_RECORDS} interrupted_record"),
    Mutation("damaged parts are used", f"{_RECORD}/making.py", "return len(read_table(path)) > 0",
             "return path.exists()", f"{_RECORDS} damaged_part"),
    Mutation("records of other options are complete", f"{_RECORD}/making.py",
             "if (record.key, record.format) != (key, format):", "if record.format != format:",
             f"{_RECORDS} other_options"),
    Mutation("all episodes have one seed", f"{_RECORD}/plan.py", "SeedSequence([seed, number])",
             "SeedSequence([seed])", f"{_RECORDS} split_has"),
    Mutation("agents are not reset", f"{_RECORD}/episodes.py", "actor.reset(start.seed)", "pass",
             f"{_RECORDS} touches_are_those"),
    Mutation("saved results are not compared", f"{_RECORD}/episodes.py",
             "digest(result) != start.recording.sha256[number]", "False", f"{_RECORDS} other_results"),
    Mutation("changed files are read", f"{_RECORD}/checking.py", "if found != expected:", "if False:",
             f"{_RECORDS} damaged_file"),
    Mutation("Minari keeps JPEG", f"{_RECORD}/minari_dataset.py", "jpeg_encoding=False",
             "jpeg_encoding=True", f"{_FORMATS} minari_reads"),
    Mutation("Minari does not know where episodes start", f"{_RECORD}/minari_dataset.py",
             "seed=start.seed, options=start.options", "seed=start.seed", f"{_FORMATS} replays"),
    Mutation("light objects are background", f"{_RECORD}/coco.py", "item.category_id + FIRST_CATEGORY",
             "item.category_id", f"{_FORMATS} true_masks"),
    Mutation("every view is annotated", f"{_RECORD}/episodes.py",
             "if before is None or not np.array_equal(rgb, before):", "if True:",
             f"{_FORMATS} did_not_change"),
    # The page for touching by hand.
    Mutation("any name of the server will do", f"{_PLAY}/server.py", "if host not in play.hosts:",
             "if False:", _PLAY_SERVER),
    Mutation("other pages may ask", f"{_PLAY}/server.py", '(origin is not None or self.command == "POST")',
             "False", _PLAY_SERVER),
    Mutation("who says no origin may ask", f"{_PLAY}/server.py", ' or self.command == "POST")', ")",
             _PLAY_SERVER),
    Mutation("any token will do", f"{_PLAY}/server.py",
             "if not secrets.compare_digest(token.encode(), play.token.encode()):", "if not token:",
             _PLAY_SERVER),
    Mutation("a request may be of any size", f"{_PLAY}/server.py", " or int(length) > MAX_CONTENT", "",
             _PLAY_SERVER),
    Mutation("connections outlive the server", f"{_PLAY}/server.py",
             "connection.shutdown(socket.SHUT_RDWR)", "pass", _PLAY_SERVER),
    Mutation("unknown fields are ignored", f"{_PLAY}/requests.py", "if name not in self.fields:",
             "if False:", _PLAY_SERVER),
    Mutation("integers have no maximum", f"{_PLAY}/requests.py", "not 0 <= value <= self.maximum",
             "value < 0", _PLAY_SERVER),
    Mutation("the session that was opened first ends", f"{_PLAY}/sessions.py",
             "self._sessions.move_to_end(name)", "pass", _PLAY_SERVER),
    Mutation("the agent touches a room that has changed", f"{_PLAY}/sessions.py",
             "if found.acting is not acting or room.version != version:", "if False:", _PLAY_AGENT),
    Mutation("the agent may change your view", f"{_PLAY}/sessions.py", 'depth=view["depth"].copy()',
             'depth=view["depth"]', _PLAY_AGENT),
    Mutation("undo restores no state", f"{_PLAY}/played_room.py",
             'self._env.reset(options={"state": touch.before})[0]', "self.view", _PLAY_ROOM),
    Mutation("an error ends the episode", f"{_PLAY}/played_room.py",
             "                self._env.set_state(before)", "                pass", _PLAY_ROOM),
    Mutation("an error of a touch ends the episode", f"{_PLAY}/played_room.py",
             "        except Exception:\n            self._env.set_state(before)",
             "        except Exception:\n            pass", _PLAY_ROOM),
    Mutation("no touch of a recording is the last", f"{_PLAY}/played_room.py",
             "digests[-1] = self.touches[-1].sha256[1]", "pass", _PLAY_ROOM),
    Mutation("the motion is recorded", f"{_PLAY}/played_room.py", 'if name not in ("frames", "frame_count")',
             "if name", _PLAY_ROOM),
    Mutation("all touches count", f"{_PLAY}/played_room.py", "self.touches[:ROUND] if", "self.touches if",
             _PLAY_ROOM),
    Mutation("objects are kept as they were", f"{_PLAY}/played_room.py",
             "self._instances = None\n\n    def _touched", "pass\n\n    def _touched", _PLAY_ROOM),
    # Objects of a folder.
    Mutation("images are upside down", f"{_OWN}/mesh_files.py", "[across, 1 - above]", "[across, above]",
             f"{_OWN_TESTS} -k upright"),
    Mutation("colliders hang below what is seen", f"{_OWN}/making.py", "np.eye(3), lowest, 1.0",
             "np.eye(3), 0 * lowest, 1.0", f"{_OWN_TESTS} -k fit"),
    Mutation("every mesh is its own hull", f"{_OWN}/decomposition.py", ">= CONVEX * hull.volume", ">= 0.0",
             f"{_OWN_TESTS} -k hollow"),
    Mutation("every room draws the same objects", f"{_OWN}/rooms.py", "zlib.crc32(plan.name.encode())", "0",
             f"{_OWN_TESTS} -k draws"),
    Mutation("predictions of other objects are false", "eval/evaluation/own_objects.py",
             "return best >= SAME and", "return best > 1 and", f"{_OWN_SCORES} -k neither"),
    Mutation("touches are made in a room without the objects", "eval/evaluation/touching.py",
             '{"objects": views.objects}', "{}", f"{_OWN_SCORES} -k rooms_of_its_split"),
    # Forces of queried masks, and threads on cores of their own.
    Mutation("the most frequent force is preferred", "agents/query_agent/forces.py",
             "force_logits + frequencies.log()[:, None, None]", "force_logits",
             "tests/agents/test_query_forces.py"),
    Mutation("open forces are those that fall", "agents/query_agent/forces.py", "return target > 0,",
             "return target < 0,", "tests/agents/test_query_forces.py"),
    Mutation("one cell decides the force", "agents/query_agent/inference.py",
             "forces[:, *near][:, mask[near]].sum(axis=1)", "forces[:, row, column]",
             "tests/agents/test_query_inference.py"),
    Mutation("only the mask's own rectangle counts", "agents/selfsup_agent/refinement.py",
             "slice(max(top - SURROUNDINGS, 0), top + height + SURROUNDINGS)", "slice(top, top + height)",
             "tests/agents/test_refinement.py"),
    Mutation("an agent gives memory back", "agents/selfsup_agent/network_agent.py",
             'if self._device.type == "cpu":', "if False:", "tests/agents/test_network.py -k memory"),
    Mutation("threads share cores", "agents/training/processor.py",
             "_keep_to(team, [{core} for core in cores])", "pass", "tests/agents/test_processor.py"),
    Mutation("threads stay on their cores", "agents/training/processor.py",
             "_keep_to(team, [set(cores)] * len(team))", "pass", "tests/agents/test_processor.py"),
    Mutation("depth is stored as it is", "selfsup/segments.py", "stored[:, 1:] -= image[:, :-1]", "pass",
             "tests/selfsup/test_segments.py"),
    # What is kept of a location.
    Mutation("arrivals count as changes", f"{_IMAGES}/masks.py",
             "changes.changed & there, labels", "changes.changed, labels", _MASK_TESTS),
    Mutation("what comes nearer is no part of the mask", f"{_IMAGES}/masks.py",
             "moved & there | whole", "moved & there", _MASK_TESTS),
    Mutation("the mask is not connected", f"{_IMAGES}/masks.py",
             "parts == parts[tuple(nearest)]", "parts > 0", _MASK_TESTS),
    Mutation("all pixels must differ", f"{_IMAGES}/masks.py", "STRIDE * STRIDE // 2 + 1", "STRIDE * STRIDE",
             _MASK_TESTS),
    Mutation("only the last attempt counts", f"{_IMAGES}/images.py",
             "log.views[point.views[0]], log.views[point.views[-1]]",
             "log.views[point.views[-2]], log.views[point.views[-1]]", _IMAGE_TESTS),
    Mutation("masks count wherever their point does", f"{_IMAGES}/images.py",
             "[each.mask].all()", "[each.point.row, each.point.column]", _IMAGE_TESTS),
    Mutation("failures count in every view", f"{_IMAGES}/images.py",
             "if _around(unchanged(each.views[0], number), each).all()", "if True", _IMAGE_TESTS),
    Mutation("the first attempt tells the force", f"{_IMAGES}/images.py", "self.point.feedback[-1]",
             "self.point.feedback[0]", _IMAGE_TESTS),
    Mutation("differences are added to the wrong view", "selfsup/segments.py",
             "            whole = number\n", "            whole = 0\n", "tests/selfsup/test_segments.py"),
    Mutation("the force is as large in every cell of a mask", "selfsup/targets.py",
             "weight / max(int(mask.sum()), 1)", "weight", _TARGETS),
    # What gradients do, and when.
    Mutation("the learning rate is ignored", "agents/training/optimizer.py", 'group["lr"] = rate',
             'group["lr"] = group["lr"]', f"{_LEARN} proportion"),
    Mutation("the rate never falls", _RUN, "            last = rate(self.updates)\n",
             "            last = rate(0)\n", _LOOP),
    Mutation("the optimizer is kept from stage to stage", _LEARNER,
             "at this time\n        self.optimizer = self._new_optimizer()\n", "at this time\n",
             f"{_LEARN} stage"),
    Mutation("the force head shrinks where forces are not learned", _LEARNER, "requires_grad_(joint)",
             "requires_grad_(True)", f"{_LEARN} force_head"),
    Mutation("a visit takes random numbers of the learner", "agents/collection/collect.py",
             "with torch.random.fork_rng(devices=[]):", "if True:",
             "tests/agents/test_collectors.py -k random_numbers"),
    Mutation("stages are not begun", _EPISODES, "self.learner.start_stage()", "pass", _LOOP),
    Mutation("no augmentation", _TRAINING, "partial(augment, jitter_probability=schedule.jitter_probability)",
             "lambda one, rng: one", _LOOP),
    Mutation("the probability of jitter is ignored", _TRAINING,
             "jitter_probability=schedule.jitter_probability", "jitter_probability=0.0", _LOOP),
    Mutation("the learner's normalization is ignored", _LEARNER,
             "self.config.embedding_normalization,", '"averaged",', f"{_LEARN} weighted"),
    Mutation("another normalization by default (run)", "agents/training/configuration.py",
             '["added", "averaged"] = "added"', '["added", "averaged"] = "averaged"', f"{_LEARN} weighted"),
    Mutation("another normalization by default (loss)", "selfsup/losses.py",
             '"added",\n    area_exponent', '"averaged",\n    area_exponent', _LOSSES),
    Mutation("another normalization by default (distances)", "selfsup/losses.py",
             '"added",\n    images_with', '"averaged",\n    images_with', _LOSSES),
    Mutation("released weights are not added over the batch", "selfsup/losses.py",
             "LossFactors(images, AREA", "LossFactors(1.0, AREA", f"{_LEARN} released"),
    Mutation("distances are clipped always", _LEARNER, "targets.mask_image, clipped)",
             "targets.mask_image)", f"{_LEARN} clipped"),
    Mutation("locations are scored by their minimum always", _LEARNER,
             "            self.config.location_score,\n", "", f"{_LEARN} scored"),
    Mutation("an episode draws a location twice", "agents/training/batches.py",
             "self._undrawn, len(self._bank) // self._batch_size", "self._undrawn, 1",
             "tests/agents/test_batches.py -k episode"),
    Mutation("detection is frozen for an episode too long", _EPISODES,
             "local < stage.frozen", "local <= stage.frozen", _LOOP),
    Mutation("the rate falls from the start", _SCHEDULE,
             "last - self.decay_fraction * self.total_updates", "0", "tests/agents/test_schedule.py"),
    Mutation("the last episode has the updates of the first", _SCHEDULE,
             "self.updates_start + fraction * (", "self.updates_start + 0 * (",
             "tests/agents/test_schedule.py"),
    # Collection.
    Mutation("collection ignores the fraction in reach", "agents/collection/collect.py",
             "(room,), task.reachable_fraction)", "(room,), 0.0)", _VISITS),
    Mutation("segmentation only, with any force", _INTERACT,
             "force if schedule.joint else _MAXIMUM_FORCE", "force", _VISITS),
    Mutation("points in pixels, not cells", _INTERACT, "TouchedPoint(row // STRIDE, column // STRIDE",
             "TouchedPoint(row // STRIDE, column // STRIDE - 1", _VISITS),
    Mutation("a success does not end the attempts", _INTERACT, "            break\n",
             "            continue\n", _VISITS),
    Mutation("80% of the rotations are one", _SAMPLING, "ROTATIONS[rng.integers(len(ROTATIONS))]",
             "ROTATIONS[int(rng.random() > 0.8) * rng.integers(len(ROTATIONS))]", _DRAWS),
    Mutation("80% of the horizons are one", _SAMPLING, "HORIZONS[rng.integers(len(HORIZONS))]",
             "HORIZONS[int(rng.random() > 0.8) * rng.integers(len(HORIZONS))]", _DRAWS),
    Mutation("80% of the positions are one", _SAMPLING, "positions[rng.integers(len(positions))]",
             "positions[int(rng.random() > 0.8) * rng.integers(len(positions))]", _DRAWS),
    Mutation("the worst of the rejected poses is taken", _SAMPLING, "fraction > best_fraction",
             "best is None or fraction < best_fraction", "tests/env/test_locations.py"),
    # The network's output.
    Mutation("coordinates to 1", _NETWORK, "COORDINATE_RANGE = 4.0", "COORDINATE_RANGE = 1.0",
             "tests/agents/test_network.py -k coordinate"),
    Mutation("seeds above one half", _CLUSTERING,
             "INFERENCE_THRESHOLD = -3.0", "INFERENCE_THRESHOLD = 0.0", _CLUSTERS),
    Mutation("wide clusters", _CLUSTERING, "SQUARED_RADIUS = 1.0", "SQUARED_RADIUS = 2.0", _CLUSTERS),
    Mutation("64 instances", "agents/base.py", "MAX_INSTANCES = 32", "MAX_INSTANCES = 64", _CLUSTERS),
    # The simulator.
    Mutation("left and right exchanged in a push", f"{_SIMULATOR}/touching.py",
             "direction[0] * viewpoint.right", "-direction[0] * viewpoint.right", _TOUCHES),
    Mutation("left and right exchanged in directions", "thor_interact_env/actions.py",
             "for x in (-1, 1) for y", "for x in (1, -1) for y", "tests/env/test_actions.py"),
    Mutation("a single pixel in reach is ground truth", f"{_SIMULATOR}/simulator.py",
             "MINIMUM_VISIBLE_PIXELS = 10", "MINIMUM_VISIBLE_PIXELS = 1", _TOUCHES),
    Mutation("no pixel counts towards the minimum", f"{_SIMULATOR}/simulator.py",
             ".sum() >= MINIMUM_VISIBLE_PIXELS", ".sum() > MINIMUM_VISIBLE_PIXELS", _TOUCHES),
    # Self-supervision.
    Mutation("a touch succeeds too easily", "selfsup/feedback.py",
             "SUCCESS_THRESHOLD = 1.5", "SUCCESS_THRESHOLD = 1.25", _FEEDBACK),
    Mutation("the kernels are exchanged", "selfsup/feedback.py",
             'if name == "gaussian" else', 'if name != "gaussian" else', _FEEDBACK),
    Mutation("too large and too small exchanged", "selfsup/feedback.py",
             "(maximum, Feedback.TOO_SMALL)", "(maximum, Feedback.TOO_LARGE)", _FEEDBACK),
    Mutation("change of 0.02", "selfsup/change.py",
             "CHANGE_THRESHOLD = 0.01", "CHANGE_THRESHOLD = 0.02", _CHANGE),
    Mutation("flow of 2", "selfsup/change.py", "FLOW_THRESHOLD = 1.0", "FLOW_THRESHOLD = 2.0", _CHANGE),
    Mutation("half a superpixel", "selfsup/superpixels.py",
             "MIN_FRACTION = 0.25", "MIN_FRACTION = 0.5", _SUPERPIXELS),
    Mutation("more than a quarter", "selfsup/superpixels.py",
             "(hits >= min_fraction", "(hits > min_fraction", _SUPERPIXELS),
    Mutation("a force too small lowers the larger ones", "selfsup/targets.py",
             "index > predicted, index < predicted", "index < predicted, index > predicted", _TARGETS),
    Mutation("failures count as successes", "selfsup/targets.py", "_spread(failure_cells",
             "_spread(success_cells", _TARGETS),
    Mutation("heavy forces", "selfsup/losses.py", "FORCE_WEIGHT = 0.1", "FORCE_WEIGHT = 1.0", _LOSSES),
    Mutation("pulls are not clipped", "selfsup/losses.py", ".clamp_(-1, 1)", ".clamp_(-9, 9)", _LOSSES),
    Mutation("wide masks", "selfsup/losses.py",
             "DISTANCE_THRESHOLD = 1.0", "DISTANCE_THRESHOLD = 2.0", _LOSSES),
    Mutation("known ones first", "selfsup/memory_bank.py",
             "times /= self._priorities", "times *= self._priorities", _BANK),
    Mutation("nothing is ever flipped", "selfsup/augmentation.py",
             "FLIP_PROBABILITY = 0.5", "FLIP_PROBABILITY = 0.0", "tests/selfsup/test_augmentation.py"),
    # Pretrained agents.
    Mutation("an unknown agent is not answered with those that exist", "agents/artefacts.py",
             "{', '.join(names)}", "others", _ARTEFACTS),
    Mutation("a folder without a configuration is an artefact", "agents/artefacts.py",
             "(folder / CONFIG_FILE).is_file()", "True", f"{_ARTEFACTS} -k folders"),
    Mutation("a run in a tuple of runs is no name", "agents/commands/run_argument.py",
             "isinstance(value, tuple)", "isinstance(value, list)", f"{_ARTEFACTS} -k command_lines"),
    Mutation("the evaluation of an artefact is written into it", "eval/evaluation/reporting.py",
             "= is_artefact(run) or", "= False or", f"{_ARTEFACTS} -k evaluation"),
    Mutation("vectors are rounded, too", "eval/publishing/publish.py",
             "tensor.ndim > 1 else", "tensor.ndim > 0 else", f"{_PUBLISHING} -k rounded"),
    Mutation("the card lacks the intervals", "eval/publishing/card.py",
             "cell(key, results.get(key)) + _interval(results, key)", "cell(key, results.get(key))",
             f"{_PUBLISHING} -k numbers"),
    Mutation("touches after the checkpoint count", "eval/publishing/publish.py",
             'state.get("number", float("inf"))', 'float("inf")', f"{_PUBLISHING} -k numbers"),
    Mutation("commands of the machine are published", "eval/publishing/publish.py",
             'for name in ("time", "world") if', 'for name in ("time", "world", "command") if',
             f"{_PUBLISHING} -k machine"),
    # Figures and the report.
    Mutation("a mask appears before its touch", "eval/figures/touches.py",
             'if kind == "mask":', 'if kind == "point":', f"{_TOUCH_TESTS} -k appears"),
    Mutation("what was found is touched again", "eval/figures/touches.py",
             'found |= info["mask"]', 'found &= info["mask"]', f"{_TOUCH_TESTS} -k again"),
    Mutation("misses are shown without a limit", "eval/figures/touches.py",
             "for each in touches) < misses", "for each in touches) >= 0", f"{_TOUCH_TESTS} -k misses"),
    Mutation("curves count random touches only", "eval/report/charts.py",
             'row.get("greedy_touches", 0) + row', "row", f"{_CURVE_TESTS} -k curves"),
    Mutation("minutes are seconds", "eval/report/charts.py",
             "np.float64) / 60", "np.float64)", f"{_CURVE_TESTS} -k curves"),
    Mutation("the policy forbids the script of the page", "eval/report/command_line.py",
             "hashlib.sha256(script.encode())", "hashlib.sha256(b'')", f"{_REPORT_TESTS} -k policy"),
    # The table.
    Mutation("a row that died is not started again", "eval/table/run_all.py",
             "if self._attempts[job] < self", "if self._attempts[job] > self", f"{_QUEUE_TESTS} -k dies"),
    Mutation("a row begins anew in the estimate", "eval/table/jobs.py",
             "(1 - one.fraction) *", "1.0 *", f"{_QUEUE_TESTS} -k time_left"),
    Mutation("the command of the machine is kept", "eval/results/keep.py",
             '{**start, "command": command}', "start", "tests/eval/test_eval_results.py -k kept"),
    Mutation("views of another seed are taken over", "agents/mask_rcnn/sharing.py",
             "tasks == collection_tasks(theirs)", "True", f"{_VIEW_TESTS} -k other_views"),
    Mutation("the time of others is not counted", "agents/mask_rcnn/training.py",
             "self.count_kept_of(other)", "pass", f"{_VIEW_TESTS} -k another_run"),
    Mutation("the threads of torch are not found", "agents/training/processor.py",
             "if 4 * gained[thread] > ran", "if 0 > ran", "tests/agents/test_processor.py -k core"),
    Mutation("threads of torch that were not found are not looked for again", "agents/training/processor.py",
             "time.monotonic() + _PAUSE", "float('inf')", "tests/agents/test_processor.py -k core"),
    Mutation("oracles know the smallest objects", "agents/collection/oracles.py",
             ">= minimum_pixels]", ">= 0]", "tests/agents/test_oracles.py -k left_out"),
)
# fmt: on


def copy_tree(destination: Path) -> None:
    """Copy the tracked files of the checkout, in their present state."""
    known = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True)
    for name in filter(None, known.stdout.split("\0")):
        if (ROOT / name).is_file():
            (destination / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, destination / name)


def failure(tests: str, tree: Path) -> str | None:
    """Return the test that fails first in a tree, None if all pass.

    Raises:
        RuntimeError: Pytest ended otherwise: it was killed, or selected no test.
    """
    environment = {**os.environ, "PYTHONPATH": str(tree), "PYTHONDONTWRITEBYTECODE": "1"}
    command = [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", *tests.split()]
    try:
        done = subprocess.run(
            command, cwd=tree, env=environment, capture_output=True, text=True, timeout=TIMEOUT, check=False
        )
    except subprocess.TimeoutExpired:
        return f"more than {TIMEOUT} s"
    if done.returncode not in (0, 1):
        raise RuntimeError(f"pytest {tests} ended with {done.returncode}:\n{done.stdout}{done.stderr}")
    failed = [line.split()[1] for line in done.stdout.splitlines() if line.startswith(("FAILED ", "ERROR "))]
    return failed[0] if done.returncode else None


def main() -> int:
    """Try the mutations; return 1 if one survives or its text is not found exactly once."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("words", nargs="*", help="only mutations whose name or file contains one of these")
    words = parser.parse_args().words
    chosen = [each for each in MUTATIONS if not words or any(w in each.name + each.file for w in words)]
    caught = 0
    with tempfile.TemporaryDirectory(prefix="mutations-") as folder:
        tree = Path(folder)
        copy_tree(tree)
        broken = {tests for tests in sorted({each.tests for each in chosen}) if failure(tests, tree)}
        for tests in sorted(broken):
            print(f"{tests} fails without any mutation, so it cannot detect one", flush=True)
        for each in chosen:
            source = (tree / each.file).read_text(encoding="utf-8")
            if source.count(each.old) != 1:
                print(f"NOT FOUND ONCE  {each.name}: {each.old!r} in {each.file}", flush=True)
                continue
            (tree / each.file).write_text(source.replace(each.old, each.new), encoding="utf-8")
            noticed = None if each.tests in broken else failure(each.tests, tree)
            (tree / each.file).write_text(source, encoding="utf-8")
            caught += noticed is not None
            print(f"caught    {each.name}: {noticed}" if noticed else f"SURVIVED  {each.name}", flush=True)
    print(f"{caught} of {len(chosen)} caught")
    return int(caught < len(chosen) or not chosen)


if __name__ == "__main__":
    sys.exit(main())
