// Draws curves as SVG, to be looked at as an image on a light or a dark page.

const size = { width: 760, height: 440, left: 74, right: 24, top: 56, bottom: 88 };

/**
 * What an axis needs. With `log` it is logarithmic, and values and ticks are above zero.
 * @typedef {{ label: string, ticks: number[], log?: boolean, min?: number, max?: number, format?: (value: number) => string }} Axis
 * @typedef {{ name: string, color: string, dashed?: boolean, points: [number, number][] }} Series
 */

/**
 * A chart of lines with points.
 * @param {{ title: string, x: Axis, y: Axis, series: Series[], mark?: { y: number, label: string } }} chart
 * @returns {string} an SVG file
 */
export function drawLines({ title, x, y, series, mark }) {
  const { width, height, left, right, top, bottom } = size;
  const across = scale(x, left, width - right);
  const up = scale(y, height - bottom, top);
  const parts = [];
  for (const tick of x.ticks) {
    const at = round(across(tick));
    parts.push(`<line class="grid" x1="${at}" x2="${at}" y1="${top}" y2="${height - bottom}"/>`);
    parts.push(`<text x="${at}" y="${height - bottom + 18}" text-anchor="middle">${text(format(x, tick))}</text>`);
  }
  for (const tick of y.ticks) {
    const at = round(up(tick));
    parts.push(`<line class="grid" x1="${left}" x2="${width - right}" y1="${at}" y2="${at}"/>`);
    parts.push(`<text x="${left - 8}" y="${at + 4}" text-anchor="end">${text(format(y, tick))}</text>`);
  }
  parts.push(`<path class="axis" d="M${left} ${top}V${height - bottom}H${width - right}"/>`);
  if (mark) {
    const at = round(up(mark.y));
    parts.push(`<line class="mark" x1="${left}" x2="${width - right}" y1="${at}" y2="${at}"/>`);
    parts.push(`<text x="${left + 6}" y="${at - 5}">${text(mark.label)}</text>`);
  }
  for (const { color, dashed, points } of series) {
    const places = points.map(([px, py]) => [round(across(px)), round(up(py))]);
    const dash = dashed ? ' stroke-dasharray="6 5"' : "";
    parts.push(`<polyline fill="none" stroke="${color}" stroke-width="2.5"${dash} points="${places.join(" ")}"/>`);
    for (const [px, py] of places) parts.push(`<circle cx="${px}" cy="${py}" r="3.5" fill="${color}"/>`);
  }
  series.forEach(({ name, color, dashed }, i) => {
    const at = left + (i * (width - left - right)) / series.length;
    const dash = dashed ? ' stroke-dasharray="6 5"' : "";
    parts.push(`<line x1="${at}" x2="${at + 28}" y1="${height - 18}" y2="${height - 18}" stroke="${color}" stroke-width="2.5"${dash}/>`);
    parts.push(`<text x="${at + 34}" y="${height - 14}">${text(name)}</text>`);
  });
  parts.push(`<text class="title" x="${left}" y="28">${text(title)}</text>`);
  parts.push(`<text x="${(left + width - right) / 2}" y="${height - bottom + 42}" text-anchor="middle">${text(x.label)}</text>`);
  const middle = (top + height - bottom) / 2;
  parts.push(`<text x="18" y="${middle}" text-anchor="middle" transform="rotate(-90 18 ${middle})">${text(y.label)}</text>`);
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" role="img" aria-label="${text(title)}">
<style>
  text { font: 13px system-ui, sans-serif; fill: #1f2328 }
  .title { font-size: 15px; font-weight: 600 }
  .grid { stroke: #8c959f; stroke-opacity: 0.25 }
  .axis { fill: none; stroke: #6e7781 }
  .mark { stroke: #cf222e; stroke-dasharray: 2 4; stroke-width: 1.5 }
  @media (prefers-color-scheme: dark) { text { fill: #e6edf3 } .mark { stroke: #ff7b72 } }
</style>
${parts.join("\n")}
</svg>
`;
}

/** A function from a value to its place between two ends. What is outside is drawn at the nearer end. */
function scale({ ticks, log, min = ticks[0], max = ticks.at(-1) }, from, to) {
  const place = log ? Math.log10 : (value) => value;
  return (value) => from + ((place(Math.min(max, Math.max(min, value))) - place(min)) / (place(max) - place(min))) * (to - from);
}

const format = (axis, value) => (axis.format ?? ((v) => v.toLocaleString("en")))(value);
const round = (value) => Math.round(value * 10) / 10;
const text = (value) => value.replace(/[&<>"]/g, (c) => ({ "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" })[c]);
