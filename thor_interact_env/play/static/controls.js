// Force, direction, layers and keys.

const byId = (id) => document.getElementById(id);

/** Returns the force index that is chosen. */
export function force() {
  return Number(document.querySelector("input[name=force]:checked").value);
}

/** Returns the direction that is chosen: its index in the action space, its vector, and words. */
export function direction() {
  const [side, depth] = document.querySelector("input[name=sideways]:checked").value.split(",");
  return fromParts(side === "right", byId("steep").checked, depth === "away");
}

/** Returns the direction of an index; see `DIRECTIONS` in thor_interact_env.actions. */
export function directionOf(index) {
  return fromParts(Boolean(index & 4), Boolean(index & 2), Boolean(index & 1));
}

function fromParts(right, steep, away) {
  return {
    index: 4 * right + 2 * steep + Number(away),
    vector: [right ? 1 : -1, steep ? 2 : 1, away ? 1 : -1],
    words: `${away ? "away" : "nearer"}, ${right ? "right" : "left"}${steep ? ", steeply up" : ""}`,
  };
}

/** Calls `changed(name, shown)` now and whenever a layer is switched. */
export function onLayers(changed) {
  for (const name of ["mask", "trail", "reach", "depth", "instances", "scores"]) {
    const box = byId(`show-${name}`);
    const tell = () => changed(name, box.checked);
    box.addEventListener("change", tell);
    tell();
  }
}

/** Calls `changed()` whenever another force or direction is chosen. */
export function onChoice(changed) {
  for (const id of ["forces", "directions", "steep"]) {
    byId(id).addEventListener("change", changed);
  }
}

/** Lets the letters that elements have as `aria-keyshortcuts` press them, and those of `actions` call functions. */
export function onKeys(actions) {
  const pressed = new Map(Object.entries(actions));
  for (const element of document.querySelectorAll("[aria-keyshortcuts]")) {
    const key = element.getAttribute("aria-keyshortcuts");
    if (key.length === 1) {
      pressed.set(key, () => element.offsetParent && element.click());
    }
  }
  document.addEventListener("keydown", (event) => {
    const inText = event.target.matches?.("input:not([type=radio]):not([type=checkbox]):not([type=range])");
    const inView = event.target.closest?.("#stage");
    const action = pressed.get(event.key.toLowerCase());
    if (!action || inText || event.ctrlKey || event.metaKey || event.altKey || !(inView || byId("keys").checked)) {
      return;
    }
    event.preventDefault();
    action();
  });
}

/** Calls `move(rows, columns)` for arrow keys in the view, and `touch()` for Enter and space. */
export function onPointerKeys(element, move, touch) {
  const steps = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] };
  element.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) {
      return;
    }
    if (steps[event.key]) {
      const [rows, columns] = steps[event.key].map((part) => part * (event.shiftKey ? 10 : 1));
      move(rows, columns);
    } else if ((event.key === "Enter" || event.key === " ") && !event.repeat) {
      touch();
    } else {
      return;
    }
    event.preventDefault();
  });
}

/** Disables a button, which keeps the focus of a person who uses the keyboard; its action must ignore it. */
export function setDisabled(button, disabled) {
  button.setAttribute("aria-disabled", String(disabled));
}
