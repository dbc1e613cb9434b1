/** @import { Home } from "./view-home.js" */
import { h } from "./dom.js";

/**
 * The last calls of this tab.
 *
 * @param {Home} home
 */
export function recentPanel(home) {
  const list = h("ul", { class: "recent", "data-testid": "recent" });
  const element = h("section", { class: "panel", "aria-labelledby": "recent-title" }, h("h2", { class: "panel-title", id: "recent-title" }, "Recent in this tab"), list);
  const update = () => {
    const { recent } = home.desk;
    element.hidden = recent.length === 0;
    list.replaceChildren(
      ...recent.map(({ name, incoming, missed, line, at }) =>
        h(
          "li",
          { class: missed ? "missed" : null },
          h("span", { class: "recent-way", role: "img", "aria-label": incoming ? "Incoming" : "Outgoing" }, incoming ? "↙" : "↗"),
          h("bdi", { class: "recent-name" }, name),
          h("span", { class: "recent-line" }, line),
          h("time", { datetime: at.toISOString() }, at.toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" })),
        ),
      ),
    );
  };
  update();
  return { element, update };
}
