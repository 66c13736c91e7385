// The tiles of a grid, in a notebook, on a page and in a widget alike: one zoom for all, the difference to the first, a tile as a magic.

const MOST = 16; // times that pictures are enlarged

function addTools(root) {
  const tools = root.querySelector(".retouch-grid-tools");
  if (tools.childElementCount) return tools;
  root.classList.add("retouch-live");
  const look = { scale: 1, x: 0, y: 0, difference: false };
  const show = () => showAll(root, look, tools);
  tools.setAttribute("role", "toolbar");
  tools.setAttribute("aria-label", "Look at all tiles");
  tools.append(...zoomButtons(look, show), differenceButton(look, show), ...filters(root), chosenTile());
  root.addEventListener("retouch-painted", show);
  followPointer(root, look, show);
  followKeys(root, look, show);
  root.querySelectorAll("td.retouch-tile").forEach((cell, index) => {
    cell.tabIndex = index ? -1 : 0;
    cell.setAttribute("aria-label", cell.dataset.name);
  });
  show();
  return tools;
}

function button(text, name, label = text) {
  const element = document.createElement("button");
  element.type = "button";
  element.className = name;
  element.textContent = text;
  element.setAttribute("aria-label", label);
  element.title = label;
  return element;
}

function zoomButtons(look, show) {
  const act = (text, label, change) => {
    const element = button(text, "retouch-tool", label);
    element.addEventListener("click", () => { change(); show(); });
    return element;
  };
  const percent = document.createElement("span");
  percent.className = "retouch-zoom";
  percent.setAttribute("role", "status");
  return [
    act("−", "Zoom all out", () => zoom(look, 1 / 1.5, 0.5, 0.5)),
    percent,
    act("+", "Zoom all in", () => zoom(look, 1.5, 0.5, 0.5)),
    act("Fit", "Show all whole", () => Object.assign(look, { scale: 1, x: 0, y: 0 })),
  ];
}

function differenceButton(look, show) {
  const element = button("Difference to the first", "retouch-tool retouch-difference");
  element.setAttribute("aria-pressed", "false");
  element.addEventListener("click", () => {
    look.difference = !look.difference;
    element.setAttribute("aria-pressed", String(look.difference));
    show();
  });
  return element;
}

// One switch for each value of each axis; a row, a column or a tile by itself is hidden when one of its values is off.
function filters(root) {
  const values = new Set();
  root.querySelectorAll("[data-values]").forEach((one) => {
    one.dataset.values.split("|").filter(Boolean).forEach((value) => values.add(value));
  });
  if (values.size < 3) return [];
  const off = new Set();
  const box = document.createElement("details");
  box.className = "retouch-filter";
  box.append(Object.assign(document.createElement("summary"), { textContent: "Filter" }));
  for (const value of byAxis([...values])) {
    const label = document.createElement("label");
    const check = Object.assign(document.createElement("input"), { type: "checkbox", checked: true });
    check.addEventListener("change", () => {
      if (check.checked) off.delete(value);
      else off.add(value);
      hide(root, off);
    });
    label.append(check, ` ${value}`);
    box.append(label);
  }
  return [box];
}

function byAxis(values) {
  const axis = (value) => value.split(" = ")[0];
  return [...new Set(values.map(axis))].flatMap((name) => values.filter((value) => axis(value) === name));
}

function hide(root, off) {
  const isOff = (one) => one.dataset.values.split("|").some((value) => off.has(value));
  root.querySelectorAll("tbody tr").forEach((row) => { row.hidden = isOff(row); });
  root.querySelectorAll("td[data-values]").forEach((cell) => { cell.hidden = isOff(cell); });
  root.querySelectorAll("thead th[data-values]").forEach((head, index) => {
    head.hidden = isOff(head);
    root.querySelectorAll("tbody tr").forEach((row) => { row.cells[index + 1].hidden = head.hidden; });
  });
}

function chosenTile() {
  const box = document.createElement("span");
  box.className = "retouch-chosen";
  box.setAttribute("role", "status");
  return box;
}

function choose(root, cell) {
  root.querySelectorAll("td[aria-selected]").forEach((one) => one.removeAttribute("aria-selected"));
  cell.setAttribute("aria-selected", "true");
  const box = root.querySelector(".retouch-chosen");
  const code = Object.assign(document.createElement("code"), { textContent: cell.dataset.magic });
  const copy = button("Copy as magic", "retouch-tool retouch-copy");
  copy.addEventListener("click", () => copyText(cell.dataset.magic, code).then((done) => {
    copy.textContent = done ? "Copied" : "Press Ctrl+C";
  }));
  box.replaceChildren(copy, code);
}

// Where a page may not write to the clipboard, the text is at least selected.
async function copyText(text, element) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    const range = document.createRange();
    range.selectNodeContents(element);
    getSelection().removeAllRanges();
    getSelection().addRange(range);
    return document.execCommand("copy");
  }
}

// Zoom by a factor around a point of the pictures, given in fractions of what is seen.
function zoom(look, factor, u, v) {
  const scale = Math.min(MOST, Math.max(1, look.scale * factor));
  look.x += u / look.scale - u / scale;
  look.y += v / look.scale - v / scale;
  look.scale = scale;
  pan(look, 0, 0);
}

// Move what is seen by fractions of it, and keep it inside the picture.
function pan(look, u, v) {
  const last = 1 - 1 / look.scale;
  look.x = Math.min(last, Math.max(0, look.x + u / look.scale));
  look.y = Math.min(last, Math.max(0, look.y + v / look.scale));
}

function showAll(root, look, tools) {
  const first = root.querySelector('td[data-state="done"] img:not(.retouch-first)');
  const move = `translate(${-100 * look.x * look.scale}%, ${-100 * look.y * look.scale}%) scale(${look.scale})`;
  root.querySelectorAll(".retouch-shot").forEach((shot) => {
    const picture = shot.querySelector("img:not(.retouch-first)");
    if (!picture) return;
    overlay(shot, picture, look.difference ? first : null);
    shot.querySelectorAll("img").forEach((one) => { one.style.transform = move; });
  });
  tools.querySelector(".retouch-zoom").textContent = `${Math.round(100 * look.scale)} %`;
  root.classList.toggle("retouch-zoomed", look.scale > 1);
}

// The first picture laid over another, whose levels are subtracted; nothing where the shapes differ.
function overlay(shot, picture, first) {
  shot.querySelector(".retouch-first")?.remove();
  const fits = first && Math.abs(shape(first) - shape(picture)) < 0.01 * shape(first);
  shot.classList.toggle("retouch-differs", Boolean(fits));
  if (!fits) return;
  const over = first.cloneNode();
  over.className = "retouch-first";
  over.alt = "";
  shot.append(over);
}

function shape(picture) {
  return picture.getAttribute("width") / picture.getAttribute("height");
}

function followPointer(root, look, show) {
  let from = null;
  const at = (event, shot) => {
    const box = shot.getBoundingClientRect();
    return [(event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height];
  };
  const shotOf = (event) => event.target.closest?.(".retouch-shot");
  root.addEventListener("wheel", (event) => {
    const shot = shotOf(event);
    if (!shot || !(event.ctrlKey || event.metaKey)) return; // a plain wheel scrolls the notebook
    event.preventDefault();
    zoom(look, Math.exp(-event.deltaY / 300), ...at(event, shot));
    show();
  }, { passive: false });
  root.addEventListener("dblclick", (event) => {
    const shot = shotOf(event);
    if (!shot) return;
    zoom(look, look.scale >= MOST ? 1 / MOST : 2, ...at(event, shot));
    show();
  });
  root.addEventListener("pointerdown", (event) => {
    const shot = shotOf(event);
    if (!shot || event.button || event.target.closest("button")) return;
    from = { shot, at: at(event, shot) };
    if (look.scale > 1) shot.setPointerCapture(event.pointerId);
  });
  root.addEventListener("pointermove", (event) => {
    if (!from || look.scale === 1) return;
    const now = at(event, from.shot);
    pan(look, from.at[0] - now[0], from.at[1] - now[1]);
    from.at = now;
    show();
  });
  const end = () => { from = null; };
  root.addEventListener("pointerup", end);
  root.addEventListener("pointercancel", end);
  root.addEventListener("dragstart", (event) => event.preventDefault());
  root.addEventListener("click", (event) => {
    const cell = event.target.closest?.("td.retouch-tile");
    if (cell && !event.target.closest("button")) choose(root, cell);
  });
}

const KEYS = {
  "+": (look) => zoom(look, 1.5, 0.5, 0.5),
  "=": (look) => zoom(look, 1.5, 0.5, 0.5),
  "-": (look) => zoom(look, 1 / 1.5, 0.5, 0.5),
  0: (look) => Object.assign(look, { scale: 1, x: 0, y: 0 }),
};
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

// Arrows walk from tile to tile, with Shift they pan; plus, minus and 0 zoom; Enter takes a tile.
function followKeys(root, look, show) {
  root.addEventListener("keydown", (event) => {
    const cell = event.target.closest?.("td.retouch-tile");
    if (!cell || event.target !== cell || event.ctrlKey || event.metaKey || event.altKey) return;
    const arrow = ARROWS[event.key];
    if (event.key === "Enter") choose(root, cell);
    else if (KEYS[event.key]) KEYS[event.key](look);
    else if (arrow && event.shiftKey) pan(look, 0.2 * arrow[0], 0.2 * arrow[1]);
    else if (arrow) walk(cell, ...arrow);
    else return;
    event.preventDefault();
    event.stopPropagation();
    show();
  });
}

function walk(cell, across, down) {
  const row = cell.parentNode;
  const rows = row.parentNode.rows;
  const next = rows[row.sectionRowIndex + down]?.cells[cell.cellIndex + across];
  if (next?.tagName !== "TD") return;
  cell.tabIndex = -1;
  next.tabIndex = 0;
  next.focus();
}
