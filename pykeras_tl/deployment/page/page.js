// The page of `pykeras-tl app`: sends images to the service in small requests, one at a time, and
// shows what it answers. All text is set as text, never as HTML: names come from strangers.
"use strict";

const MOST_CARDS = 300;
const FILES_A_REQUEST = 8;
const get = (id) => document.getElementById(id);
const token = new URLSearchParams(location.hash.slice(1)).get("token");
const headers = token ? { Authorization: `Bearer ${token}` } : {};

let about = null;
let rows = [];
let running = false;
let stopped = false;
const waiting = [];

function element(name, text = "", kind = "") {
  const made = document.createElement(name);
  made.textContent = text;
  if (kind) made.className = kind;
  return made;
}

function complain(text) {
  get("message").textContent = text;
  get("message").hidden = !text;
}

async function reasonOf(answer) {
  try {
    const { detail } = await answer.json();
    return typeof detail === "string" ? detail : `The service refused this (${answer.status}).`;
  } catch {
    return `The service refused this (${answer.status}).`;
  }
}

async function start() {
  try {
    const answer = await fetch("/classifier", { headers });
    if (!answer.ok) {
      complain(await reasonOf(answer));
      return;
    }
    about = await answer.json();
  } catch {
    complain("The service does not answer. Start it again, and reload this page.");
    return;
  }
  const classes = about.class_names;
  const title = `${about.kind[0].toUpperCase()}${about.kind.slice(1)} of images`;
  document.title = title;
  document.querySelector("h1").textContent = title;
  const more = classes.length > 12 ? ` and ${classes.length - 12} more` : "";
  const listed = `${classes.slice(0, 12).join(", ")}${more}`;
  const what = about.kind.includes("label") ? "labels" : "classes";
  get("about").textContent = about.target ? `It predicts: ${about.target}` : `${classes.length} ${what}: ${listed}`;
}

// What is predicted of an image as separate texts: a class, some labels or none, or a number.
function predictedOf(row) {
  if (row.error) return ["not read"];
  if (about.target) return [Number(row.predicted).toPrecision(4)];
  if (about.kind.includes("label")) return row.predicted ? row.predicted.split(" | ") : ["no label"];
  return [row.predicted];
}

// Files in the order of their names; what is in a folder comes with its path.
async function filesIn(entry, path = "") {
  if (entry.isFile) {
    const file = await new Promise((found, failed) => entry.file(found, failed));
    return [{ file, name: path + file.name }];
  }
  const reader = entry.createReader();
  const entries = [];
  for (;;) {
    const some = await new Promise((found, failed) => reader.readEntries(found, failed));
    if (!some.length) break;
    entries.push(...some);
  }
  entries.sort((one, other) => one.name.localeCompare(other.name, "en", { numeric: true }));
  const found = [];
  for (const each of entries) found.push(...(await filesIn(each, `${path}${entry.name}/`)));
  return found.filter(({ file }) => isImage(file));
}

function isImage(file) {
  return file.type.startsWith("image/") || /\.(tiff?|heic|heif|jp2)$/i.test(file.name);
}

function add(found) {
  if (!about) return;
  complain(found.length ? "" : "There is no image among these.");
  waiting.push(...found);
  if (!running && found.length) work();
}

async function work() {
  running = true;
  stopped = false;
  for (const id of ["progress", "stop"]) get(id).hidden = false;
  const before = rows.length;
  while (waiting.length && !stopped) {
    const batch = [];
    let bytes = 0;
    while (waiting.length && batch.length < Math.min(FILES_A_REQUEST, about.limits.max_files)) {
      const size = waiting[0].file.size;
      if (batch.length && bytes + size > about.limits.max_bytes) break;
      bytes += size;
      batch.push(waiting.shift());
    }
    showProgress(before, batch.length);
    for (const [index, row] of (await predict(batch)).entries()) keep(batch[index], row);
    showProgress(before, 0);
  }
  waiting.length = 0;
  running = false;
  for (const id of ["progress", "stop"]) get(id).hidden = true;
  for (const id of ["csv", "clear"]) get(id).hidden = !rows.length;
}

function showProgress(before, inWork) {
  const total = rows.length + inWork + waiting.length;
  get("status").textContent = `${rows.length.toLocaleString("en")} of ${total.toLocaleString("en")} images`;
  get("progress").max = Math.max(1, total - before);
  get("progress").value = rows.length - before;
}

// The rows of some files; one that is refused does not spoil the others, which are sent again.
async function predict(batch) {
  const large = batch.map(({ file }) => file.size > about.limits.max_bytes);
  const sent = batch.filter((_, index) => !large[index]);
  const answers = sent.length ? await send(sent) : [];
  const limit = about.limits.max_bytes.toLocaleString("en");
  return large.map((is) => (is ? { error: `The file is larger than ${limit} bytes.` } : answers.shift()));
}

async function send(batch) {
  const form = new FormData();
  for (const { file, name } of batch) form.append("files", file, name);
  try {
    const answer = await fetch("/predict", { method: "POST", body: form, headers });
    if (answer.ok) return (await answer.json()).results;
    if (batch.length === 1) return [{ error: await reasonOf(answer) }];
  } catch {
    if (batch.length === 1) return [{ error: "The service does not answer, or the file is gone." }];
  }
  const each = [];
  for (const one of batch) each.push(...(await send([one])));
  return each;
}

function keep(source, row) {
  row.filename = source.name;
  rows.push(row);
  if (rows.length <= MOST_CARDS) get("results").append(card(source.file, row));
  get("more").hidden = rows.length <= MOST_CARDS;
  get("more").textContent = `The first ${MOST_CARDS} images are shown. The table holds all of them.`;
  const counts = new Map();
  for (const each of rows) {
    // Numbers are hardly ever equal.
    const names = about.target && !each.error ? ["read"] : predictedOf(each);
    for (const name of names) counts.set(name, (counts.get(name) ?? 0) + 1);
  }
  get("counts").replaceChildren(
    ...[...counts].sort((one, other) => other[1] - one[1]).slice(0, 20).map(([name, count]) => {
      const shown = element("span", `${name} `);
      shown.append(element("b", count.toLocaleString("en")));
      return shown;
    }),
  );
}

function card(file, row) {
  const made = element("article", "", "card");
  const image = element("img");
  image.alt = row.filename;
  image.loading = "lazy";
  if (!row.error) image.src = URL.createObjectURL(file);
  if (!row.error) made.append(image);
  const heading = row.error ? "Not read" : predictedOf(row).join(" | ");
  made.append(element("h3", heading), element("p", row.filename, "file soft"));
  if (row.error) {
    made.append(element("p", row.error, "error note"));
    return made;
  }
  if (row.none_of_these) {
    made.append(element("p", "None of these: unlike all images it learned from.", "error note"));
  }
  const shares = Object.entries(row.probabilities ?? {}).sort((one, other) => other[1] - one[1]);
  for (const [name, share] of shares.slice(0, Math.max(4, predictedOf(row).length))) {
    const line = element("div", "", "share");
    const meter = element("meter");
    meter.value = share;
    meter.setAttribute("aria-label", name);
    line.append(element("span", name), meter, element("span", `${(100 * share).toFixed(1)}%`));
    made.append(line);
  }
  if (row.prediction_set) made.append(element("p", `It can be: ${row.prediction_set}`, "note"));
  made.append(explainButton(file, image));
  return made;
}

function explainButton(file, image) {
  const button = element("button", "Why?");
  button.type = "button";
  let shown = null;
  const original = image.src;
  button.addEventListener("click", async () => {
    if (!shown) {
      button.disabled = true;
      try {
        const form = new FormData();
        form.append("file", file, file.name);
        const answer = await fetch("/explain", { method: "POST", body: form, headers });
        if (!answer.ok) throw new Error(await reasonOf(answer));
        shown = URL.createObjectURL(await answer.blob());
      } catch (error) {
        button.textContent = error.message;
        return;
      }
      button.disabled = false;
    }
    const explaining = image.src !== shown;
    image.src = explaining ? shown : original;
    button.textContent = explaining ? "Show the image" : "Why?";
  });
  return button;
}

// A spreadsheet would run a cell that begins like a formula.
function cell(value) {
  let text = value === null || value === undefined ? "" : String(value);
  if (typeof value === "string" && /^[=+\-@\t\r]/.test(text)) text = `'${text}`;
  return `"${text.replaceAll('"', '""')}"`;
}

function table() {
  const known = new Set(["filename", "predicted", "probabilities", "error"]);
  const further = [...new Set(rows.flatMap((row) => Object.keys(row)))].filter(
    (name) => !known.has(name) && rows.some((row) => row[name] !== null && row[name] !== undefined),
  );
  const classes = about.class_names;
  const lines = [["filename", "predicted", ...further, ...classes, "error"]];
  for (const row of rows) {
    const shares = classes.map((name) => row.probabilities?.[name]);
    lines.push([row.filename, row.predicted, ...further.map((name) => row[name]), ...shares, row.error]);
  }
  return lines.map((line) => line.map(cell).join(",")).join("\r\n") + "\r\n";
}

get("csv").addEventListener("click", () => {
  const link = element("a");
  link.href = URL.createObjectURL(new Blob([table()], { type: "text/csv" }));
  link.download = "predictions.csv";
  link.click();
});
get("clear").addEventListener("click", () => {
  for (const image of get("results").querySelectorAll("img")) URL.revokeObjectURL(image.src);
  rows = [];
  for (const id of ["results", "counts"]) get(id).replaceChildren();
  for (const id of ["csv", "clear", "more"]) get(id).hidden = true;
  get("status").textContent = "";
});
get("stop").addEventListener("click", () => { stopped = true; });
for (const id of ["files", "folder"]) {
  get(id).addEventListener("change", ({ target }) => {
    const chosen = [...target.files].map((file) => ({ file, name: file.webkitRelativePath || file.name }));
    add(id === "folder" ? chosen.filter(({ file }) => isImage(file)) : chosen);
    target.value = "";
  });
}
document.addEventListener("dragover", (event) => {
  event.preventDefault();
  get("drop").classList.add("over");
});
document.addEventListener("dragleave", () => get("drop").classList.remove("over"));
document.addEventListener("drop", async (event) => {
  event.preventDefault();
  get("drop").classList.remove("over");
  const entries = [...event.dataTransfer.items].map((item) => item.webkitGetAsEntry?.()).filter(Boolean);
  const found = [];
  for (const entry of entries) found.push(...(await filesIn(entry)));
  add(entries.length ? found : [...event.dataTransfer.files].map((file) => ({ file, name: file.name })));
});
start();
