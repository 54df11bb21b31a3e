// The page: what its controls do.
import { answerCard, verdict } from "./answers.js";
import { GROUPS, NAMES, words } from "./corruptions.js";
import { byId, element } from "./elements.js";
import { Examination } from "./examination.js";
import { Refusal, Service } from "./service.js";
import { Sheet } from "./sheet.js";

const service = new Service((seconds) => tell(`The service is busy; trying again in ${seconds} s.`));
const sheet = new Sheet(byId("sheet"), byId("legend"), choose);
let models = [];
let image = null;
let examination = null;
let shown = 0; // counts what was asked to be shown, so that only the last is

const tell = (text) => { byId("notice").textContent = text; };
const chosenModels = () => {
  const model = models[byId("model").selectedIndex];
  return [model, ...models.filter((other) => other.name === model?.twin)].filter(Boolean);
};

// The cell that the controls name; null: the clean image.
function chosenCell() {
  const severity = byId("severity").valueAsNumber;
  return severity === 0 ? null : { corruption: byId("corruption").value, severity };
}

function choose({ corruption, severity }) {
  byId("corruption").value = corruption;
  byId("severity").value = severity;
  show();
}

// Ask something for the page; a refusal is shown in the service's own words.
async function attempt(work) {
  try {
    await work();
  } catch (error) {
    if (error.name === "AbortError") return;
    if (!(error instanceof Refusal)) throw error;
    if (error.status === 401 || error.status === 403) byId("key-form").hidden = false;
    tell("");
    byId("error").textContent = error.message;
    byId("error").hidden = false;
  }
}

function clearError() {
  byId("error").hidden = true;
  tell("");
}

async function loadModels() {
  clearError();
  models = await service.models();
  byId("model").replaceChildren(...models.map(({ name }) => element("option", {}, name)));
  describe();
}

function describe() {
  const [model, twin] = chosenModels();
  if (model) byId("about").textContent = twin ? `beside its twin ${twin.name}` : "without a twin that is served";
}

// Begin with another image, or with other models.
async function examine() {
  examination?.end();
  if (image === null || models.length === 0) return;
  clearError();
  describe();
  examination = new Examination(service, image, chosenModels().map((model) => model.name));
  const current = examination;
  tell("Asking ...");
  byId("found").setAttribute("aria-busy", "true");
  try {
    const silence = await current.begin();
    if (silence) byId("about").textContent = `without its twin ${chosenModels()[1].name}, which does not answer: ${silence.message}`;
    byId("clean-picture").src = await current.picture(null);
  } catch (error) {
    if (!current.isOver) byId("found").hidden = true; // what is there is of another image
    throw error;
  }
  sheet.clear(current.names);
  byId("found").hidden = false;
  await show();
  byId("found").removeAttribute("aria-busy");
  await fillSheet(current);
}

// Row by row, beginning where one looks.
async function fillSheet(current) {
  const first = byId("corruption").value;
  byId("sheet").setAttribute("aria-busy", "true");
  for (const corruption of [first, ...NAMES.filter((name) => name !== first)]) {
    sheet.fill(corruption, await current.row(corruption));
  }
  byId("sheet").removeAttribute("aria-busy");
}

function showControls(cell) {
  const text = cell === null ? "clean" : `${words(cell.corruption)}, severity ${cell.severity}`;
  byId("severity-shown").textContent = cell === null ? "clean" : `${cell.severity}`;
  byId("severity").setAttribute("aria-valuetext", cell === null ? "clean" : `${cell.severity} of 5`);
  byId("spoilt-caption").textContent = text;
  return text;
}

// Show pixels and answers of the chosen cell, if it is still chosen when they are there.
function show() {
  return attempt(async () => {
    const cell = chosenCell();
    const text = showControls(cell);
    if (examination === null || examination.isOver) return;
    shown += 1;
    const [mine, current] = [shown, examination];
    sheet.select(cell);
    const [picture, answers] = await Promise.all([current.picture(cell), answersOf(current, cell)]);
    if (mine !== shown || current.isOver) return;
    byId("error").hidden = true;
    byId("spoilt-picture").src = picture;
    byId("spoilt-picture").alt = `The image, ${text}`;
    showAnswers(answers, text, cell === null);
  });
}

// For each model its clean classes, and those of the cell.
async function answersOf(current, cell) {
  if (cell === null) return (await current.clean()).map((classes) => ({ clean: classes, classes }));
  const rows = await current.row(cell.corruption);
  return rows.map((row) => ({ clean: row.clean, classes: row.cells[cell.severity - 1].classes }));
}

function showAnswers(answers, text, isClean) {
  const asked = chosenModels();
  byId("answers").replaceChildren(...answers.map(({ clean, classes }, place) =>
    answerCard(asked[place], clean, classes, isClean)));
  const told = answers.map(({ clean, classes }, place) => `${asked[place].name}: ${verdict(clean, classes, isClean)}`);
  byId("told").textContent = `${text[0].toUpperCase()}${text.slice(1)}. ${told.join(" ")}`;
  tell("");
}

function take(file) {
  if (!file) {
    tell("That was no file; give one image.");
    return;
  }
  image = file;
  attempt(examine);
}

function listen() {
  byId("file").addEventListener("change", (event) => {
    take(event.target.files[0]);
    event.target.value = ""; // so that the same file can be chosen again
  });
  byId("sample").addEventListener("click", () => attempt(async () => {
    image = await (await fetch(new URL("sample.png", import.meta.url))).blob();
    await examine();
  }));
  document.addEventListener("paste", (event) => {
    if (event.target.id !== "key") take(event.clipboardData.files[0]);
  });
  document.addEventListener("dragover", (event) => {
    event.preventDefault();
    byId("drop").classList.add("over");
  });
  document.addEventListener("dragleave", () => byId("drop").classList.remove("over"));
  document.addEventListener("drop", (event) => {
    event.preventDefault();
    byId("drop").classList.remove("over");
    take(event.dataTransfer.files[0]);
  });
  byId("model").addEventListener("change", () => {
    describe();
    attempt(examine);
  });
  byId("severity").addEventListener("input", show);
  byId("corruption").addEventListener("change", () => {
    if (byId("severity").valueAsNumber === 0) byId("severity").value = 1;
    show();
  });
  byId("key-form").addEventListener("submit", (event) => {
    event.preventDefault();
    service.key = byId("key").value.trim();
    attempt(async () => {
      await loadModels();
      await examine();
    });
  });
}

byId("corruption").append(...Object.entries(GROUPS).map(([group, members]) => element("optgroup", { label: group },
  ...members.map((name) => element("option", { value: name }, words(name))))));
byId("corruption").value = "fog";
showControls(null);
listen();
attempt(loadModels);
