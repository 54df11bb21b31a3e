// The sheet: a cell for each corruption and severity, with a mark that says who holds.
import { GROUPS, NAMES, SEVERITIES, words } from "./corruptions.js";
import { element } from "./elements.js";

const MOVES = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] };

// The outcomes, by the class of their mark, and what they mean for one model or two.
function outcomes(names) {
  if (names.length === 1) return { both: "holds", neither: "changes" };
  const [model, twin] = names;
  return { both: "both hold", model: `only ${model} holds`, twin: `only ${twin} holds`, neither: "neither holds" };
}

export class Sheet {
  #table;
  #legend;
  #onChoice;
  #words = {};
  #cells = new Map();
  #focused = [0, 0]; // the one cell that the tab key reaches

  // onChoice: told of the cell that was chosen.
  constructor(table, legend, onChoice) {
    this.#table = table;
    this.#legend = legend;
    this.#onChoice = onChoice;
    table.addEventListener("keydown", (event) => this.#move(event));
  }

  // Begin anew, for these models.
  clear(names) {
    this.#words = outcomes(names);
    this.#cells.clear();
    const head = element("tr", {}, element("th", { scope: "col" }, "severity"),
      ...SEVERITIES.map((severity) => element("th", { scope: "col" }, `${severity}`)));
    const groups = Object.entries(GROUPS).map(([group, members]) => element("tbody", {},
      element("tr", {}, element("th", { class: "group", scope: "rowgroup", colspan: SEVERITIES.length + 1 }, group)),
      ...members.map((name) => this.#row(name))));
    this.#table.replaceChildren(element("thead", {}, head), ...groups);
    this.#focus(0, 0);
    this.#count();
  }

  // Fill in what each model did under a corruption; rows: as the service tells them.
  fill(corruption, rows) {
    rows[0].cells.forEach(({ severity }, place) => {
      const held = rows.map((row) => row.cells[place].holds);
      const outcome = held.every(Boolean) ? "both" : !held.some(Boolean) ? "neither" : held[0] ? "model" : "twin";
      const button = this.#cell(corruption, severity);
      button.dataset.outcome = outcome;
      button.setAttribute("aria-label", `${words(corruption)}, severity ${severity}: ${this.#words[outcome]}`);
      button.title = button.getAttribute("aria-label");
    });
    this.#count();
  }

  // Show which cell is looked at; null: none.
  select(cell) {
    this.#table.querySelectorAll("[aria-current]").forEach((button) => button.removeAttribute("aria-current"));
    if (cell === null) return;
    this.#cell(cell.corruption, cell.severity).setAttribute("aria-current", "true");
    this.#focus(NAMES.indexOf(cell.corruption), SEVERITIES.indexOf(cell.severity));
  }

  #row(corruption) {
    const cells = SEVERITIES.map((severity) => {
      const button = element("button", { type: "button", tabindex: -1, "aria-label": `${words(corruption)}, severity ${severity}` },
        element("span", { class: "mark" }));
      button.addEventListener("click", () => this.#onChoice({ corruption, severity }));
      this.#cells.set(`${corruption} ${severity}`, button);
      return element("td", {}, button);
    });
    return element("tr", {}, element("th", { scope: "row" }, words(corruption)), ...cells);
  }

  #cell(corruption, severity) {
    return this.#cells.get(`${corruption} ${severity}`);
  }

  #move(event) {
    if (!(event.key in MOVES)) return;
    event.preventDefault();
    const [down, right] = MOVES[event.key];
    const row = Math.min(Math.max(this.#focused[0] + down, 0), NAMES.length - 1);
    const column = Math.min(Math.max(this.#focused[1] + right, 0), SEVERITIES.length - 1);
    this.#focus(row, column);
    this.#at(row, column).focus();
    this.#onChoice({ corruption: NAMES[row], severity: SEVERITIES[column] });
  }

  #focus(row, column) {
    this.#at(...this.#focused).tabIndex = -1;
    this.#focused = [row, column];
    this.#at(row, column).tabIndex = 0;
  }

  #at(row, column) {
    return this.#cell(NAMES[row], SEVERITIES[column]);
  }

  #count() {
    const found = [...this.#cells.values()].map((button) => button.dataset.outcome);
    this.#legend.replaceChildren(...Object.entries(this.#words).map(([outcome, meaning]) => element("li",
      { "data-outcome": outcome }, element("span", { class: "mark" }), `${meaning}: `,
      element("b", {}, `${found.filter((each) => each === outcome).length}`))));
  }
}
