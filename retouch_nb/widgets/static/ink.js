// The painter's ink: draws while the pointer moves, on a transparent layer over a canvas that Python draws. A finished
// stroke goes to Python as bytes and stays as ink until Python says that it is part of the mask.

const LINKED = 60; // ms: the canvas below needs a few frames to decode what Python has sent it
const CLOSE = 9; // CSS pixels within which a click means a polygon's first corner
const STEP = 10; // CSS pixels an arrow key moves the crosshair
const MOST_BYTES = 9_000_000; // a server takes 10 MiB from a page at once, and drops more without a word

function render({ model, el }) {
  const painter = new Painter(model, build(model.get("title")));
  el.classList.add("retouch-ink-host");
  el.append(painter.parts.root);
  return painter.live();
}

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
    this.held = new Map(); // settings that Python has yet to hear of
    this.adjusting = null; // the one it is about to answer
    this.measure();
    const long = Math.max(this.photo.width, this.photo.height);
    const short = Math.min(this.photo.width, this.photo.height);
    const usual = Math.max(4, Math.round(Math.min(long / 24, short / 6)));
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
    const changed = () => (this.measure(), (this.isFitted = true), this.layout());
    const heard = (content, buffers) => this.hear(content, buffers);
    model.on("change:status", told);
    model.on("change:sizes", changed);
    model.on("msg:custom", heard);
    const unwatch = whenGone(model, { kind: "ready" }, () => this.end());
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
      if (off.signal.aborted) return;
      const box = this.box();
      if (box) sight.observe(box, { childList: true, subtree: true });
      this.layout();
      this.send({ kind: "ready" });
    });
    return () => {
      off.abort();
      unwatch();
      watcher.disconnect();
      sight.disconnect();
      model.off("change:status", told);
      model.off("change:sizes", changed);
      model.off("msg:custom", heard);
    };
  }

  send(content, buffer) {
    if (isGone(this.model, content, buffer && [buffer])) this.end();
  }

  // What is painted from now on would reach nobody.
  end() {
    this.shape = null;
    this.waiting.clear();
    showEnd(this.parts);
    this.redraw();
  }

  hear(content, buffers) {
    if (content.kind === "drawn") {
      setTimeout(() => this.waiting.delete(content.id) && this.redraw(), LINKED);
      if (content.id === this.adjusting) this.adjustNext();
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
    for (const shape of this.waiting.values()) if (["wand", "object"].includes(shape.tool)) drawSought(context, shape, this.view.scale);
    if (this.shape) drawLines(context, this.shape, this.view.scale);
  }

  // --- one shape from beginning to end ---

  begin(point, straight = false) {
    if (this.shape?.tool === "polygon") return this.addCorner(point, straight);
    const { tool, channel, tolerance } = this.hand;
    const erase = this.hand.erase || tool === "eraser";
    this.shape = { tool, channel, erase, tolerance, size: this.hand.sizes[tool] ?? 1, points: [point] };
    if (tool === "polygon") this.shape.points.push({ ...point });
    this.drawNew(0);
  }

  extend(points, straight = false) {
    const { shape } = this;
    const before = shape.points.length;
    if (shape.tool === "wand") return;
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

  // A finger or a pen comes down without having moved there: the corner is where it touches.
  addCorner(point, straight) {
    this.extend([point], straight);
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
    if (this.isPalm(event)) return;
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
    if (this.shape && this.shape.tool !== "polygon") this.finish(); // begun by keyboard
    if (this.hand.tool !== "polygon") this.painting = event.pointerId;
    this.began = performance.now();
    this.begin(this.sample(event), event.shiftKey);
  }

  // A hand that rests beside the pen paints nothing, whichever of both comes first.
  isPalm(event) {
    if (event.pointerType === "touch") return this.pen !== undefined;
    if (event.pointerType !== "pen") return false;
    if (this.pen === undefined && this.pointers.size) this.forgetFingers();
    this.pen = event.pointerId;
    return false;
  }

  forgetFingers() {
    if (this.painting !== undefined) this.drop();
    this.painting = undefined;
    this.drag = null;
    this.pointers.clear();
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
    if (event.pointerId === this.pen) this.pen = undefined;
    if (!this.pointers.delete(event.pointerId)) return;
    if (this.drag && (this.drag.id === undefined || this.drag.id === event.pointerId)) this.drag = null;
    if (event.pointerId !== this.painting) return;
    this.painting = undefined;
    if (!this.shape) return;
    if (event.type !== "pointerup" && this.shape.tool === "wand") return this.drop();
    if (event.type === "pointerup" && !this.space) this.draw(withPressure(event, this.shape));
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
    const isNew = performance.now() - this.began < 250;
    if (this.shape?.tool === "polygon") isNew && this.uncorner();
    else if (this.painting !== undefined && this.shape) isNew || this.shape.tool === "wand" ? this.drop() : this.finish();
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
    const size = (this.hand.sizes[this.hand.tool] ?? 0) * this.view.scale * (this.hand.tool === "object" ? 2 : 1);
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
    if (key === "z" && !event.shiftKey && this.shape?.tool === "polygon") return () => this.uncorner();
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
    if (event.key === "Enter") return () => event.repeat || (this.shape?.tool === "polygon" ? this.close() : this.press());
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
      if (["wand", "object"].includes(this.shape.tool)) this.finish();
      else this.tell("painting; press again to finish");
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
    for (const name of ["grow", "feather"]) on(parts[name].input, "input", () => this.refine(name));
    on(parts.holes.input, "change", () => this.adjust("refine", { fill_holes: parts.holes.input.checked }));
    on(parts.colour, "input", () => this.restyle({ [this.hand.channel]: parts.colour.value }));
    on(parts.opacity, "input", () => this.restyle({ opacity: Number(parts.opacity.value) / 100 }));
    click(parts.alone, () => this.restyle({ alone: !this.model.get("status").look.alone }));
  }

  act(kind, more = {}) {
    this.send({ kind, channel: this.hand.channel, ...more });
  }

  refine(name) {
    const { input } = this.parts[name];
    show(this.parts[name], Number(input.value), `${input.value} px`);
    this.adjust("refine", { [name]: Number(input.value) });
  }

  // One setting at a time is on its way, and then the newest: a slider moves faster than a mask is drawn.
  adjust(kind, change) {
    this.held.set(Object.keys(change)[0], { kind, change: { channel: this.hand.channel, ...change } });
    if (this.adjusting === null) this.adjustNext();
  }

  adjustNext() {
    const [first] = this.held;
    this.adjusting = first ? (this.next += 1) : null;
    if (!first) return this.showHand();
    this.held.delete(first[0]);
    this.send({ kind: first[1].kind, ...first[1].change, id: this.adjusting });
  }

  choose(change) {
    if (this.shape) this.rethink(change);
    this.hand = { ...this.hand, ...change };
    this.keepHand();
    if (change.tool) this.tell(TOOLS[change.tool].label);
  }

  // Another tool in the middle of a shape keeps a stroke and drops an outline; another mode or channel counts for it.
  rethink({ tool, ...change }) {
    const { shape } = this;
    if (shape.tool !== "eraser") Object.assign(shape, change);
    if (tool === undefined || tool === shape.tool) return this.redraw();
    this.painting = undefined;
    if (["brush", "eraser"].includes(shape.tool)) this.finish();
    else this.drop();
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
    this.adjust("tolerance", { tolerance });
  }

  restyle(look) {
    this.adjust("look", look);
  }

  open(file) {
    if (file?.size > MOST_BYTES) showTrouble(this.parts, tooLarge(file));
    else if (file) file.arrayBuffer().then((content) => this.send({ kind: "load", channel: this.hand.channel }, content));
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
    showHand(this.parts, this.hand);
    if (this.adjusting === null) showRefinement(this.parts, this.hand, this.model.get("status"));
    this.showCursor();
  }

  showStatus() {
    const status = this.model.get("status");
    if (!status.areas) return;
    showStatus(this.parts, status);
    if (this.adjusting === null) showRefinement(this.parts, this.hand, status); // else the hand is ahead of it
  }

  tell(words) {
    say(this.parts.told, words);
  }
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
