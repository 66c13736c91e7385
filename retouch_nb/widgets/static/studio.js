// The layers of a result, live. Blending is Python's own: integers, and its tables of 256 x 256 results a mode, so a preview
// has the pixels that Python would give it. While one layer is changed, only its box is blended, from that layer up.

const REST = 500; // ms without a change after which full resolution is asked for

async function render({ model, el }) {
  const parts = build(model);
  el.append(parts.root);
  const scene = await unpack(model);
  const state = { chosen: structuredClone(model.get("chosen")), active: -1, bare: false };
  const blender = makeBlender(scene);
  const view = parts.canvas.getContext("2d");
  const frame = new ImageData(new Uint8ClampedArray(blender.pixels.buffer), scene.width, scene.height);
  parts.canvas.width = scene.width;
  parts.canvas.height = scene.height;
  parts.canvas.style.setProperty("--own", `${scene.width}px`);

  let due = false;
  let foreign = true; // something else than the blender's pixels is on the canvas
  const draw = () => {
    due = false;
    const began = performance.now();
    const box = blender.blend(state.bare ? [] : shown(state.chosen), state.active);
    if (foreign) view.putImageData(frame, 0, 0);
    else view.putImageData(frame, 0, 0, ...box);
    foreign = false;
    parts.root.dataset.blended = (performance.now() - began).toFixed(2);
    parts.root.dataset.drawn = Number(parts.root.dataset.drawn ?? 0) + 1;
  };
  const redraw = (active = -1) => {
    state.active = due && active !== state.active ? -1 : active; // two layers in one frame: all of it
    if (!due) requestAnimationFrame(draw);
    due = true;
  };
  // Full resolution follows a release once the hand rests: it takes Python a moment, and a core.
  const commit = () => {
    model.set("chosen", structuredClone(state.chosen));
    model.save_changes();
    say(parts, "");
    clearTimeout(state.resting);
    state.resting = setTimeout(() => isGone(model, { kind: "render" }), REST);
  };
  const off = new AbortController();
  const rows = makeRows(parts.list, scene, state, { redraw, commit, say: (text) => say(parts, text), signal: off.signal });
  const hear = () => {
    state.chosen = structuredClone(model.get("chosen"));
    rows.arrange();
    redraw();
  };
  const tell = () => {
    parts.payload.value = model.get("payload");
    parts.payload.rows = parts.payload.value.split("\n").length;
    if (model.get("trouble")) say(parts, model.get("trouble"));
  };
  const receive = async (news, buffers) => {
    if (news.kind !== "rendered") return;
    const pixels = await inflated(buffers[0]);
    if (due || state.bare || !same(news.of, state.chosen)) return; // something else is shown by now
    view.putImageData(new ImageData(new Uint8ClampedArray(pixels.buffer), scene.width, scene.height), 0, 0);
    foreign = true;
    const [width, height] = news.size;
    say(parts, `Full resolution: ${width} × ${height}, ${news.seconds.toFixed(1)} s. studio.composite() gives it.`);
  };
  wire(parts, model, state, { redraw, commit, rows });
  model.on("change:chosen", hear);
  model.on("change:payload", tell);
  model.on("change:trouble", tell);
  model.on("msg:custom", receive);
  rows.arrange();
  tell();
  draw();
  const unwatch = whenGone(model, { kind: "there" }, () => {
    parts.side.inert = parts.full.disabled = parts.reset.disabled = true;
    parts.root.classList.add("retouch-studio-ended");
    say(parts, "The kernel of this studio is gone. Run the cell again to go on.");
  });
  return () => {
    off.abort();
    clearTimeout(state.resting);
    unwatch();
    model.off("change:chosen", hear);
    model.off("change:payload", tell);
    model.off("change:trouble", tell);
    model.off("msg:custom", receive);
  };
}

function same(one, other) {
  const flat = ({ layers, solo }) => JSON.stringify([solo, layers.map((each) => [each.at, each.visible, each.opacity, each.blend_mode])]);
  return flat(one) === flat(other);
}

async function inflated(bytes) {
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

async function unpack(model) {
  const { pixels, size } = model.get("base");
  const { names, tables } = model.get("modes");
  const [base, blends, layers] = await Promise.all([
    inflated(pixels),
    inflated(tables),
    Promise.all(model.get("layers").map(async (layer) => ({
      ...layer, pixels: await inflated(layer.pixels), thumbnail: await inflated(layer.thumbnail),
    }))),
  ]);
  const table = new Map(names.map((name, at) => [name, blends.subarray(at << 16, (at + 1) << 16)]));
  return { base, width: size[0], height: size[1], names, table, layers };
}

// The layers that take part, the lowest first.
function shown({ layers, solo }) {
  return layers.filter((one) => one.blend_mode && (solo === null ? one.visible : one.at === solo));
}

// `blend` composites into `pixels` and gives the box that changed. What lies below the layer that is being dragged is kept.
function makeBlender({ base, width, height, table, layers }) {
  const pixels = new Uint8Array(base); // unlike a clamped array, nothing is checked when it is written
  const below = new Uint8Array(base);
  const whole = [0, 0, width, height];
  const layAll = (picture, chosen, box) => {
    for (const one of chosen) lay(picture, width, height, layers[one.at], one, table.get(one.blend_mode), box);
  };
  let kept = "[]";
  const blend = (chosen, active) => {
    const from = chosen.findIndex((one) => one.at === active);
    const under = chosen.slice(0, Math.max(0, from));
    if (JSON.stringify(under) !== kept) {
      kept = JSON.stringify(under);
      below.set(base);
      layAll(below, under, whole);
    }
    const box = from < 0 ? whole : layers[active].box;
    copy(pixels, below, width, box);
    layAll(pixels, chosen.slice(Math.max(0, from)), box);
    return box;
  };
  return { pixels, blend };
}

function copy(to, from, width, [left, top, w, h]) {
  for (let y = top; y < top + h; y++) {
    const start = 4 * (y * width + left);
    to.set(from.subarray(start, start + 4 * w), start);
  }
}

// Lay one layer on the picture inside a box: for a channel, (b * (255 - A) + table[b, s] * A) / 255, rounded.
function lay(picture, width, height, { pixels, box }, { opacity, blend_mode }, table, [x0, y0, w0, h0]) {
  const [left, top, w, h] = box;
  const [first, last] = [Math.max(left, x0, 0), Math.min(left + w, x0 + w0, width)];
  const bottom = Math.min(top + h, y0 + h0, height);
  const strength = roundHalfEven(opacity * 255);
  const run = blend_mode === "Normal" ? layPlain : layTable;
  if (!strength || last <= first) return;
  for (let y = Math.max(top, y0, 0); y < bottom; y++) {
    run(picture, 4 * (y * width + first), pixels, 4 * ((y - top) * w + first - left), last - first, strength, table);
  }
}

// One row; the channels are written out, for this is where the time goes.
function layTable(picture, to, pixels, from, count, strength, table) {
  for (const end = from + 4 * count; from < end; from += 4, to += 4) {
    let alpha = pixels[from + 3] * strength + 128;
    alpha = (alpha + (alpha >> 8)) >> 8;
    if (!alpha) continue;
    const rest = 255 - alpha;
    const r = picture[to];
    const g = picture[to + 1];
    const b = picture[to + 2];
    picture[to] = over255(table[(r << 8) | pixels[from]] * alpha + r * rest);
    picture[to + 1] = over255(table[(g << 8) | pixels[from + 1]] * alpha + g * rest);
    picture[to + 2] = over255(table[(b << 8) | pixels[from + 2]] * alpha + b * rest);
  }
}

function layPlain(picture, to, pixels, from, count, strength) {
  for (const end = from + 4 * count; from < end; from += 4, to += 4) {
    let alpha = pixels[from + 3] * strength + 128;
    alpha = (alpha + (alpha >> 8)) >> 8;
    if (!alpha) continue;
    const rest = 255 - alpha;
    picture[to] = over255(pixels[from] * alpha + picture[to] * rest);
    picture[to + 1] = over255(pixels[from + 1] * alpha + picture[to + 1] * rest);
    picture[to + 2] = over255(pixels[from + 2] * alpha + picture[to + 2] * rest);
  }
}

// Divide by 255, rounding to the nearest: exact up to 255 * 255.
function over255(value) {
  const more = value + 128;
  return (more + (more >> 8)) >> 8;
}

// Python's round().
function roundHalfEven(value) {
  const floor = Math.floor(value);
  return value - floor === 0.5 ? floor + (floor & 1) : Math.round(value);
}

function make(tag, name, attributes = {}, text = "") {
  const element = document.createElement(tag);
  if (name) element.className = name;
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  element.textContent = text;
  return element;
}

function build() {
  const root = make("div", "retouch-studio", { "data-lm-suppress-shortcuts": "true" });
  const canvas = make("canvas", "retouch-studio-picture", { role: "img", "aria-label": "The photo with the layers as chosen" });
  const stage = make("div", "retouch-studio-stage");
  const side = make("div", "retouch-studio-side");
  const list = make("ol", "retouch-studio-list", { "aria-label": "Layers, the topmost first" });
  const bar = make("div", "retouch-studio-bar");
  const [before, reset, full] = ["Hold to see the photo", "Reset", "Full resolution"].map((text) => {
    const button = make("button", "", { type: "button" }, text);
    bar.append(button);
    return button;
  });
  const status = make("div", "retouch-studio-status", { role: "status" });
  const fold = make("details", "retouch-studio-payload");
  const payload = make("textarea", "", { readonly: "", spellcheck: "false", "aria-label": "The cell that asks for this" });
  const copyIt = make("button", "", { type: "button" }, "Copy");
  fold.append(make("summary", "", {}, "As a cell (an estimate)"), payload, copyIt);
  stage.append(canvas, bar, status);
  side.append(list, fold);
  root.append(stage, side);
  return { root, side, canvas, list, before, reset, full, status, payload, copyIt };
}

function say(parts, text) {
  parts.status.textContent = text;
}

function wire(parts, model, state, { redraw, commit, rows }) {
  const bare = (on) => () => {
    if (state.bare === on) return;
    state.bare = on;
    redraw();
  };
  for (const name of ["pointerdown", "keydown"]) {
    parts.before.addEventListener(name, (event) => (event.key ?? " ") === " " && bare(true)());
  }
  for (const name of ["pointerup", "pointerleave", "pointercancel", "keyup", "blur"]) parts.before.addEventListener(name, bare(false));
  parts.reset.addEventListener("click", () => {
    state.chosen = structuredClone(model.get("given"));
    rows.arrange();
    redraw();
    commit();
  });
  parts.full.addEventListener("click", () => {
    if (!isGone(model, { kind: "render" })) say(parts, "Compositing in full resolution …");
  });
  parts.copyIt.addEventListener("click", async () => {
    say(parts, (await copied(parts.payload)) ? "Copied. Paste it into a cell." : "Press Ctrl+C to copy it.");
  });
}

// Where a page may not write to the clipboard, the text is at least selected.
async function copied(area) {
  area.select();
  try {
    await navigator.clipboard.writeText(area.value);
    return true;
  } catch {
    return document.execCommand("copy");
  }
}

function makeRows(list, scene, state, { redraw, commit, say, signal }) {
  const find = (at) => state.chosen.layers.find((one) => one.at === at);
  const change = (at, news, { release = true } = {}) => {
    Object.assign(find(at), news);
    sync();
    redraw(at);
    if (release) commit();
  };
  const solo = (at) => {
    state.chosen.solo = state.chosen.solo === at ? null : at;
    sync();
    redraw();
    commit();
  };
  // `place` counts from the lowest layer.
  const move = (at, place, { release = true } = {}) => {
    const layers = state.chosen.layers;
    const from = layers.findIndex((one) => one.at === at);
    const to = Math.max(0, Math.min(layers.length - 1, place));
    if (from !== to) {
      layers.splice(to, 0, ...layers.splice(from, 1));
      arrange();
      redraw();
    }
    if (release) {
      commit();
      say(`${scene.layers[at].name} is number ${layers.length - to} of ${layers.length} from the top.`);
    }
  };
  const rows = scene.layers.map((layer, at) => makeRow(list, scene, layer, at, { change, solo, move, signal, place: () => state.chosen.layers.findIndex((one) => one.at === at) }));
  const arrange = () => {
    const order = state.chosen.layers.map((one) => rows[one.at].root).reverse();
    const focused = document.activeElement;
    if (order.some((row, place) => list.children[place] !== row)) list.replaceChildren(...order);
    if (list.contains(focused)) focused.focus();
    sync();
  };
  const sync = () => state.chosen.layers.forEach((one) => rows[one.at].sync(one, state.chosen.solo));
  return { arrange };
}

function makeRow(list, scene, layer, at, { change, solo, move, place, signal }) {
  const root = make("li", "retouch-studio-layer", { "data-layer": layer.name });
  const grip = make("button", "retouch-studio-grip", { type: "button", title: "Drag, or arrow keys, to change the order", "aria-label": `${layer.name}: order` }, "⠿");
  const eye = make("input", "", { type: "checkbox", "aria-label": `${layer.name}: visible`, title: "Visible" });
  const alone = make("button", "retouch-studio-solo", { type: "button", "aria-pressed": "false", "aria-label": `${layer.name}: alone`, title: "This layer alone" }, "S");
  const name = make("b", "retouch-studio-name", { title: layer.name }, layer.name);
  const mode = make("select", "", { "aria-label": `${layer.name}: blend mode` });
  mode.append(new Option("unknown mode", ""), ...scene.names.map((one) => new Option(one, one)));
  const slide = make("input", "", { type: "range", min: "0", max: "100", step: "1", "aria-label": `${layer.name}: opacity` });
  const percent = make("span", "retouch-studio-percent");
  root.append(grip, eye, thumbnail(layer), name, alone, ...(layer.note ? [make("span", "retouch-studio-note", {}, layer.note)] : [mode, slide, percent]));
  eye.addEventListener("change", () => change(at, { visible: eye.checked }));
  alone.addEventListener("click", () => solo(at));
  mode.addEventListener("change", () => change(at, { blend_mode: mode.value }));
  slide.addEventListener("input", () => change(at, { opacity: Number(slide.value) / 100 }, { release: false }));
  slide.addEventListener("change", () => change(at, { opacity: Number(slide.value) / 100 }));
  grip.addEventListener("keydown", (event) => {
    const step = { ArrowUp: 1, ArrowDown: -1 }[event.key];
    if (!step) return;
    event.preventDefault();
    event.stopPropagation();
    move(at, place() + step);
    grip.focus();
  });
  drag(grip, root, list, (to, release) => move(at, to, { release }), place, signal);
  const sync = ({ visible, opacity, blend_mode }, only) => {
    eye.checked = visible;
    mode.value = blend_mode;
    if (Math.round(100 * opacity) !== Number(slide.value)) slide.value = Math.round(100 * opacity);
    percent.textContent = `${Math.round(100 * opacity)} %`;
    alone.setAttribute("aria-pressed", only === at);
    root.classList.toggle("retouch-studio-hidden", only === null ? !visible : only !== at);
  };
  return { root, sync };
}

function drag(grip, root, list, moveTo, place, signal) {
  const over = (y) => {
    const rows = [...list.children];
    const at = rows.findIndex((row) => y < row.getBoundingClientRect().bottom);
    return rows.length - 1 - (at < 0 ? rows.length - 1 : at);
  };
  grip.addEventListener("pointerdown", (event) => {
    if (event.button) return;
    const begun = place();
    root.classList.add("retouch-studio-dragged");
    // On the window: the row moves in the document under the pointer, which would end a capture.
    const follow = (now) => {
      now.preventDefault();
      moveTo(over(now.clientY), false);
    };
    const released = new AbortController();
    const held = { signal: released.signal };
    signal.addEventListener("abort", () => released.abort(), held);
    const end = () => {
      released.abort();
      root.classList.remove("retouch-studio-dragged");
      if (place() !== begun) moveTo(place(), true);
    };
    window.addEventListener("pointermove", follow, held);
    window.addEventListener("pointerup", end, held);
    window.addEventListener("pointercancel", end, held);
  });
}

function thumbnail({ thumbnail: pixels, small: [width, height], name }) {
  const canvas = make("canvas", "retouch-studio-thumbnail", { role: "img", "aria-label": name, width, height });
  if (width && height) canvas.getContext("2d").putImageData(new ImageData(new Uint8ClampedArray(pixels.buffer), width, height), 0, 0);
  return canvas;
}

export { lay, makeBlender, roundHalfEven };
export default { render };
