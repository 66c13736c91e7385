// The painter's elements: how they are made, and how they show a hand {tool, sizes, ...} and a status that Python tells.
// It stands before the module that uses it.

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
    fit: button("Fit (0). The wheel zooms, Space and dragging moves", "Fit"),
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
  parts.size.root.title = "Also: [ and ], or Alt and dragging on the photo";
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
    make("span", "start", {}, parts.where, parts.retouch, parts.run));
  parts.options = make("div", "bar retouch-ink-options", { role: "toolbar", "aria-label": "Settings" },
    make("span", "slot", {}, parts.size.root, parts.tolerance.root),
    parts.grow.root, parts.feather.root, parts.holes.root, make("span", "space"), group("Mask", parts.invert, parts.clear));
  parts.foot = make("div", "foot", { role: "toolbar", "aria-label": "View" }, parts.meter, parts.area, parts.told,
    group("Colours", parts.colour, parts.opacity, parts.alone), group("File", parts.load, parts.save, parts.file),
    group("Zoom", parts.out, parts.zoom, parts.in, parts.fit, parts.full));
  parts.root = make("div", "root", { role: "group", "aria-label": `Mask painter: ${title}`, "data-lm-suppress-shortcuts": "true" },
    parts.bar, parts.options, parts.stage, parts.trouble, parts.job, parts.foot);
  return parts;
}

// --- what is shown ---

function showHand(parts, hand) {
  const press = (element, on) => element.setAttribute("aria-pressed", String(on));
  for (const [name, element] of Object.entries(parts.tools)) press(element, name === hand.tool);
  for (const [name, element] of Object.entries(parts.channels)) press(element, name === hand.channel);
  press(parts.add, !hand.erase);
  press(parts.subtract, hand.erase);
  const size = hand.sizes[hand.tool];
  parts.size.root.classList.toggle("retouch-ink-idle", size === undefined); // keeps its place, so that nothing jumps
  parts.size.input.disabled = size === undefined;
  parts.size.root.hidden = hand.tool === "wand";
  parts.size.root.firstChild.textContent = hand.tool === "object" ? "Reach" : "Size";
  show(parts.size, size ?? 1, size === undefined ? "–" : `${size} px`);
  parts.tolerance.root.hidden = hand.tool !== "wand";
  show(parts.tolerance, hand.tolerance, hand.tolerance);
}

function showRefinement(parts, hand, status) {
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

function showStatus(parts, status) {
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
  if (status.trouble) showTrouble(parts, status.trouble);
  else showTrouble(parts, area > 50 ? "More than half of the photo is painted; removal allows 50 %. Paint less, or remove in several rounds." : "", true);
  showJob(parts, status.job);
}

function showTrouble(parts, words, isWarning = false) {
  say(parts.trouble, words);
  parts.trouble.classList.toggle("retouch-ink-warning", isWarning);
}

function showEnd(parts) {
  parts.root.classList.add("retouch-ink-ended");
  for (const part of [parts.bar, parts.options, parts.stage, parts.foot]) part.inert = true;
  parts.job.hidden = true;
  showTrouble(parts, "The kernel of this painter is gone, and what was painted with it. Run the cell again to go on.");
}

function tooLarge(file) {
  return `${file.name} has ${Math.round(file.size / 1e6)} MB, and a page can hand over no more than 9. In a cell there is no such limit: painter.load("${file.name}").`;
}

function showJob(parts, job) {
  parts.job.hidden = !job;
  if (!job) return;
  say(parts.jobName, [job.title, job.state].filter(Boolean).join(" · "));
  parts.cancel.textContent = job.stop;
  parts.jobBar.setAttribute("aria-label", job.title);
  if (typeof job.progress === "number") parts.jobBar.value = job.progress;
  else parts.jobBar.removeAttribute("value");
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
