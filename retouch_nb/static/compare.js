// All pictures of a comparison on one stage, with one view of them: who zooms or pans one, does so with all.
// `start` wires; what is seen follows from the state alone, in `draw`.

const MODES = [
  ["across", "Slider ↔"],
  ["down", "Slider ↕"],
  ["beside", "Side by side"],
  ["blink", "Blink"],
  ["difference", "Difference"],
  ["heat", "Heat map"],
];
const MOST_ZOOM = 32;
const KEYS = "1 to 6: way of looking; arrows: move the line, or the picture; Shift and arrows: move the picture; plus, minus, 0: zoom; space: pause";

function start(root, setup) {
  const aside = root.querySelector(".retouch-compare-static");
  const images = [...aside.querySelectorAll("img")].filter((image) => !image.closest(".retouch-legend"));
  const count = setup.names.length;
  const shots = images.map((image, at) => ({
    src: image.src, alt: image.alt, natural: image,
    name: at < count ? setup.names[at] : image.alt, checkered: image.classList.contains("retouch-checkered"),
  }));
  const legends = [...aside.querySelectorAll(".retouch-legend")];
  const state = { mode: "across", other: 1, line: 0.5, seconds: 0.7, paused: false, odd: false, view: { zoom: 1, x: 0, y: 0 } };
  const parts = build(setup);
  aside.before(parts.root);
  aside.remove();

  let seen = "";
  const draw = () => {
    const cells = layout(state, count);
    const now = JSON.stringify(cells.map((cell) => cell.map((layer) => layer.at)));
    if (now !== seen) fill(parts, shots, cells, images[0]);
    seen = now;
    paint(parts, state, cells, shots, setup);
    parts.legend.replaceChildren(...(state.mode === "heat" ? [legends[state.other - 1]] : []));
  };
  const change = (changes) => {
    Object.assign(state, changes);
    state.view = clamped(state.view);
    draw();
  };
  const reduced = matchMedia("(prefers-reduced-motion: reduce)").matches;
  let due = 0;
  let ticking = false;
  const tick = (time) => {
    ticking = state.mode === "blink" && parts.root.isConnected;
    if (!ticking) return void (due = 0);
    if (due && time >= due && !state.paused) change({ odd: !state.odd });
    if (!due || time >= due) due = time + 1000 * state.seconds;
    requestAnimationFrame(tick);
  };
  const wake = () => {
    if (state.mode !== "blink" || ticking) return;
    ticking = true;
    requestAnimationFrame(tick);
  };
  const choose = (mode) => {
    change({ mode, odd: false, paused: mode === "blink" && reduced });
    wake();
  };
  listen(parts, state, { change, choose });
  new ResizeObserver(() => {
    draw();
    wake(); // a notebook may take the stage out of the page and put it back
  }).observe(parts.stage);
  draw();
}

// Which pictures lie in which cell, the lowest first; `clip` says how much of one is seen, `hidden` that none is.
function layout({ mode, other, odd }, count) {
  switch (mode) {
    case "across":
    case "down":
      return [[{ at: other }, { at: 0, clip: mode }]];
    case "beside":
      return Array.from({ length: count }, (_, at) => [{ at }]);
    case "blink":
      return [[{ at: 0, hidden: odd }, { at: other, hidden: !odd }]];
    case "difference":
      return [[{ at: count + 2 * (other - 1) }]];
    default:
      return [[{ at: count + 2 * (other - 1) + 1 }]];
  }
}

function clamped({ zoom, x, y }) {
  const z = Math.min(MOST_ZOOM, Math.max(1, zoom));
  const inside = (value) => Math.min(1 - 1 / z, Math.max(0, value));
  return { zoom: z, x: inside(x), y: inside(y) };
}

// Zoom so that the point at (u, v), fractions of a cell, stays where it is.
function zoomed({ zoom, x, y }, factor, u = 0.5, v = 0.5) {
  const next = Math.min(MOST_ZOOM, Math.max(1, zoom * factor));
  return { zoom: next, x: x + u / zoom - u / next, y: y + v / zoom - v / next };
}

function panned({ zoom, x, y }, du, dv) {
  return { zoom, x: x - du / zoom, y: y - dv / zoom };
}

function make(tag, name, attributes = {}, text = "") {
  const element = document.createElement(tag);
  element.className = name;
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  element.textContent = text;
  return element;
}

function build({ names, width }) {
  const root = make("div", "retouch-compare-live", { "data-lm-suppress-shortcuts": "true" });
  const bar = make("div", "retouch-compare-bar", { role: "toolbar", "aria-label": "Compare" });
  const modes = MODES.map(([mode, label]) => {
    const button = make("button", "", { type: "button", "data-mode": mode, "aria-pressed": "false" }, label);
    bar.append(button);
    return button;
  });
  const other = make("select", "", { "aria-label": "Picture to compare with the first" });
  names.slice(1).forEach((name, at) => other.append(new Option(name, at + 1)));
  if (names.length > 2) bar.append(other);
  const stage = make("div", "retouch-stage", { tabindex: "0", role: "group", "aria-label": `${names.join(", ")}. ${KEYS}` });
  const low = make("div", "retouch-compare-bar");
  const slide = make("input", "retouch-compare-slide", { type: "range", min: "0", max: "100", step: "any" });
  const [out, fit, closer] = [["−", "Zoom out"], ["Fit", "Fit"], ["+", "Zoom in"]].map(([text, label]) =>
    make("button", "", { type: "button", "aria-label": label, title: label }, text));
  const scale = make("span", "retouch-compare-scale", { role: "status" });
  low.append(slide, make("span", "retouch-compare-gap"), scale, out, fit, closer);
  const legend = make("div", "");
  root.append(bar, stage, low, legend);
  root.style.setProperty("--shown", `${width}px`);
  return { root, modes, other, stage, slide, scale, out, fit, closer, legend };
}

function fill(parts, shots, cells, first) {
  parts.stage.replaceChildren(...cells.map((layers) => {
    const cell = make("div", "retouch-cell");
    cell.style.aspectRatio = `${first.getAttribute("width")} / ${first.getAttribute("height")}`;
    for (const { at } of layers) {
      const shot = shots[at];
      const image = make("img", shot.checkered ? "retouch-checkered" : "", { src: shot.src, alt: shot.alt, draggable: "false" });
      const pane = make("div", "retouch-pane");
      pane.append(image);
      cell.append(pane);
    }
    cell.append(make("div", "retouch-tag"), make("div", "retouch-tag retouch-tag-right"), make("div", "retouch-line"));
    return cell;
  }));
  parts.stage.dataset.cells = cells.length;
}

function paint(parts, state, cells, shots, setup) {
  const { mode, view, line } = state;
  for (const button of parts.modes) button.setAttribute("aria-pressed", button.dataset.mode === mode);
  parts.other.hidden = mode === "beside";
  parts.stage.dataset.mode = mode;
  parts.stage.dataset.zoomed = view.zoom > 1;
  cells.forEach((layers, at) => paintCell(parts.stage.children[at], layers, shots, state));
  const slides = { across: ["Where the line is, in percent", 100 * line], down: ["Where the line is, in percent", 100 * line],
    blink: ["Seconds between pictures", 100 * (state.seconds - 0.1) / 1.9] }[mode];
  parts.slide.hidden = !slides;
  if (slides) {
    parts.slide.setAttribute("aria-label", slides[0]);
    if (Number(parts.slide.value) !== slides[1]) parts.slide.value = slides[1];
  }
  const wide = parts.stage.firstElementChild.clientWidth;
  parts.scale.textContent = wide ? `${Math.round((100 * view.zoom * wide) / setup.pixels)} %` : "";
}

function paintCell(cell, layers, shots, { mode, view, line }) {
  layers.forEach(({ at, clip, hidden }, nth) => {
    const pane = cell.children[nth];
    const image = pane.firstElementChild;
    image.style.transform = `scale(${view.zoom}) translate(${-100 * view.x}%, ${-100 * view.y}%)`;
    image.style.imageRendering = view.zoom * cell.clientWidth > 3 * image.naturalWidth ? "pixelated" : "auto";
    pane.style.visibility = hidden ? "hidden" : "visible";
    const rest = `${100 * (1 - line)}%`;
    pane.style.clipPath = clip === "across" ? `inset(0 ${rest} 0 0)` : clip === "down" ? `inset(0 0 ${rest} 0)` : "";
  });
  const [left, right, bar] = [...cell.children].slice(-3);
  const top = layers.filter((layer) => !layer.hidden).at(-1);
  left.textContent = shots[top.at].name;
  right.textContent = top.clip ? shots[layers[0].at].name : "";
  right.hidden = !top.clip;
  bar.hidden = !top.clip;
  bar.className = `retouch-line retouch-line-${mode}`;
  bar.style.left = mode === "across" ? `${100 * line}%` : "0";
  bar.style.top = mode === "down" ? `${100 * line}%` : "0";
}

function listen(parts, state, { change, choose }) {
  for (const button of parts.modes) button.addEventListener("click", () => choose(button.dataset.mode));
  parts.other.addEventListener("change", () => change({ other: Number(parts.other.value) }));
  parts.slide.addEventListener("input", () => {
    const share = Number(parts.slide.value) / 100;
    change(state.mode === "blink" ? { seconds: 0.1 + 1.9 * share } : { line: share });
  });
  const zoom = (factor, u, v) => change({ view: zoomed(state.view, factor, u, v) });
  parts.out.addEventListener("click", () => zoom(1 / 1.5));
  parts.closer.addEventListener("click", () => zoom(1.5));
  parts.fit.addEventListener("click", () => zoom(0));
  listenToKeys(parts.stage, state, { change, choose, zoom });
  listenToPointers(parts.stage, state, { change, zoom });
}

function listenToKeys(stage, state, { change, choose, zoom }) {
  const acts = {
    "+": () => zoom(1.5), "=": () => zoom(1.5), "-": () => zoom(1 / 1.5), 0: () => zoom(0),
    " ": () => change(state.paused ? { odd: !state.odd } : { paused: true }),
    Home: () => change({ line: 0 }), End: () => change({ line: 1 }),
  };
  MODES.forEach(([mode], at) => (acts[at + 1] = () => choose(mode)));
  const arrows = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
  stage.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const [du, dv] = arrows[event.key] ?? [0, 0];
    const along = { across: du, down: dv }[state.mode];
    if (along && !event.shiftKey) change({ line: Math.min(1, Math.max(0, state.line + 0.01 * along)) });
    else if (du || dv) change({ view: panned(state.view, -0.1 * du, -0.1 * dv) });
    else if (acts[event.key]) acts[event.key]();
    else return;
    event.preventDefault();
    event.stopPropagation();
  });
}

function listenToPointers(stage, state, { change, zoom }) {
  const down = new Map();
  let pulls = false;
  const at = (event) => {
    const cell = event.target.closest(".retouch-cell") ?? stage.firstElementChild;
    const box = cell.getBoundingClientRect();
    return { u: (event.clientX - box.left) / box.width, v: (event.clientY - box.top) / box.height, width: box.width, height: box.height };
  };
  const pull = ({ u, v }) => change({ line: Math.min(1, Math.max(0, state.mode === "across" ? u : v)) });
  stage.addEventListener("pointerdown", (event) => {
    if (event.button) return;
    const point = at(event);
    event.target.closest(".retouch-cell")?.setPointerCapture(event.pointerId);
    down.set(event.pointerId, point);
    const away = { across: Math.abs(point.u - state.line) * point.width, down: Math.abs(point.v - state.line) * point.height }[state.mode];
    pulls = down.size === 1 && away !== undefined && (state.view.zoom === 1 || away < 24);
    if (pulls) pull(point);
  });
  stage.addEventListener("pointermove", (event) => {
    const before = down.get(event.pointerId);
    if (!before) return;
    const now = at(event);
    if (down.size === 2) {
      const [still] = [...down].filter(([id]) => id !== event.pointerId).map(([, point]) => point);
      const far = (point) => Math.hypot((point.u - still.u) * point.width, (point.v - still.v) * point.height);
      zoom(far(now) / Math.max(1, far(before)), (now.u + still.u) / 2, (now.v + still.v) / 2);
    } else if (pulls) pull(now);
    else change({ view: panned(state.view, now.u - before.u, now.v - before.v) });
    down.set(event.pointerId, now);
  });
  for (const end of ["pointerup", "pointercancel"]) stage.addEventListener(end, (event) => down.delete(event.pointerId));
  stage.addEventListener("dblclick", (event) => zoom(state.view.zoom > 1 ? 0 : 4, at(event).u, at(event).v));
  stage.addEventListener("wheel", (event) => {
    if (!event.ctrlKey && !event.metaKey && document.activeElement !== stage) return; // else the page scrolls
    event.preventDefault();
    const { u, v } = at(event);
    zoom(Math.exp(-event.deltaY / 400), u, v);
  }, { passive: false });
}
