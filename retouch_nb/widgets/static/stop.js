// What every view of running work has: the time, and a button that stops it. It stands before the module that uses it.

const PATIENCE = 600; // ms a click may stay unanswered before the kernel counts as deaf and is interrupted

function make(tag, name, text = "") {
  const element = document.createElement(tag);
  element.className = name;
  element.textContent = text;
  return element;
}

function clockTime(seconds) {
  const whole = Math.floor(seconds);
  return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, "0")}`;
}

function stop(model, parts) {
  parts.button.disabled = true;
  model.send({ kind: "stop" });
  setTimeout(() => {
    if (model.get("state") === "running") interrupt(model, parts);
  }, PATIENCE);
}

// Only JupyterLab and Notebook give widgets their kernel; elsewhere the click waits until the kernel listens.
function interrupt(model, parts) {
  const kernel = model.widget_manager?.kernel;
  if (kernel?.interrupt) kernel.interrupt().catch(() => askToInterrupt(parts));
  else askToInterrupt(parts);
}

function askToInterrupt(parts) {
  parts.button.textContent = "Interrupt the kernel to stop at once";
}
