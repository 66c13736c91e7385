// The progress of one job: a bar, what is known in words, the time, and a button that stops the wait.

function render({ model, el }) {
  const parts = build(model.get("title"), model.get("cancel_word"));
  let heard = performance.now();
  const draw = () => paint(parts, model.get("state"), model.get("news"), (performance.now() - heard) / 1000);
  const hear = () => {
    heard = performance.now();
    draw();
  };
  model.on("change:news", hear);
  model.on("change:state", draw);
  parts.button.addEventListener("click", () => stop(model, parts));
  const clock = setInterval(draw, 500);
  const unwatch = whenGone(model, { kind: "there" }, () => {
    if (model.get("state") === "over") return;
    clearInterval(clock);
    end(parts, "The kernel is gone. What a service still works on is listed by: %retouch_nb jobs");
  });
  draw();
  el.append(parts.root);
  return () => {
    clearInterval(clock);
    unwatch();
    model.off("change:news", hear);
    model.off("change:state", draw);
  };
}

function build(title, word) {
  const root = make("div", "retouch-progress");
  const name = make("b", "retouch-progress-title", title);
  const time = make("span", "retouch-progress-time");
  const button = make("button", "retouch-progress-stop", word);
  button.type = "button";
  const bar = make("div", "retouch-progress-bar");
  bar.setAttribute("role", "progressbar");
  bar.setAttribute("aria-label", title);
  const fill = make("div", "retouch-progress-fill");
  bar.append(fill);
  const status = make("span", "retouch-progress-status");
  status.setAttribute("role", "status");
  const figures = make("span", "retouch-progress-figures");
  const words = make("div", "retouch-progress-words");
  words.append(status, figures);
  root.append(name, time, button, bar, words);
  return { root, time, button, bar, fill, status, figures };
}

function paint(parts, state, news, since) {
  const { percent, status, figures } = words(state, news, since);
  parts.time.textContent = clockTime((news.elapsed ?? 0) + since);
  parts.bar.classList.toggle("retouch-progress-unmeasured", percent === null);
  parts.fill.style.width = percent === null ? "" : `${percent}%`;
  if (percent === null) parts.bar.removeAttribute("aria-valuenow");
  else parts.bar.setAttribute("aria-valuenow", percent);
  if (parts.status.textContent !== status) parts.status.textContent = status; // announced, so only when new
  parts.figures.textContent = figures;
  if (state !== "running") parts.button.disabled = true;
}

function end(parts, told) {
  parts.status.textContent = told;
  parts.figures.textContent = "";
  parts.bar.classList.remove("retouch-progress-unmeasured");
  parts.button.disabled = true;
}

function words(state, news, since) {
  const percent = typeof news.progress === "number" ? Math.round(100 * news.progress) : null;
  const status = state === "stopping" ? ["stopping"] : [news.state ?? "starting", news.step, news.detail];
  const left = Math.ceil((news.pause ?? 0) - since);
  const figures = [left > 0 ? `again in ${left} s` : "", percent === null ? "" : `${percent} %`, news.ticket ? `task ${news.ticket}` : ""];
  return { percent, status: status.filter(Boolean).join(" · "), figures: figures.filter(Boolean).join(" · ") };
}

export default { render };
