// The page: one session of the server, one room of yours and perhaps one of an agent.

import { AgentSide, objects } from "./agent.js";
import * as controls from "./controls.js";
import * as decode from "./decode.js";
import { REACH } from "./layers.js";
import { Motion, images } from "./motion.js";
import { ask, watch } from "./server.js";
import { Stage } from "./stage.js";
import { download, showTrail } from "./trail.js";

const byId = (id) => document.getElementById(id);
const stage = new Stage(byId("stage"));
const motion = new Motion(byId("motion"), (frame) => stage.setFrame(frame));
const ROOMS = { kitchen: 1, "living room": 201, bedroom: 301, bathroom: 401 };
let session = null;
let agent = null;
let busy = true;
let start = { seed: 0, room: null };

function say(text, kind = "") {
  byId("result").textContent = text;
  byId("result").dataset.kind = kind;
}

/** Shows an error where the person looks; a server that has stopped is said at the top as well. */
function fail(error, tell = (text) => say(text, "failure")) {
  if (error.status === undefined) {
    throw error;
  }
  if (error.status === 0) {
    tellStopped("The server has stopped. Start it again, and open the address that it prints.");
  }
  tell(error.message);
}

function tellStopped(text) {
  const banner = byId("stopped");
  if (banner.textContent !== text) {
    banner.textContent = text;
  }
  banner.hidden = !text;
}

function setBusy(now) {
  busy = now;
  byId("stage").ariaBusy = String(now);
  for (const id of ["touch", "next", "save"]) {
    controls.setDisabled(byId(id), now);
  }
  controls.setDisabled(byId("undo"), now || !stage.touches.length);
}

/** Does one thing at a time: what is asked for meanwhile is ignored. */
async function alone(action) {
  if (busy) {
    return;
  }
  setBusy(true);
  try {
    await action();
  } catch (error) {
    fail(error);
  } finally {
    setBusy(false);
  }
}

async function begin(answer) {
  const view = await decode.view(answer.view);
  start = { seed: answer.seed, room: answer.room };
  byId("seed").value = answer.seed;
  byId("room").value = answer.room ?? "";
  const { scene, horizon } = answer.location;
  const down = horizon > 0 ? `looking ${horizon}° down` : horizon < 0 ? `looking ${-horizon}° up` : "looking straight ahead";
  byId("place").textContent = `${scene}, ${kindOf(scene)}, ${down}`;
  document.title = `${scene}: ThorInteract`;
  stage.forget();
  stage.horizon = horizon;
  stage.pointer = { row: 180, column: 150 };
  motion.clear();
  stage.setView(view);
  say("Click something on a table or a shelf, or near you.");
  agent?.start(session, view, answer.score);
  showScore(answer.score);
  refresh();
  agent?.look();
}

function kindOf(scene) {
  const number = Number(/\d+$/.exec(scene)?.[0]);
  const kinds = Object.keys(ROOMS);
  if (scene.startsWith("Procedural")) {
    return kinds[number % 4];
  }
  return kinds.findLast((kind) => number >= ROOMS[kind]) ?? "room";
}

function showScore(score) {
  byId("your-score").textContent = objects(score);
  agent?.showScore(score);
}

/** Shows what depends on pointer, choice and touches. */
function refresh() {
  stage.direction = controls.direction().vector;
  showTrail(byId("trail"), stage.touches, stage.selected, select);
  byId("trail-empty").hidden = stage.touches.length > 0;
  controls.setDisabled(byId("undo"), busy || !stage.touches.length);
  refreshPointer();
}

function refreshPointer() {
  const { row, column } = stage.pointer;
  const away = stage.distance(stage.pointer) / 1000;
  const depth = away / Math.hypot((column - 149.5) / 150, (row - 149.5) / 150, 1);
  const reach = away * 1000 <= REACH ? "in reach" : "out of reach";
  byId("pointer").textContent =
    `Row ${row}, column ${column}: ${away.toFixed(2)} m away (depth ${depth.toFixed(2)} m), ${reach}`;
  stage.draw();
}

function select(index) {
  stage.selected = index;
  const touch = stage.touches[index];
  motion.load(touch.frames);
  say(touch.sentence, touch.kind === "success" ? "success" : "failure");
  refresh();
}

function touch() {
  return alone(async () => {
    const fields = {
      session, row: stage.pointer.row, column: stage.pointer.column, force: controls.force(),
      direction: controls.direction().index,
    };
    const answer = await ask("touch", fields);
    const [frames, view] = await Promise.all([images(answer.frames), answer.view && decode.view(answer.view)]);
    stage.touches.push({ ...answer.touch, frames });
    if (view) {
      stage.setView(view);
    }
    showScore(answer.score);
    select(stage.touches.length - 1);
    motion.playOnce();
    if (view) {
      agent?.look();
    }
  });
}

function undo() {
  return alone(async () => {
    if (!stage.touches.length) {
      return;
    }
    const answer = await ask("undo", { session });
    const view = await decode.view(answer.view);
    stage.touches.pop();
    stage.selected = -1;
    motion.clear();
    stage.setView(view);
    showScore(answer.score);
    say("The last touch is undone: everything is where it was before.");
    refresh();
    agent?.look();
  });
}

function save() {
  return alone(async () => {
    const recording = await ask("save", { session });
    const name = `${recording.location.scene}-seed-${recording.seed}.json`;
    download(name, recording);
    say(`Saved ${recording.actions.length} touches as ${name}.`);
  });
}

function go(seed, room) {
  return alone(async () => {
    agent?.block(true); // a touch of it would already be in the new room
    try {
      await begin(await ask("start", { session, seed, room }));
    } finally {
      agent?.block(false);
    }
  });
}

function point(pixel, spoken = false) {
  stage.pointer = pixel;
  refreshPointer();
  if (spoken) {
    clearTimeout(point.timer);
    point.timer = setTimeout(() => (byId("spoken").textContent = byId("pointer").textContent), 400);
  }
}

function connect() {
  const view = byId("stage");
  view.addEventListener("pointermove", (event) => !busy && point(stage.pixel(event)));
  view.addEventListener("click", (event) => {
    if (!busy) {
      point(stage.pixel(event));
      touch();
    }
  });
  const inside = (part) => Math.min(Math.max(part, 0), decode.SIZE - 1);
  const move = (rows, columns) =>
    point({ row: inside(stage.pointer.row + rows), column: inside(stage.pointer.column + columns) }, true);
  controls.onPointerKeys(view, move, touch);
  controls.onChoice(refresh);
  controls.onLayers((name, shown) => {
    for (const each of [stage, agent?.stage].filter(Boolean)) {
      each.show[name] = shown;
      each.draw();
    }
  });
  controls.onKeys({ ",": () => motion.step(-1), ".": () => motion.step(1), v: () => motion.play() });
  byId("touch").addEventListener("click", touch);
  byId("undo").addEventListener("click", undo);
  byId("save").addEventListener("click", save);
  byId("next").addEventListener("click", () => go((start.seed + 1) % 2 ** 31, byId("room").value.trim() || null));
  byId("start").addEventListener("submit", (event) => {
    event.preventDefault();
    go(Number(byId("seed").value), byId("room").value.trim() || null);
  });
  byId("rooms").append(
    ...Object.entries(ROOMS).flatMap(([kind, first]) =>
      Array.from({ length: 30 }, (_, index) => new Option(kind, `FloorPlan${first + index}`)),
    ),
  );
  addEventListener("pagehide", () => {
    if (session) {
      ask("leave", { session }, { keepalive: true }).catch(() => {});
    }
  });
  // A page that comes back from the browser's cache has left its session.
  addEventListener("pageshow", (event) => event.persisted && location.reload());
}

async function open() {
  try {
    const answer = await ask("open");
    session = answer.session;
    if (answer.agent_name !== null) {
      agent = new AgentSide(answer.agent_name, stage, fail);
      agent.onChosen = (proposal) => {
        document.querySelector(`input[name=force][value="${proposal.force}"]`).checked = true;
        stage.pointer = { row: proposal.row, column: proposal.column };
        refresh();
      };
    }
    connect();
    await begin(answer);
    setBusy(false);
  } catch (error) {
    byId("place").textContent = "";
    fail(error);
  }
}

setBusy(true);
watch(tellStopped);
open();
