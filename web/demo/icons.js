/** Line icons, drawn on a 24 by 24 grid for this page. */
const paths = {
  phone: "M6.5 3.5h2.2l1.6 4.2-2.1 1.5c1 2.4 2.7 4.2 5.2 5.4l1.6-2.1 4.3 1.7v2.3c0 2-1.6 3.5-3.5 3.3C9.5 19.2 4.6 14 3.8 7.2 3.5 5.2 4.8 3.5 6.5 3.5z",
  hangup: "M3.2 13.8c4.7-5.1 12.9-5.1 17.6 0 .7.8.7 1.9.1 2.7l-1 1.2c-.5.6-1.4.8-2.1.4l-2.3-1.3c-.6-.3-.9-1-.9-1.6l.1-1.4c-1.8-.5-3.6-.5-5.4 0l.1 1.4c0 .7-.3 1.3-.9 1.6l-2.3 1.3c-.7.4-1.6.2-2.1-.4l-1-1.2c-.6-.8-.6-1.9.1-2.7z",
  video: "M4.5 6.5h8.5a2 2 0 0 1 2 2v7a2 2 0 0 1-2 2H4.5a2 2 0 0 1-2-2v-7a2 2 0 0 1 2-2zM15 10.5l5-2.8c.7-.4 1.5.1 1.5.9v6.8c0 .8-.8 1.3-1.5.9l-5-2.8",
  videoOff: "M3.5 3.5l17 17M9.5 6.5H13a2 2 0 0 1 2 2v3.5M15 13.5v2a2 2 0 0 1-2 2H4.5a2 2 0 0 1-2-2v-7a2 2 0 0 1 2-2h2M16.5 9.7l3.5-2c.7-.4 1.5.1 1.5.9v6.8c0 .6-.4 1-1 1",
  mic: "M12 3a3 3 0 0 1 3 3v5a3 3 0 0 1-6 0V6a3 3 0 0 1 3-3zM5.5 11a6.5 6.5 0 0 0 13 0M12 17.5V21",
  micOff: "M3.5 3.5l17 17M9 9v2a3 3 0 0 0 4.5 2.6M15 11V6a3 3 0 0 0-5.7-1.3M5.5 11a6.5 6.5 0 0 0 10.3 5.3M18.5 11c0 1.2-.3 2.2-.8 3.2M12 17.5V21",
  copy: "M9 8.5h9a1.5 1.5 0 0 1 1.5 1.5v9a1.5 1.5 0 0 1-1.5 1.5H9A1.5 1.5 0 0 1 7.5 19v-9A1.5 1.5 0 0 1 9 8.5zM4.5 15.5V5A1.5 1.5 0 0 1 6 3.5h9",
  check: "M5 12.5l4.5 4.5L19 7.5",
  addPerson: "M10 11.5a4 4 0 1 0 0-8 4 4 0 0 0 0 8zM2.5 20.5c.4-4 3.5-6 7.5-6 1.6 0 3 .3 4.2 1M18.5 14v6.5M15.250 17.250h6.5",
  newTab: "M13.5 4.5h6v6M19 5l-8 8M17.5 14v4a1.5 1.5 0 0 1-1.5 1.5H6A1.5 1.5 0 0 1 4.5 18V8A1.5 1.5 0 0 1 6 6.5h4",
  shield: "M12 3l7.5 2.8v5.4c0 4.6-3 8.1-7.5 9.8-4.5-1.7-7.5-5.2-7.5-9.8V5.8z",
  shieldCheck: "M12 3l7.5 2.8v5.4c0 4.6-3 8.1-7.5 9.8-4.5-1.7-7.5-5.2-7.5-9.8V5.8zM8.5 12l2.5 2.5 4.5-5",
  shieldWarning: "M12 3l7.5 2.8v5.4c0 4.6-3 8.1-7.5 9.8-4.5-1.7-7.5-5.2-7.5-9.8V5.8zM12 8v4.5M12 15.8v.1",
  device: "M4.5 5h15a1.5 1.5 0 0 1 1.5 1.5v8a1.5 1.5 0 0 1-1.5 1.5h-15A1.5 1.5 0 0 1 3 14.5v-8A1.5 1.5 0 0 1 4.5 5zM8.5 19.5h7",
  key: "M8 19a4 4 0 1 0 0-8 4 4 0 0 0 0 8zM11 12.2L19.5 3.7M16 7.2l3 3",
  download: "M12 3.5v11M7.5 10.5l4.5 4.5 4.5-4.5M4.5 19.5h15",
  close: "M6 6l12 12M18 6L6 18",
  warning: "M12 4l9 15.5H3zM12 10v4.5M12 17v.1",
};

/**
 * Makes an icon. It is decoration: what carries it must have a name of its own.
 *
 * @param {keyof typeof paths} name
 * @returns {SVGSVGElement}
 */
export function icon(name) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("class", `icon icon-${name}`);
  svg.setAttribute("aria-hidden", "true");
  const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
  path.setAttribute("d", paths[name]);
  svg.append(path);
  return svg;
}
