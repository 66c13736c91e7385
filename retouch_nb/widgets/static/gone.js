// What every view has that lives with its kernel: it notices when that is gone. It stands before the module that uses it.

// Call when the kernel's side of a model has ended; gives what ends the watch. ipywidgets tells that something about the
// connection has changed, and only a message shows what: `greeting` is one that Python answers or ignores.
function whenGone(model, greeting, act) {
  const ask = () => setTimeout(() => isGone(model, greeting) && act());
  model.on("comm_live_update", ask);
  return () => model.off("comm_live_update", ask);
}

function isGone(model, message, buffers = []) {
  try {
    model.send(message, undefined, buffers);
    return false;
  } catch {
    return true;
  }
}
