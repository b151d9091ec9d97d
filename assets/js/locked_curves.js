// The charts under the locked players: lines that break where there is no value, and the values under the playhead.
// Comes before locked_player.js in the same function, and uses its names.

const RATIO = 100; // height of a chart in its own units, 1000 wide

function chartHtml(chart, k) {
  let [low, high] = chart.wave ? [-1, 1] : extent(chart.lines);
  const room = 0.06 * (high - low || 1);
  [low, high] = [low - room, high + room];
  const x = (time) => ((1000 * time) / view.duration).toFixed(1);
  const y = (value) => (RATIO * (1 - (value - low) / (high - low))).toFixed(2);
  const paths = chart.lines.map((line) => chart.wave ? wavePath(chart, line, x, y) : linePath(chart, line, x, y)).join("");
  const scale = chart.wave ? "" : `<span class="high">${number(high - room, chart.decimals)}</span><span class="low">${number(low + room, chart.decimals)}</span>`;
  const values = chart.lines.map((line, j) => chart.wave ? "" : `<span>${sample(line.clip)}<output data-value="${k} ${j}"></output></span>`).join("");
  return `<div class="chart" data-wave="${Boolean(chart.wave)}"><p><b>${spans(chart.name)}</b>${values}</p>
    <div class="plot">${scale}<svg viewBox="0 0 1000 ${RATIO}" preserveAspectRatio="none" aria-hidden="true">${paths}</svg></div></div>`;
}

function extent(lines) {
  let [low, high] = [Infinity, -Infinity];
  for (const value of lines.flatMap((line) => line.values)) {
    if (value !== null) [low, high] = [Math.min(low, value), Math.max(high, value)];
  }
  return [low, high];
}

/** A line, broken where there is no value. */
function linePath(chart, line, x, y) {
  let open = false;
  const d = line.values.map((value, i) => {
    if (value === null) { open = false; return ""; }
    const piece = `${open ? "L" : "M"}${x(i / chart.fps)} ${y(value)}`;
    open = true;
    return piece;
  }).join("");
  return `<path class="line-${line.clip}" d="${d}"/>`;
}

/** A wave, as the area between its lowest and highest values. */
function wavePath(chart, line, x, y) {
  const above = line.high.map((value, i) => `${x(i / chart.fps)} ${y(value)}`);
  const below = line.low.map((value, i) => `${x(i / chart.fps)} ${y(value)}`).reverse();
  return `<path class="wave" d="M${[...above, ...below].join("L")}Z"/>`;
}

const number = (value, decimals = 2) => (value === null || value === undefined ? "–" : value.toFixed(decimals));

/** The values under the playhead. */
function paintValues(time) {
  const charts = extra()?.curves ?? [];
  for (const node of parts.values) {
    const [k, j] = node.dataset.value.split(" ").map(Number);
    const { values } = charts[k].lines[j];
    const text = number(values[Math.floor(time * charts[k].fps + 1e-3)], charts[k].decimals);
    if (node.textContent !== text) node.textContent = text;
  }
}

/** Values at a place between two numbers of a list, straight between the two; beyond its ends those stand. */
function between(values, place) {
  const low = Math.max(0, Math.min(values.length - 1, Math.floor(place)));
  const high = Math.min(low + 1, values.length - 1);
  const share = Math.min(1, Math.max(0, place - low));
  return values[low].map((value, k) => value + share * (values[high][k] - value));
}
