// The list of touches.

import { directionOf } from "./controls.js";
import { FORCES } from "./layers.js";

/** Shows touches as a list of buttons; `select(index)` is called for the one that is pressed. */
export function showTrail(list, touches, selected, select) {
  const focused = list.contains(document.activeElement);
  list.replaceChildren(
    ...touches.map((touch, index) => {
      const item = document.createElement("li");
      const button = document.createElement("button");
      const number = document.createElement("b");
      const sentence = document.createElement("span");
      const action = document.createElement("small");
      button.type = "button";
      button.setAttribute("aria-pressed", String(index === selected));
      button.dataset.kind = touch.kind === "success" ? "success" : "failure";
      number.textContent = `${index + 1}.`;
      sentence.textContent = touch.sentence;
      action.textContent =
        `row ${touch.row}, column ${touch.column}: ${FORCES[touch.force]} ${directionOf(touch.direction).words}`;
      button.append(number, sentence, action);
      button.addEventListener("click", () => select(index));
      item.append(button);
      return item;
    }),
  );
  const chosen = list.querySelector("[aria-pressed=true]");
  if (chosen) {
    // Not scrollIntoView, which also scrolls the page.
    const { offsetTop, offsetHeight } = chosen.parentElement;
    const low = offsetTop + offsetHeight - list.clientHeight;
    list.scrollTop = Math.max(Math.min(list.scrollTop, offsetTop), low);
    if (focused) {
      chosen.focus({ preventScroll: true });
    }
  }
}

/** Offers a file for download. */
export function download(name, value) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([JSON.stringify(value, null, 1)], { type: "application/json" }));
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10000);
}
