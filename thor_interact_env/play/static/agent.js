// The agent: what it sees in your room, and its touches in its own.

import * as decode from "./decode.js";
import { FORCES } from "./layers.js";
import { Motion, images } from "./motion.js";
import { ask } from "./server.js";
import { Stage } from "./stage.js";
import { directionOf, setDisabled } from "./controls.js";

const byId = (id) => document.getElementById(id);
const ROUND = 10;

export class AgentSide {
  constructor(name, yours, fail) {
    this.yours = yours;
    this.fail = fail;
    this.stage = new Stage(byId("agent-view"));
    this.motion = new Motion(byId("agent-motion"), (frame) => this.stage.setFrame(frame));
    this.busy = this.blocked = this.looking = this.changed = false;
    this.episode = 0;
    byId("agent-title").textContent = `The agent: ${name}`;
    byId("agent-title").title = name; // where it is cut
    for (const id of ["agent-stage", "game", "agent-layers", "legend"]) {
      byId(id).hidden = false;
    }
    document.body.classList.add("with-agent");
    byId("legend").replaceChildren(
      ...FORCES.map((force, index) => {
        const entry = document.createElement("span");
        const colour = document.createElement("i");
        colour.className = `force-${index}`;
        entry.append(colour, `predicted: ${force}`);
        return entry;
      }),
    );
    const best = byId("best");
    const showBest = () => {
      byId("best-shown").textContent = best.value;
      this.yours.best = Number(best.value);
      this.yours.draw();
    };
    best.addEventListener("input", showBest);
    showBest();
    byId("agent-touch").addEventListener("click", () => this.touch());
    byId("agent-finish").addEventListener("click", () => this.finish());
  }

  /** Starts an episode, in which it stands where you stand. */
  start(session, view, score) {
    this.session = session;
    this.episode++;
    this.score = { ...score, touches: 0, moved: 0 };
    this.stage.forget();
    this.motion.clear();
    this.stage.setView(view);
    this.say("It has not touched anything yet.", "");
    byId("agent-pointer").textContent = "It stands where you stand, in a copy of the room.";
    byId("instances").replaceChildren();
    this.enable();
  }

  /** Lets it make no touch until it is unblocked. */
  block(now) {
    this.blocked = now;
    if (this.score) {
      this.enable();
    }
  }

  say(text, kind) {
    byId("agent-result").textContent = text;
    byId("agent-result").dataset.kind = kind;
  }

  enable() {
    setDisabled(byId("agent-touch"), this.busy || this.blocked);
    setDisabled(byId("agent-finish"), this.busy || this.blocked || this.score.touches >= ROUND);
    byId("agent-view").ariaBusy = String(this.busy);
  }

  /** Lets it touch once; returns whether that worked. */
  async touch() {
    if (this.busy || this.blocked) {
      return false;
    }
    const episode = this.episode;
    this.busy = true;
    this.enable();
    try {
      const answer = await ask("agent_touch", { session: this.session });
      const frames = await images(answer.frames);
      const view = answer.view && (await decode.view(answer.view));
      if (episode !== this.episode) {
        return false;
      }
      this.stage.touches.push(answer.touch);
      this.stage.selected = this.stage.touches.length - 1;
      if (view) {
        this.stage.setView(view);
      }
      this.motion.load(frames);
      const { touch } = answer;
      this.say(touch.sentence, touch.kind === "success" ? "success" : "failure");
      byId("agent-pointer").textContent =
        `Touch ${this.stage.touches.length}: row ${touch.row}, column ${touch.column}, ` +
        `${FORCES[touch.force]} ${directionOf(touch.direction).words}`;
      this.score = answer.score;
      this.showScore(this.yourScore);
      await this.motion.playOnce();
      return true;
    } catch (error) {
      if (episode === this.episode) {
        this.fail(error, (text) => this.say(text, "failure"));
      }
      return false;
    } finally {
      this.busy = false;
      this.enable();
    }
  }

  async finish() {
    const episode = this.episode;
    while (this.score.touches < ROUND && episode === this.episode && (await this.touch()));
  }

  /** Shows what it sees in your room; if that changes meanwhile, it looks once more after that. */
  async look() {
    if (this.looking) {
      this.changed = true;
      return;
    }
    this.looking = true;
    const view = this.yours.view;
    try {
      const answer = await ask("look", { session: this.session });
      if (view !== this.yours.view) {
        return;
      }
      this.yours.setOpinion({ ...answer, scores: answer.scores && decode.levels(answer.scores) });
      byId("scores-choice").hidden = !answer.scores;
      byId("instances").replaceChildren(...answer.proposals.map((each, index) => this.entry(each, index)));
    } catch (error) {
      byId("instances").replaceChildren();
      this.fail(error, (text) => this.say(text, "failure"));
    } finally {
      this.looking = false;
      if (this.changed) {
        this.changed = false;
        this.look();
      }
    }
  }

  entry(proposal, index) {
    const item = document.createElement("li");
    const button = document.createElement("button");
    const number = document.createElement("b");
    const words = document.createElement("span");
    button.type = "button";
    number.textContent = `${index + 1}.`;
    words.textContent =
      `${FORCES[proposal.force]} at row ${proposal.row}, column ${proposal.column}, score ${proposal.score.toFixed(2)}`;
    button.append(number, words);
    button.addEventListener("click", () => this.onChosen?.(proposal));
    item.append(button);
    return item;
  }

  showScore(yours) {
    this.yourScore = yours;
    const its = this.score;
    byId("you-touches").textContent = `${yours.touches} of ${yours.round}`;
    byId("you-moved").textContent = yours.moved;
    byId("its-touches").textContent = `${its.touches} of ${its.round}`;
    byId("its-moved").textContent = its.moved;
    byId("agent-score").textContent = objects(its);
    const over = yours.touches >= yours.round && its.touches >= its.round;
    const words = ["The agent has moved more objects than you.", "You and the agent are equal.", "You have moved more objects than the agent."];
    byId("winner").textContent = over ? words[Math.sign(yours.moved - its.moved) + 1] : "";
  }
}

/** Returns a score in words. */
export function objects(score) {
  return `${score.moved} ${score.moved === 1 ? "object" : "objects"} in ${score.touches} of ${score.round} touches`;
}
