"use strict";
// The map of images: points on a canvas, moved by dragging, zoomed by the wheel or two fingers.
(() => {
  const { points, classes, known } = JSON.parse(document.getElementById("data").textContent);
  const map = document.getElementById("map");
  const canvas = map.querySelector("canvas");
  const card = document.getElementById("card");
  const legend = document.getElementById("legend");
  const context = canvas.getContext("2d");
  // Okabe and Ito's colors, then the same ones again with other shapes.
  const COLORS = ["#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#8C8C8C"];
  const RADIUS = 5;
  const hidden = new Set();
  let onlyMistakes = false;
  let hovered = null;
  let view = { scale: 1, x: 0, y: 0 };

  const shownClass = (point) => (known && point.true >= 0 ? point.true : point.predicted);
  const isMistake = (point) => point.true >= 0 && point.true !== point.predicted;
  const isShown = (point) => !hidden.has(shownClass(point)) && (!onlyMistakes || isMistake(point));
  const place = (point) => [point.x * view.scale + view.x, -point.y * view.scale + view.y];

  function shape(target, x, y, label, radius) {
    const sides = [0, 4, 3, 5][Math.floor(label / COLORS.length) % 4];
    target.beginPath();
    if (sides === 0) {
      target.arc(x, y, radius, 0, 2 * Math.PI);
    } else {
      for (let corner = 0; corner < sides; corner++) {
        const angle = (2 * Math.PI * corner) / sides - Math.PI / 2;
        target.lineTo(x + 1.25 * radius * Math.cos(angle), y + 1.25 * radius * Math.sin(angle));
      }
      target.closePath();
    }
    target.fillStyle = COLORS[label % COLORS.length];
    target.fill();
  }

  function cross(x, y, radius) {
    context.beginPath();
    context.moveTo(x - radius, y - radius);
    context.lineTo(x + radius, y + radius);
    context.moveTo(x + radius, y - radius);
    context.lineTo(x - radius, y + radius);
    context.lineWidth = 1.75;
    context.strokeStyle = "white";
    context.stroke();
  }

  function draw() {
    const ratio = window.devicePixelRatio || 1;
    const ink = getComputedStyle(document.body).color;
    canvas.width = map.clientWidth * ratio;
    canvas.height = map.clientHeight * ratio;
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    // Mistakes come last, so that nothing covers them.
    for (const wrong of [false, true]) {
      for (const point of points) {
        if (isMistake(point) !== wrong || !isShown(point)) continue;
        const [x, y] = place(point);
        context.globalAlpha = wrong ? 1 : 0.75;
        shape(context, x, y, shownClass(point), wrong ? RADIUS + 2 : RADIUS);
        if (wrong) {
          context.lineWidth = 1.5;
          context.strokeStyle = ink;
          context.stroke();
          cross(x, y, RADIUS - 2);
        }
      }
    }
    context.globalAlpha = 1;
    if (hovered) {
      const [x, y] = place(hovered);
      context.beginPath();
      context.arc(x, y, RADIUS + 5, 0, 2 * Math.PI);
      context.lineWidth = 2;
      context.strokeStyle = ink;
      context.stroke();
    }
  }

  function showAll() {
    const shown = points.filter(isShown);
    if (!shown.length) return;
    const [xs, ys] = [shown.map((point) => point.x), shown.map((point) => point.y)];
    const ends = (values) => [
      values.reduce((a, b) => Math.min(a, b)), values.reduce((a, b) => Math.max(a, b)),
    ];
    const [[left, right], [low, high]] = [ends(xs), ends(ys)];
    const margin = 24;
    const [width, height] = [map.clientWidth - 2 * margin, map.clientHeight - 2 * margin];
    const scale = Math.min(width / (right - left || 1), height / (high - low || 1));
    view = {
      scale,
      x: map.clientWidth / 2 - (scale * (left + right)) / 2,
      y: map.clientHeight / 2 + (scale * (low + high)) / 2,
    };
    draw();
  }

  function zoom(factor, x, y) {
    view.scale *= factor;
    view.x = x - factor * (x - view.x);
    view.y = y - factor * (y - view.y);
    draw();
  }

  function line(text, kind) {
    const element = document.createElement("div");
    element.textContent = text;
    if (kind) element.className = kind;
    card.append(element);
  }

  function pointAt(x, y) {
    let nearest = null;
    let least = 14 ** 2;
    for (const point of points) {
      if (!isShown(point)) continue;
      const [px, py] = place(point);
      const distance = (px - x) ** 2 + (py - y) ** 2;
      if (distance < least) [nearest, least] = [point, distance];
    }
    if (nearest === hovered && !nearest) return;
    hovered = nearest;
    card.hidden = !nearest;
    if (nearest) {
      const image = document.createElement("img");
      image.src = nearest.image;
      image.alt = "";
      card.replaceChildren(image);
      const percent = `${Math.round(100 * nearest.probability)} %`;
      line(`${classes[nearest.predicted]} ${percent}`, isMistake(nearest) ? "wrong" : "");
      if (nearest.true >= 0) line(`is ${classes[nearest.true]}`);
      line(nearest.name, "file");
      const [px, py] = place(nearest);
      const left = px + 16 + card.offsetWidth > map.clientWidth ? px - 16 - card.offsetWidth : px + 16;
      const top = Math.min(py + 8, map.clientHeight - card.offsetHeight - 4);
      card.style.left = `${Math.max(4, left)}px`;
      card.style.top = `${Math.max(4, top)}px`;
    }
    draw();
  }

  const fingers = new Map();
  const spread = () => {
    const [a, b] = [...fingers.values()];
    return Math.hypot(a[0] - b[0], a[1] - b[1]);
  };
  const at = (event) => {
    const box = canvas.getBoundingClientRect();
    return [event.clientX - box.left, event.clientY - box.top];
  };
  canvas.addEventListener("pointerdown", (event) => {
    canvas.setPointerCapture(event.pointerId);
    fingers.set(event.pointerId, at(event));
    pointAt(...at(event));
  });
  canvas.addEventListener("pointermove", (event) => {
    const now = at(event);
    const before = fingers.get(event.pointerId);
    if (!before) return pointAt(...now);
    const width = fingers.size === 2 ? spread() : 0;
    fingers.set(event.pointerId, now);
    if (fingers.size === 2) return zoom(spread() / (width || 1), ...now);
    view.x += now[0] - before[0];
    view.y += now[1] - before[1];
    card.hidden = true;
    hovered = null;
    draw();
  });
  for (const name of ["pointerup", "pointercancel"]) {
    canvas.addEventListener(name, (event) => fingers.delete(event.pointerId));
  }
  canvas.addEventListener("pointerleave", (event) => {
    // A finger that is lifted leaves too, and what it pointed at should stay.
    if (event.pointerType !== "touch") pointAt(-1e6, -1e6);
  });
  canvas.addEventListener("wheel", (event) => {
    event.preventDefault();
    zoom(1.0015 ** -event.deltaY, ...at(event));
  }, { passive: false });
  canvas.addEventListener("dblclick", showAll);
  canvas.addEventListener("keydown", (event) => {
    const middle = [map.clientWidth / 2, map.clientHeight / 2];
    const steps = { ArrowLeft: [40, 0], ArrowRight: [-40, 0], ArrowUp: [0, 40], ArrowDown: [0, -40] };
    if (event.key === "+" || event.key === "-") zoom(event.key === "+" ? 1.25 : 0.8, ...middle);
    else if (event.key === "0") showAll();
    else if (steps[event.key]) {
      view.x += steps[event.key][0];
      view.y += steps[event.key][1];
      draw();
    } else return;
    event.preventDefault();
  });

  function addToggle(text, checked, label, change) {
    const element = document.createElement("label");
    const box = document.createElement("input");
    box.type = "checkbox";
    box.checked = checked;
    box.addEventListener("change", () => {
      change(box.checked);
      pointAt(-1e6, -1e6);
      draw();
    });
    element.append(box);
    if (label >= 0) {
      const sample = document.createElement("canvas");
      sample.width = sample.height = 28;
      shape(sample.getContext("2d"), 14, 14, label, 10);
      element.append(sample);
    }
    element.append(text);
    legend.append(element);
  }

  classes.forEach((name, label) => {
    const count = points.filter((point) => shownClass(point) === label).length;
    if (!count) return;
    addToggle(`${name} (${count})`, true, label, (on) => {
      if (on) hidden.delete(label);
      else hidden.add(label);
    });
  });
  if (points.some(isMistake)) {
    addToggle("only mistakes", false, -1, (on) => { onlyMistakes = on; });
  }
  new ResizeObserver(showAll).observe(map);
})();
