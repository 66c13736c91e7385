// A grid of results while it runs: tiles that fill in, each with what failed to be tried again, and a stop for all.

function render({ model, el }) {
  el.innerHTML = model.get("html");
  const root = el.querySelector(".retouch-grid");
  const pictures = new Map();
  const tools = addTools(root);
  const halt = addStop(model, tools);
  const say = (facts) => { root.querySelector(".retouch-grid-facts").textContent = facts; };
  const heard = {
    "change:facts": () => say(model.get("facts")),
    "change:state": () => { halt.disabled = model.get("state") !== "running"; },
  };
  for (const name of model.get("names")) {
    heard[`change:${name}`] = () => paintTile(root, model.get(name), pictures);
  }
  for (const [event, act] of Object.entries(heard)) {
    act();
    model.on(event, act);
  }
  root.addEventListener("click", (event) => retry(event, model));
  const unwatch = whenGone(model, { kind: "there" }, () => {
    if (model.get("state") === "over") return;
    say("The kernel is gone. Run the cell again: what is done is not done again.");
    root.querySelectorAll(".retouch-stop, .retouch-retry").forEach((one) => { one.disabled = true; });
  });
  return () => {
    unwatch();
    for (const [event, act] of Object.entries(heard)) model.off(event, act);
    for (const address of pictures.values()) URL.revokeObjectURL(address);
  };
}

// A tile as Python describes it: its place, its state, what stands in it, and its picture as bytes.
function paintTile(root, tile, pictures) {
  if (!tile || tile.index === undefined) return;
  const cell = root.querySelector(`td[data-tile="${tile.index}"]`);
  cell.dataset.state = tile.state;
  cell.innerHTML = tile.html;
  const picture = cell.querySelector("img");
  if (picture && tile.picture) {
    if (pictures.has(tile.index)) URL.revokeObjectURL(pictures.get(tile.index));
    pictures.set(tile.index, URL.createObjectURL(new Blob([tile.picture], { type: "image/webp" })));
    picture.src = pictures.get(tile.index);
  }
  if (tile.state === "failed") cell.querySelector(".retouch-shot").append(button("Retry", "retouch-retry"));
  root.dispatchEvent(new Event("retouch-painted"));
}

function retry(event, model) {
  if (!event.target.classList.contains("retouch-retry")) return;
  event.target.disabled = true;
  model.send({ kind: "retry", tile: Number(event.target.closest("td").dataset.tile) });
}

function addStop(model, tools) {
  const element = button("Stop", "retouch-stop");
  element.addEventListener("click", () => stop(model, { button: element }));
  tools.append(element);
  return element;
}

export default { render };
