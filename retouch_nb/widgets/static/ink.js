// The painter's ink: draws while the pointer moves, on a transparent layer over a canvas that Python draws. A finished
// stroke goes to Python as bytes and stays as ink until Python says that it is part of the mask.

const TOOLS = {
  brush: { key: "b", label: "Brush", icon: "M3 17c3 1 6-1 6-4l8-9-2-2-9 8c-3 0-4 2-4 4 0 1-1 2-2 2 1 1 2 1 3 1z" },
  eraser: { key: "e", label: "Eraser", icon: "M3 13l8-9 6 5-7 8H6zM7 17h10M6.500 9l6 5" },
  box: { key: "r", label: "Rectangle", icon: "M3 5h14v10H3z" },
  polygon: { key: "p", label: "Polygon", icon: "M10 2l8 6-3 9H5L2 8z" },
  lasso: { key: "l", label: "Lasso", icon: "M10 3c5 0 8 2 8 5s-4 5-8 5-8-2-8-5 3-5 8-5zM5 12c-2 2 0 3 1 4s0 2-1 2" },
  wand: { key: "w", label: "Wand: select by colour", icon: "M3 17l9-9M14 2v4M14 9v3M9 5h3M16 6h3M10.500 6.500l3 3" },
  object: { key: "o", label: "Object: click it, or draw a box around it", icon: "M3 6V3h3M14 3h3v3M17 14v3h-3M6 17H3v-3M10 6a4 4 0 100 8 4 4 0 000-8z" },
};
const ICONS = {
  undo: "M7 4L3 8l4 4M3 8h9a5 5 0 010 9H8",
  redo: "M13 4l4 4-4 4M17 8H8a5 5 0 000 9h4",
  add: "M10 4v12M4 10h12",
  subtract: "M4 10h12",
  alone: "M3 4h14v12H3zM10 7a3 3 0 100 6 3 3 0 000-6z",
  load: "M3 16V4h5l2 2h7v10zM10 14V9M8 11l2-2 2 2",
  save: "M10 3v9M6 9l4 4 4-4M3 16h14",
};
const SIZED = { brush: "size", eraser: "size", object: "reach" };
const LINKED = 60; // ms: the canvas below needs a few frames to decode what Python has sent it
const CLOSE = 9; // CSS pixels within which a click means a polygon's first corner
const STEP = 10; // CSS pixels an arrow key moves the crosshair

function render({ model, el }) {
  const painter = new Painter(model, build(model.get("title")));
  el.classList.add("retouch-ink-host");
  el.append(painter.parts.root);
  return painter.live();
}

// --- geometry: plain functions of a view {scale, x, y} that maps photo pixels to CSS pixels of the stage ---

const toPhoto = (view, x, y) => ({ x: (x - view.x) / view.scale, y: (y - view.y) / view.scale });
const toStage = (view, p) => ({ x: p.x * view.scale + view.x, y: p.y * view.scale + view.y });
const clamp = (value, low, high) => Math.min(Math.max(value, low), high);

function fitted(stage, photo) {
  const scale = Math.min(stage.width / photo.width, stage.height / photo.height);
  return { scale, x: (stage.width - photo.width * scale) / 2, y: (stage.height - photo.height * scale) / 2 };
}

function zoomed(view, factor, at, limits) {
  const scale = clamp(view.scale * factor, limits.low, limits.high);
  const kept = toPhoto(view, at.x, at.y);
  return { scale, x: at.x - kept.x * scale, y: at.y - kept.y * scale };
}

// At least a corner of the photo stays in sight.
function within(view, stage, photo) {
  const keep = 40;
  return {
    scale: view.scale,
    x: clamp(view.x, keep - photo.width * view.scale, stage.width - keep),
    y: clamp(view.y, keep - photo.height * view.scale, stage.height - keep),
  };
}

function straightened(from, to) {
  const angle = (Math.round(Math.atan2(to.y - from.y, to.x - from.x) / (Math.PI / 4)) * Math.PI) / 4;
  const length = Math.hypot(to.x - from.x, to.y - from.y);
  return { x: from.x + Math.cos(angle) * length, y: from.y + Math.sin(angle) * length };
}

function squared(from, to) {
  const side = Math.max(Math.abs(to.x - from.x), Math.abs(to.y - from.y));
  return { x: from.x + side * Math.sign(to.x - from.x || 1), y: from.y + side * Math.sign(to.y - from.y || 1) };
}

// --- drawing: plain functions of a context that is set to photo pixels ---

function drawBrush(context, shape, from = 0) {
  const points = shape.points;
  context.lineCap = "round";
  for (let i = from; i < points.length; i++) {
    const { x, y, pressure } = points[i];
    const before = points[i - 1];
    context.beginPath();
    if (before && (before.x !== x || before.y !== y)) {
      context.lineWidth = (shape.size * (before.pressure + pressure)) / 2;
      context.moveTo(before.x, before.y);
      context.lineTo(x, y);
      context.stroke();
    } else {
      context.arc(x, y, (shape.size * pressure) / 2, 0, 2 * Math.PI);
      context.fill();
    }
  }
}

function path(context, points) {
  context.beginPath();
  points.forEach((p, i) => (i ? context.lineTo(p.x, p.y) : context.moveTo(p.x, p.y)));
}

function drawShape(context, shape) {
  const { tool, points } = shape;
  if (tool === "brush" || tool === "eraser") return drawBrush(context, shape);
  const [first, last] = [points[0], points.at(-1)];
  if (tool === "box") context.fillRect(first.x, first.y, last.x - first.x, last.y - first.y);
  if (tool === "lasso" || tool === "polygon") {
    path(context, points);
    context.fill();
  }
}

// Lines that must be seen on any photo: dark below, light dashes above, one CSS pixel wide.
function drawLines(context, shape, scale) {
  const { tool, points } = shape;
  if (tool === "box" || (tool === "object" && points.length > 1)) {
    const [a, b] = [points[0], points.at(-1)];
    context.beginPath();
    context.rect(a.x, a.y, b.x - a.x, b.y - a.y);
  } else if (tool === "lasso" || tool === "polygon") {
    path(context, points);
  } else return;
  contour(context, scale);
  if (tool !== "polygon") return;
  for (const [i, p] of points.entries()) {
    context.beginPath();
    context.arc(p.x, p.y, (i ? 3 : 5) / scale, 0, 2 * Math.PI);
    context.fillStyle = i ? "white" : "#ffd400";
    context.fill();
    context.lineWidth = 1 / scale;
    context.strokeStyle = "black";
    context.stroke();
  }
}

function contour(context, scale) {
  context.setLineDash([]);
  context.lineWidth = 2.5 / scale;
  context.strokeStyle = "rgba(0,0,0,0.7)";
  context.stroke();
  context.setLineDash([5 / scale, 4 / scale]);
  context.lineWidth = 1.25 / scale;
  context.strokeStyle = "white";
  context.stroke();
  context.setLineDash([]);
}

function bytes(points) {
  const floats = new Float32Array(points.length * 3);
  points.forEach((p, i) => floats.set([p.x, p.y, p.pressure], 3 * i));
  return floats.buffer;
}

// --- elements ---

function make(tag, name, properties = {}, ...children) {
  const element = document.createElement(tag);
  element.className = `retouch-ink-${name}`;
  for (const [key, value] of Object.entries(properties)) {
    if (key in element) element[key] = value;
    else element.setAttribute(key, value);
  }
  element.append(...children);
  return element;
}

function icon(drawing) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("viewBox", "0 0 20 20");
  svg.setAttribute("aria-hidden", "true");
  const line = document.createElementNS("http://www.w3.org/2000/svg", "path");
  line.setAttribute("d", drawing);
  svg.append(line);
  return svg;
}

function button(label, face, properties = {}) {
  return make("button", "button", { type: "button", title: label, "aria-label": label, ...properties }, face);
}

function slider(label, low, high, step = 1) {
  const input = make("input", "slider", { type: "range", min: low, max: high, step });
  const value = make("output", "value");
  return { input, value, root: make("label", "field", {}, make("span", "label", { textContent: label }), input, value) };
}

function check(label, title) {
  const input = make("input", "check", { type: "checkbox" });
  return { input, root: make("label", "field", { title }, input, make("span", "label", { textContent: label })) };
}

function group(label, ...children) {
  return make("div", "group", { role: "group", "aria-label": label }, ...children);
}

function build(title) {
  const tools = Object.fromEntries(
    Object.entries(TOOLS).map(([name, { key, label, icon: drawing }]) => [name, button(`${label} (${key.toUpperCase()})`, icon(drawing))]),
  );
  const parts = {
    tools,
    add: button("Add to the mask (X swaps)", icon(ICONS.add)),
    subtract: button("Subtract from the mask (X swaps)", icon(ICONS.subtract)),
    undo: button("Undo (Ctrl+Z)", icon(ICONS.undo)),
    redo: button("Redo (Ctrl+Shift+Z)", icon(ICONS.redo)),
    out: button("Zoom out (−)", "−"),
    fit: button("Fit (0)", "Fit"),
    in: button("Zoom in (+)", "+"),
    full: button("100 %: one photo pixel is one screen pixel (1)", "1:1"),
    zoom: make("output", "zoom", { "aria-label": "Zoom" }),
    channels: { subject: button("Paint the subject (C swaps)", "Subject"), retain: button("Paint what is retained (C swaps)", "Retain") },
    run: button("Remove what is painted", "Remove", { className: "retouch-ink-button retouch-ink-primary" }),
    retouch: button("Retouch the subject, except what is retained", "Retouch", { className: "retouch-ink-button retouch-ink-primary" }),
    size: slider("Size", 1, 400),
    tolerance: slider("Tolerance", 1, 128),
    grow: slider("Grow", -60, 60),
    feather: slider("Feather", 0, 60),
    holes: check("Fill holes", "Fill what is enclosed by the mask"),
    invert: button("Invert the mask (I)", "Invert"),
    clear: button("Clear the mask", "Clear"),
    colour: make("input", "colour", { type: "color", title: "Colour of the mask", "aria-label": "Colour of the mask" }),
    opacity: make("input", "slider", { type: "range", min: 10, max: 100, step: 5, title: "Opacity of the mask", "aria-label": "Opacity of the mask" }),
    alone: button("Show the mask alone (M)", icon(ICONS.alone)),
    load: button("Open a mask: a black and white picture; or drop one on the photo", icon(ICONS.load)),
    save: button("Save the mask as PNG", icon(ICONS.save)),
    file: make("input", "file", { type: "file", accept: "image/*", hidden: true, tabIndex: -1 }),
    ink: make("canvas", "canvas"),
    lines: make("canvas", "lines"),
    cursor: make("div", "cursor"),
    cross: make("div", "cross"),
    where: make("span", "where"),
    area: make("span", "area", { role: "status" }),
    meter: make("span", "meter", {}, make("span", "fill")),
    told: make("span", "told", { role: "status" }),
    trouble: make("div", "trouble", { role: "alert" }),
    job: make("div", "job", { hidden: true }),
    jobName: make("span", "job-name"),
    jobBar: make("progress", "job-bar", { max: 1 }),
    cancel: button("Stop", "Cancel"),
  };
  parts.cursor.setAttribute("aria-hidden", "true");
  parts.cross.setAttribute("aria-hidden", "true");
  parts.job.append(parts.jobName, parts.jobBar, parts.cancel);
  parts.stage = make("div", "stage", {
    tabIndex: 0,
    role: "application",
    "aria-roledescription": "painting area",
    "aria-label": `Mask of ${title}. Arrow keys move a crosshair, Space or Enter paints, square brackets change the size, Escape leaves.`,
  }, parts.ink, parts.lines, parts.cross, parts.cursor);
  parts.channelGroup = group("Channel", parts.channels.subject, parts.channels.retain);
  parts.bar = make("div", "bar", { role: "toolbar", "aria-label": "Tools" },
    group("Tool", ...Object.values(tools)),
    group("Mode", parts.add, parts.subtract),
    group("History", parts.undo, parts.redo),
    parts.channelGroup,
    make("span", "space"), parts.where, parts.retouch, parts.run);
  parts.options = make("div", "bar retouch-ink-options", { role: "toolbar", "aria-label": "Settings" },
    make("span", "slot", {}, parts.size.root, parts.tolerance.root),
    parts.grow.root, parts.feather.root, parts.holes.root, make("span", "space"), group("Mask", parts.invert, parts.clear));
  parts.foot = make("div", "foot", { role: "toolbar", "aria-label": "View" }, parts.meter, parts.area, parts.told, make("span", "space"),
    group("Colours", parts.colour, parts.opacity, parts.alone), group("File", parts.load, parts.save, parts.file),
    group("Zoom", parts.out, parts.zoom, parts.in, parts.fit, parts.full));
  parts.root = make("div", "root", { role: "group", "aria-label": `Mask painter: ${title}`, "data-lm-suppress-shortcuts": "true" },
    parts.bar, parts.options, parts.stage, parts.trouble, parts.job, parts.foot);
  return parts;
}

// --- the painter ---

class Painter {
  constructor(model, parts) {
    this.model = model;
    this.parts = parts;
    this.view = { scale: 1, x: 0, y: 0 };
    this.isFitted = true;
    this.stage = { width: 0, height: 0 };
    this.shape = null; // what is being drawn
    this.waiting = new Map(); // finished shapes that Python has not yet drawn
    this.next = Math.floor(Math.random() * 1e9); // of this view, among those of other pages
    this.pointers = new Map();
    this.drag = null; // pan, pinch or resizing
    this.cross = null; // the keyboard's crosshair, in photo pixels
    this.space = null;
    this.measure();
    const long = Math.max(this.photo.width, this.photo.height);
    const usual = Math.max(4, Math.round(long / 24));
    this.hand = { tool: "brush", erase: false, channel: "subject", tolerance: 24, sizes: { brush: usual, eraser: usual, object: usual * 3 }, ...model.get("hand") };
    parts.size.input.max = Math.max(50, Math.round(long / 3));
    const most = Math.max(20, Math.round(long / 25));
    Object.assign(parts.grow.input, { min: -most, max: most });
    parts.feather.input.max = most;
  }

  measure() {
    const [width, height, previewWidth, previewHeight] = this.model.get("sizes");
    this.photo = { width, height };
    this.preview = { width: previewWidth, height: previewHeight };
  }

  // Wire everything, and give what unwires it.
  live() {
    const { model, parts } = this;
    const off = new AbortController();
    const on = (target, names, action, options = {}) =>
      names.split(" ").forEach((name) => target.addEventListener(name, action, { signal: off.signal, ...options }));
    const told = () => this.showStatus();
    const changed = () => (this.measure(), this.fit());
    const heard = (content, buffers) => this.hear(content, buffers);
    model.on("change:status", told);
    model.on("change:sizes", changed);
    model.on("msg:custom", heard);
    this.wirePointer(on);
    this.wireButtons(on);
    on(parts.root, "keydown", (event) => this.keydown(event));
    on(parts.stage, "keyup", (event) => this.keyup(event));
    on(parts.stage, "blur", () => (this.space = null));
    const watcher = new ResizeObserver(() => this.layout());
    watcher.observe(parts.root);
    const sight = new MutationObserver(() => this.place());
    this.showHand();
    this.showStatus();
    requestAnimationFrame(() => {
      const box = this.box();
      if (box) sight.observe(box, { childList: true, subtree: true });
      this.layout();
      this.send({ kind: "ready" });
    });
    return () => {
      off.abort();
      watcher.disconnect();
      sight.disconnect();
      model.off("change:status", told);
      model.off("change:sizes", changed);
      model.off("msg:custom", heard);
    };
  }

  send(content, buffer) {
    this.model.send(content, undefined, buffer ? [buffer] : []);
  }

  hear(content, buffers) {
    if (content.kind === "drawn") {
      setTimeout(() => this.waiting.delete(content.id) && this.redraw(), LINKED);
    }
    if (content.kind === "file") save(content.name, buffers[0]);
  }

  // --- the canvas below, which Python draws ---

  box() {
    return this.parts.root.closest(".retouch-painter");
  }

  easel() {
    if (!this.below?.isConnected) this.below = this.box()?.querySelector("canvas.retouch-easel");
    return this.below;
  }

  place() {
    const below = this.easel();
    if (!below) return;
    below.inert = true;
    const box = this.box().getBoundingClientRect();
    const stage = this.parts.stage.getBoundingClientRect();
    const k = (this.view.scale * this.photo.width) / this.preview.width;
    const left = stage.left - box.left - this.box().clientLeft + this.view.x;
    const top = stage.top - box.top - this.box().clientTop + this.view.y;
    below.style.transform = `translate(${left}px, ${top}px) scale(${k})`;
    // Above 3x a pixel is to be seen as one; nothing of the photo lies under the bars.
    below.style.imageRendering = k > 3 ? "pixelated" : "auto";
    const cut = (value) => Math.max(0, value / k);
    const right = this.view.x + this.photo.width * this.view.scale - this.stage.width;
    const bottom = this.view.y + this.photo.height * this.view.scale - this.stage.height;
    below.style.clipPath = `inset(${cut(-this.view.y)}px ${cut(right)}px ${cut(bottom)}px ${cut(-this.view.x)}px)`;
  }

  // --- size and view ---

  layout() {
    const width = this.parts.root.clientWidth;
    this.corner = undefined;
    if (!width) return;
    const most = clamp(window.innerHeight * 0.6, 260, 620);
    const scale = Math.min(width / this.photo.width, most / this.photo.height, 6);
    const height = Math.max(140, Math.round(this.photo.height * scale));
    this.parts.stage.style.height = `${height}px`;
    this.stage = { width, height };
    const ratio = window.devicePixelRatio || 1;
    for (const canvas of [this.parts.ink, this.parts.lines]) {
      canvas.width = Math.round(width * ratio);
      canvas.height = Math.round(height * ratio);
    }
    if (this.isFitted) this.fit();
    else this.look(this.view);
  }

  fit() {
    this.look(fitted(this.stage, this.photo));
    this.isFitted = true;
  }

  zoom(factor, at = { x: this.stage.width / 2, y: this.stage.height / 2 }) {
    const whole = fitted(this.stage, this.photo).scale;
    this.look(zoomed(this.view, factor, at, { low: whole / 4, high: Math.max(32, whole * 8) }));
  }

  look(view) {
    this.isFitted = false;
    this.view = within(view, this.stage, this.photo);
    this.parts.zoom.textContent = `${Math.round(100 * this.view.scale)} %`;
    this.place();
    this.redraw();
    this.showCursor();
  }

  // --- drawing ---

  context(canvas, clear = false) {
    const context = canvas.getContext("2d");
    const ratio = window.devicePixelRatio || 1;
    if (clear) {
      context.setTransform(1, 0, 0, 1, 0, 0);
      context.clearRect(0, 0, canvas.width, canvas.height);
    }
    const { scale, x, y } = this.view;
    context.setTransform(ratio * scale, 0, 0, ratio * scale, ratio * x, ratio * y);
    return context;
  }

  dip(context, shape) {
    const colour = this.model.get("status").look?.[shape.channel] ?? "#ff2d6f";
    context.fillStyle = context.strokeStyle = shape.erase ? "#ffffff" : colour;
  }

  redraw() {
    const context = this.context(this.parts.ink, true);
    for (const shape of [...this.waiting.values(), ...(this.shape ? [this.shape] : [])]) {
      this.dip(context, shape);
      drawShape(context, shape);
    }
    this.redrawLines();
  }

  redrawLines() {
    const context = this.context(this.parts.lines, true);
    if (this.shape) drawLines(context, this.shape, this.view.scale);
  }

  // --- one shape from beginning to end ---

  begin(point) {
    const { tool, channel, tolerance } = this.hand;
    const erase = this.hand.erase || tool === "eraser";
    if (tool === "polygon" && this.shape) return this.addCorner(point);
    this.shape = { tool, channel, erase, tolerance, size: this.hand.sizes[tool] ?? 1, points: [point] };
    if (tool === "polygon") this.shape.points.push({ ...point });
    if (tool === "wand") return this.finish();
    this.drawNew(0);
  }

  extend(points, straight = false) {
    const { shape } = this;
    const before = shape.points.length;
    if (shape.tool === "box" || shape.tool === "object") {
      const point = straight ? { ...points.at(-1), ...squared(shape.points[0], points.at(-1)) } : points.at(-1);
      shape.points.splice(1, Infinity, point);
      return this.redraw();
    }
    if (shape.tool === "polygon") {
      const from = shape.points.at(-2);
      shape.points[shape.points.length - 1] = straight ? { ...points.at(-1), ...straightened(from, points.at(-1)) } : points.at(-1);
      return this.redraw();
    }
    for (const point of points) {
      const last = shape.points.at(-1);
      if (point.x !== last.x || point.y !== last.y || point.pressure !== last.pressure) shape.points.push(point);
    }
    this.drawNew(before);
  }

  // Only what is new: the ink is on the screen before the next event, however long the stroke.
  drawNew(from) {
    const { shape } = this;
    if (shape.tool !== "brush" && shape.tool !== "eraser") return this.redraw();
    const context = this.context(this.parts.ink);
    this.dip(context, shape);
    drawBrush(context, shape, from);
  }

  addCorner(point) {
    const { points } = this.shape;
    const [first, last] = [toStage(this.view, points[0]), toStage(this.view, point)];
    const near = Math.hypot(first.x - last.x, first.y - last.y) < CLOSE;
    if (near && points.length > 3) return this.close();
    points.push({ ...points.at(-1) });
    this.redraw();
  }

  // A polygon's last point follows the pointer and belongs to nothing.
  close() {
    this.shape.points.pop();
    if (this.shape.points.length < 3) return this.drop();
    this.finish();
  }

  finish() {
    const { shape } = this;
    this.shape = null;
    if (shape.tool === "object" && shape.points.length > 1 && this.isClick(shape.points)) shape.points.length = 1;
    const hollow = shape.tool === "box" && (shape.points.length < 2 || this.isClick(shape.points, 0.5));
    if (hollow || (shape.tool === "lasso" && shape.points.length < 3)) return this.redraw();
    const id = (this.next += 1);
    this.waiting.set(id, shape);
    const { tool, channel, erase, tolerance, size } = shape;
    this.send({ kind: "stroke", id, tool, channel, erase, tolerance, size }, bytes(shape.points));
    this.redraw();
  }

  isClick(points, near = 4) {
    const [a, b] = [points[0], points.at(-1)];
    return Math.hypot(a.x - b.x, a.y - b.y) * this.view.scale < near;
  }

  drop() {
    this.shape = null;
    this.redraw();
  }

  // --- pointer ---

  wirePointer(on) {
    const { stage } = this.parts;
    const moved = () => (this.corner = undefined);
    on(stage, "pointerenter pointerdown", moved);
    on(window, "scroll resize wheel", moved, { capture: true, passive: true });
    on(stage, "pointerdown", (event) => this.pointerdown(event));
    on(stage, "pointermove", (event) => this.pointermove(event));
    on(stage, "pointerup pointercancel lostpointercapture", (event) => this.pointerup(event));
    on(stage, "pointerenter", (event) => this.hover(event));
    on(stage, "pointerleave", () => this.hover(null));
    on(stage, "dblclick", () => this.shape?.tool === "polygon" && this.close());
    on(stage, "contextmenu", (event) => event.preventDefault());
    on(stage, "wheel", (event) => this.wheel(event), { passive: false });
    on(stage, "dragover", (event) => event.preventDefault());
    on(stage, "drop", (event) => (event.preventDefault(), this.open(event.dataTransfer.files[0])));
  }

  // Asked for once and kept: asking for it at every sample would lay out the page at every sample.
  at(event) {
    this.corner ??= this.parts.stage.getBoundingClientRect();
    return { x: event.clientX - this.corner.left, y: event.clientY - this.corner.top };
  }

  sample(event) {
    const at = this.at(event);
    const pressure = event.pointerType === "pen" ? clamp(event.pressure, 0.02, 1) : 1;
    return { ...toPhoto(this.view, at.x, at.y), pressure };
  }

  pointerdown(event) {
    const { stage } = this.parts;
    stage.focus({ preventScroll: true });
    stage.setPointerCapture?.(event.pointerId);
    this.cross = null;
    this.pointers.set(event.pointerId, this.at(event));
    this.hover(event);
    if (event.pointerType === "touch" && this.pointers.size === 2) return this.beginPinch();
    if (this.painting !== undefined || event.button === 2) return;
    if (event.button === 1 || this.space) return this.beginPan(event);
    if (event.altKey && this.hand.sizes[this.hand.tool]) return this.beginResize(event);
    event.preventDefault();
    if (this.hand.tool !== "polygon") this.painting = event.pointerId;
    this.began = performance.now();
    this.begin(this.sample(event));
    if (!this.shape) this.painting = undefined;
  }

  pointermove(event) {
    const before = this.pointers.get(event.pointerId);
    if (before) this.pointers.set(event.pointerId, this.at(event));
    if (this.drag?.move) this.drag.move(event, before);
    else if (this.space && before) this.pan(before, this.at(event));
    else if (this.shape && (event.pointerId === this.painting || this.shape.tool === "polygon")) this.draw(event);
    this.hover(event);
  }

  draw(event) {
    const events = event.getCoalescedEvents?.() ?? [];
    this.extend((events.length ? events : [event]).map((e) => this.sample(e)), event.shiftKey);
  }

  pointerup(event) {
    if (!this.pointers.delete(event.pointerId)) return;
    if (this.drag && (this.drag.id === undefined || this.drag.id === event.pointerId)) this.drag = null;
    if (event.pointerId !== this.painting) return;
    this.painting = undefined;
    if (!this.shape) return;
    if (event.type === "pointerup" && this.shape.tool !== "wand" && !this.space) this.draw(withPressure(event, this.shape));
    this.finish();
  }

  beginPan(event) {
    if (this.space) this.space.used = true;
    this.drag = { id: event.pointerId, move: (e, before) => before && this.pan(before, this.at(e)) };
  }

  pan(from, to) {
    if (this.space) this.space.used = true;
    this.look({ ...this.view, x: this.view.x + to.x - from.x, y: this.view.y + to.y - from.y });
  }

  // Two fingers move and zoom; what the first had begun a moment ago was no stroke, anything longer stays one.
  beginPinch() {
    if (this.painting !== undefined && this.shape) {
      if (performance.now() - this.began < 250) this.drop();
      else this.finish();
    }
    this.painting = undefined;
    this.drag = {
      move: (event, before) => {
        const other = [...this.pointers].find(([id]) => id !== event.pointerId)?.[1];
        if (!before || !other) return;
        const now = this.at(event);
        const factor = Math.hypot(now.x - other.x, now.y - other.y) / Math.max(1, Math.hypot(before.x - other.x, before.y - other.y));
        const middle = { x: (now.x + other.x) / 2, y: (now.y + other.y) / 2 };
        this.zoom(factor, middle);
        this.pan({ x: (before.x + other.x) / 2, y: (before.y + other.y) / 2 }, middle);
      },
    };
  }

  beginResize(event) {
    const { tool } = this.hand;
    const from = this.at(event);
    const size = this.hand.sizes[tool];
    this.drag = { id: event.pointerId, at: from, move: (e) => this.resize(size + (2 * (this.at(e).x - from.x)) / this.view.scale) };
  }

  wheel(event) {
    if (!this.parts.root.contains(document.activeElement) && !event.ctrlKey) return; // the page scrolls
    event.preventDefault();
    const unit = event.deltaMode === 1 ? 16 : 1;
    if (event.shiftKey) return this.pan({ x: event.deltaX * unit + event.deltaY * unit, y: 0 }, { x: 0, y: 0 });
    this.zoom(Math.exp(-event.deltaY * unit * (event.ctrlKey ? 0.01 : 0.0015)), this.at(event));
  }

  hover(event) {
    this.over = event && event.pointerType !== "touch" ? this.drag?.at ?? this.at(event) : null;
    this.showCursor();
  }

  showCursor() {
    const { cursor, cross, stage } = this.parts;
    const size = this.hand.tool in SIZED ? this.hand.sizes[this.hand.tool] * this.view.scale * (this.hand.tool === "object" ? 2 : 1) : 0;
    const at = this.cross ? toStage(this.view, this.cross) : this.over;
    const round = this.hand.tool === "object" ? "2px" : "50%";
    stage.classList.toggle("retouch-ink-round", size > 3);
    stage.classList.toggle("retouch-ink-hand", Boolean(this.space));
    cursor.hidden = !at || size <= 3 || Boolean(this.space);
    if (at) Object.assign(cursor.style, { width: `${size}px`, height: `${size}px`, borderRadius: round, transform: `translate(${at.x - size / 2}px, ${at.y - size / 2}px)` });
    cross.hidden = !this.cross;
    if (this.cross) cross.style.transform = `translate(${at.x}px, ${at.y}px)`;
  }

  // --- keyboard ---

  keydown(event) {
    if (event.target.matches("input:not([type=range]):not([type=checkbox])")) return;
    const command = event.ctrlKey || event.metaKey;
    const act = command ? this.commandKey(event) : event.altKey ? null : this.plainKey(event);
    if (!act) return;
    event.preventDefault();
    event.stopPropagation();
    act();
  }

  commandKey(event) {
    const key = event.key.toLowerCase();
    if (key === "z") return () => this.send({ kind: event.shiftKey ? "redo" : "undo" });
    return key === "y" ? () => this.send({ kind: "redo" }) : null;
  }

  plainKey(event) {
    const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
    const onStage = event.target === this.parts.stage;
    const tool = Object.keys(TOOLS).find((name) => TOOLS[name].key === key);
    if (tool) return () => this.choose({ tool });
    const size = this.hand.sizes[this.hand.tool];
    const keys = {
      "[": () => size && this.resize(size / 1.15 - 0.5),
      "]": () => size && this.resize(size * 1.15 + 0.5),
      x: () => this.choose({ erase: !this.hand.erase }),
      c: () => this.swapChannel(),
      i: () => this.act("invert"),
      m: () => this.restyle({ alone: !this.model.get("status").look.alone }),
      0: () => this.fit(),
      1: () => this.zoom(1 / this.view.scale),
      "+": () => this.zoom(1.25),
      "=": () => this.zoom(1.25),
      "-": () => this.zoom(0.8),
    };
    return keys[key] ?? (onStage ? this.stageKey(event) : null);
  }

  stageKey(event) {
    const step = event.shiftKey ? 1 : STEP / this.view.scale;
    const arrows = { ArrowLeft: [-step, 0], ArrowRight: [step, 0], ArrowUp: [0, -step], ArrowDown: [0, step] };
    if (event.key in arrows) return () => this.moveCross(...arrows[event.key]);
    if (event.key === " ") return () => (this.space ??= { used: false }) && this.showCursor();
    if (event.key === "Enter") return () => (this.shape?.tool === "polygon" ? this.close() : this.press());
    if (event.key === "Escape") return () => this.escape();
    if (event.key === "Backspace" && this.shape?.tool === "polygon") return () => this.uncorner();
    return null;
  }

  keyup(event) {
    if (event.key !== " " || !this.space) return;
    const { used } = this.space;
    this.space = null;
    this.showCursor();
    if (!used && this.painting === undefined) this.press();
  }

  moveCross(dx, dy) {
    const middle = toPhoto(this.view, this.stage.width / 2, this.stage.height / 2);
    const from = this.cross ?? (this.over ? toPhoto(this.view, this.over.x, this.over.y) : middle);
    this.cross = { x: clamp(from.x + dx, 0, this.photo.width), y: clamp(from.y + dy, 0, this.photo.height) };
    this.keepInSight(toStage(this.view, this.cross));
    if (this.shape) this.extend([{ ...this.cross, pressure: 1 }]);
    this.showCursor();
    this.tell(`${Math.round(this.cross.x)}, ${Math.round(this.cross.y)}`);
  }

  keepInSight(at) {
    const edge = 12;
    const dx = at.x - clamp(at.x, edge, this.stage.width - edge);
    const dy = at.y - clamp(at.y, edge, this.stage.height - edge);
    if (dx || dy) this.look({ ...this.view, x: this.view.x - dx, y: this.view.y - dy });
  }

  // Space and Enter put the brush down and lift it again, set corners, click.
  press() {
    if (!this.cross) this.moveCross(0, 0);
    const point = { ...this.cross, pressure: 1 };
    if (!this.shape) {
      this.begin(point);
      if (this.shape?.tool === "object") this.finish();
      else if (this.shape) this.tell("painting; press again to finish");
    } else if (this.shape.tool === "polygon") this.addCorner(point);
    else {
      this.finish();
      this.tell("painted");
    }
  }

  uncorner() {
    const { points } = this.shape;
    if (points.length < 3) return this.drop();
    points.splice(-2, 1);
    this.redraw();
  }

  escape() {
    if (this.shape) {
      this.painting = undefined;
      this.drop();
    } else if (this.cross) {
      this.cross = null;
      this.showCursor();
    } else this.parts.stage.blur();
  }

  // --- buttons ---

  wireButtons(on) {
    const { parts } = this;
    const click = (target, action) => on(target, "click", action);
    for (const name of Object.keys(TOOLS)) click(parts.tools[name], () => this.choose({ tool: name }));
    for (const name of ["subject", "retain"]) click(parts.channels[name], () => this.choose({ channel: name }));
    click(parts.add, () => this.choose({ erase: false }));
    click(parts.subtract, () => this.choose({ erase: true }));
    for (const name of ["undo", "redo", "cancel"]) click(parts[name], () => this.send({ kind: name }));
    for (const name of ["invert", "clear", "save"]) click(parts[name], () => this.act(name));
    click(parts.fit, () => this.fit());
    click(parts.full, () => this.zoom(1 / this.view.scale));
    click(parts.in, () => this.zoom(1.25));
    click(parts.out, () => this.zoom(0.8));
    click(parts.run, () => this.send({ kind: "run", operation: "inpaint" }));
    click(parts.retouch, () => this.send({ kind: "run", operation: "retouch_object" }));
    click(parts.load, () => parts.file.click());
    on(parts.file, "change", () => this.open(parts.file.files[0]));
    on(parts.size.input, "input", () => this.resize(Number(parts.size.input.value)));
    on(parts.tolerance.input, "input", () => this.retune(Number(parts.tolerance.input.value)));
    for (const name of ["grow", "feather"]) on(parts[name].input, "input", () => this.act("refine", { [name]: Number(parts[name].input.value) }));
    on(parts.holes.input, "change", () => this.act("refine", { fill_holes: parts.holes.input.checked }));
    on(parts.colour, "input", () => this.restyle({ [this.hand.channel]: parts.colour.value }));
    on(parts.opacity, "input", () => this.restyle({ opacity: Number(parts.opacity.value) / 100 }));
    click(parts.alone, () => this.restyle({ alone: !this.model.get("status").look.alone }));
  }

  act(kind, more = {}) {
    this.send({ kind, channel: this.hand.channel, ...more });
  }

  choose(change) {
    if (this.shape && change.tool !== this.shape.tool) this.drop();
    this.hand = { ...this.hand, ...change };
    this.keepHand();
    if (change.tool) this.tell(TOOLS[change.tool].label);
  }

  swapChannel() {
    if (this.model.get("status").channels === 2) this.choose({ channel: this.hand.channel === "subject" ? "retain" : "subject" });
  }

  resize(size) {
    const { tool } = this.hand;
    const most = Number(this.parts.size.input.max);
    this.hand = { ...this.hand, sizes: { ...this.hand.sizes, [tool]: clamp(Math.round(size), 1, most) } };
    this.keepHand();
  }

  retune(tolerance) {
    this.hand = { ...this.hand, tolerance };
    this.keepHand();
    this.act("tolerance", { tolerance });
  }

  restyle(look) {
    this.send({ kind: "look", ...look });
  }

  open(file) {
    if (file) file.arrayBuffer().then((content) => this.model.send({ kind: "load", channel: this.hand.channel }, undefined, [content]));
    this.parts.file.value = "";
  }

  // --- what is shown ---

  keepHand() {
    this.showHand();
    this.model.set("hand", this.hand);
    clearTimeout(this.saving);
    this.saving = setTimeout(() => this.model.save_changes(), 300);
  }

  showHand() {
    const { parts, hand } = this;
    const press = (element, on) => element.setAttribute("aria-pressed", String(on));
    for (const [name, element] of Object.entries(parts.tools)) press(element, name === hand.tool);
    for (const [name, element] of Object.entries(parts.channels)) press(element, name === hand.channel);
    press(parts.add, !hand.erase);
    press(parts.subtract, hand.erase);
    const size = hand.sizes[hand.tool];
    parts.size.root.classList.toggle("retouch-ink-idle", size === undefined);
    parts.size.input.disabled = size === undefined;
    parts.size.root.hidden = hand.tool === "wand";
    parts.size.root.firstChild.textContent = hand.tool === "object" ? "Reach" : "Size";
    show(parts.size, size ?? 1, `${size} px`);
    parts.tolerance.root.hidden = hand.tool !== "wand";
    show(parts.tolerance, hand.tolerance, hand.tolerance);
    this.showRefinement();
    this.showCursor();
  }

  showRefinement() {
    const { parts, hand } = this;
    const status = this.model.get("status");
    const refine = status.refine?.[hand.channel];
    if (!refine) return;
    show(parts.grow, refine.grow, `${refine.grow} px`);
    show(parts.feather, refine.feather, `${refine.feather} px`);
    parts.holes.input.checked = refine.fill_holes;
    parts.colour.value = status.look[hand.channel];
    if (document.activeElement !== parts.opacity) parts.opacity.value = 100 * status.look.opacity;
    parts.alone.setAttribute("aria-pressed", String(status.look.alone));
    parts.ink.style.opacity = status.look.opacity;
  }

  showStatus() {
    const { parts } = this;
    const status = this.model.get("status");
    if (!status.areas) return;
    const area = status.areas.subject;
    const two = status.channels === 2;
    parts.channelGroup.hidden = parts.retouch.hidden = !two;
    parts.root.dataset.step = status.undo;
    parts.undo.disabled = !status.undo;
    parts.redo.disabled = !status.redo;
    parts.run.disabled = parts.retouch.disabled = Boolean(status.job);
    parts.meter.firstChild.style.width = `${Math.min(100, area)}%`;
    parts.meter.classList.toggle("retouch-ink-over", area > 50);
    say(parts.area, areaWords(status, two));
    say(parts.where, status.where);
    parts.run.title = `Remove what is painted: ${status.where}`;
    say(parts.trouble, status.trouble || (area > 50 ? "More than half of the photo is painted; removal allows 50 %. Paint less, or remove in several rounds." : ""));
    parts.trouble.classList.toggle("retouch-ink-warning", !status.trouble);
    this.showJob(status.job);
    this.showRefinement();
  }

  showJob(job) {
    const { parts } = this;
    parts.job.hidden = !job;
    if (!job) return;
    say(parts.jobName, [job.title, job.state].filter(Boolean).join(" · "));
    parts.cancel.textContent = job.stop;
    parts.jobBar.setAttribute("aria-label", job.title);
    if (typeof job.progress === "number") parts.jobBar.value = job.progress;
    else parts.jobBar.removeAttribute("value");
  }

  tell(words) {
    say(this.parts.told, words);
  }
}

function show(field, value, words) {
  if (document.activeElement !== field.input || Number(field.input.value) !== value) field.input.value = value;
  field.value.textContent = words;
}

// Announced by screen readers, so only when new.
function say(element, words) {
  if (element.textContent !== words) element.textContent = words;
}

function areaWords(status, two) {
  const percent = (value) => `${value < 10 ? value.toFixed(1) : Math.round(value)} %`;
  const words = [two ? `subject ${percent(status.areas.subject)}` : `${percent(status.areas.subject)} of the photo`];
  if (two) words.push(`retain ${percent(status.areas.retain)}`);
  if (status.rectangles) words.push(`${status.rectangles} rectangle${status.rectangles > 1 ? "s" : ""}`);
  if (status.round) words.push(`after round ${status.round}`);
  return words.join(" · ");
}

// A pen that is lifted presses with nothing: its last sample keeps the pressure of the one before.
function withPressure(event, shape) {
  const { pressure } = shape.points.at(-1);
  return { pointerType: "pen", pressure, clientX: event.clientX, clientY: event.clientY, shiftKey: event.shiftKey };
}

function save(name, content) {
  const address = URL.createObjectURL(new Blob([content], { type: "image/png" }));
  make("a", "link", { href: address, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(address), 10_000);
}

export default { render };
