// A batch on its way: one bar of what is done, failed and unknown, figures in words, reasons, the newest results, and a stop.

const PARTS = ["done", "failed", "unknown"];

function render({ model, el }) {
  const parts = build(model.get("title"));
  let heard = performance.now();
  const draw = () => paint(parts, model.get("state"), model.get("news"), (performance.now() - heard) / 1000);
  const hear = () => {
    heard = performance.now();
    draw();
  };
  const show = () => showLatest(parts, model.get("latest"));
  model.on("change:news", hear);
  model.on("change:state", draw);
  model.on("change:latest", show);
  parts.button.addEventListener("click", () => stop(model, parts));
  const clock = setInterval(draw, 500);
  const unwatch = whenGone(model, { kind: "there" }, () => {
    if (model.get("state") === "over") return;
    clearInterval(clock);
    parts.figures.textContent = "The kernel is gone. Run the cell again: what is done is not done again.";
    parts.button.disabled = true;
  });
  draw();
  show();
  el.append(parts.root);
  return () => {
    clearInterval(clock);
    unwatch();
    model.off("change:news", hear);
    model.off("change:state", draw);
    model.off("change:latest", show);
    showLatest(parts, []);
  };
}

function build(title) {
  const root = make("div", "retouch-run");
  const name = make("b", "retouch-run-title", title);
  const time = make("span", "retouch-run-time");
  const button = make("button", "retouch-run-stop", "Stop");
  button.type = "button";
  const bar = make("div", "retouch-run-bar");
  bar.setAttribute("role", "progressbar");
  bar.setAttribute("aria-label", title);
  const fills = Object.fromEntries(PARTS.map((part) => [part, make("div", `retouch-run-${part}`)]));
  bar.append(...Object.values(fills));
  const figures = make("div", "retouch-run-figures");
  const reasons = make("ul", "retouch-run-reasons");
  reasons.setAttribute("role", "status");
  const latest = make("div", "retouch-run-latest");
  root.append(name, time, button, bar, figures, reasons, latest);
  return { root, time, button, bar, fills, figures, reasons, latest };
}

function paint(parts, state, news, since) {
  parts.time.textContent = clockTime((news.seconds ?? 0) + since);
  for (const part of PARTS) parts.fills[part].style.width = `${news.parts?.[part] ?? 0}%`;
  if (news.percent == null) parts.bar.removeAttribute("aria-valuenow");
  else parts.bar.setAttribute("aria-valuenow", news.percent);
  const words = state === "stopping" ? ["stopping: nothing more is begun"] : (news.figures ?? ["starting"]);
  parts.figures.textContent = words.join(" · ");
  paintReasons(parts.reasons, news.reasons ?? []);
  if (state !== "running") parts.button.disabled = true;
}

// Announced by screen readers, so it changes only when there is something new.
function paintReasons(list, reasons) {
  const text = JSON.stringify(reasons);
  if (list.dataset.shown === text) return;
  list.dataset.shown = text;
  list.replaceChildren(
    ...reasons.map(({ word, count, meaning }) => {
      const line = make("li", "retouch-run-reason");
      line.append(make("b", "", `${count} ${word}`), ` ${meaning}`);
      return line;
    }),
  );
}

function showLatest(parts, latest) {
  for (const picture of parts.latest.querySelectorAll("img")) URL.revokeObjectURL(picture.src);
  parts.latest.replaceChildren(...latest.map(thumbnail));
}

function thumbnail({ name, picture }) {
  const figure = make("figure", "retouch-run-picture");
  const image = make("img", "");
  image.src = URL.createObjectURL(new Blob([picture], { type: "image/webp" }));
  image.alt = name;
  figure.append(image, make("figcaption", "", name));
  return figure;
}

export default { render };
