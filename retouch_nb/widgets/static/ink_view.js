// What the painter's ink computes and draws: plain functions, of a view {scale, x, y} that maps photo pixels to CSS pixels of
// the stage, and of a context that is set to photo pixels. It stands before the module that uses it.

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
// --- drawing ---

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

// Where something is being looked for: a selection comes from Python, and takes a moment on a large photo.
function drawSought(context, shape, scale) {
  if (shape.points.length > 1) return drawLines(context, shape, scale);
  const [{ x, y }] = shape.points;
  context.beginPath();
  context.arc(x, y, 7 / scale, 0, 2 * Math.PI);
  contour(context, scale);
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
