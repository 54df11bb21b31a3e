// What each model answers, side by side.
import { element, percent } from "./elements.js";

const best = (classes) => Object.keys(classes)[0];

// classes: class -> probability, most probable first; clean: the same of the clean image.
export function answerCard(model, clean, classes, isClean) {
  const was = best(clean);
  const rows = Object.entries(classes).map(([name, share]) => bar(name, share, name === was && !isClean));
  return element("article", { class: "card answer" },
    element("h3", {}, model.name),
    element("p", { class: "soft" }, model.architecture),
    element("p", { class: `verdict ${isClean ? "clean" : holds(clean, classes) ? "holds" : "changed"}` },
      verdict(clean, classes, isClean)),
    element("ol", { class: "bars" }, ...rows));
}

export function holds(clean, classes) {
  return best(clean) === best(classes);
}

// What one model does, in words.
export function verdict(clean, classes, isClean) {
  const now = best(classes);
  if (isClean) return `Answers ${now}, ${percent(classes[now])}.`;
  if (holds(clean, classes)) return `Holds: ${now}, ${percent(classes[now])} (clean ${percent(clean[now])}).`;
  return `Changed: from ${best(clean)} to ${now}, ${percent(classes[now])}.`;
}

function bar(name, share, wasBest) {
  const fill = element("span", { class: "fill" });
  fill.style.width = `${100 * share}%`;
  return element("li", { class: wasBest ? "was-best" : undefined },
    element("span", { class: "name" }, name, ...(wasBest ? [element("small", {}, " clean answer")] : [])),
    element("span", { class: "share" }, percent(share)),
    element("span", { class: "bar", "aria-hidden": "true" }, fill));
}
