// The service's public API, asked politely: who is told to wait, waits.
const ROOT = new URL("../", import.meta.url);
const MOST_TRIES = 6;
const LONGEST_WAIT_S = 30;

// What the service answers in place of a result, in its own sentence.
export class Refusal extends Error {
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

export class Service {
  key = "";
  #onWait;

  // onWait: told of the seconds before a request is tried again.
  constructor(onWait) {
    this.#onWait = onWait;
  }

  // What is served: name, architecture, and the twin where that is served too; a model with a twin first.
  async models() {
    const { models } = await this.#json("models");
    const names = models.map((model) => model.modelName);
    const found = await Promise.all(names.map((name) => this.#described(name)));
    for (const model of found) {
      if (!names.includes(model.twin)) model.twin = null;
    }
    return found.sort((one, other) => Boolean(other.twin) - Boolean(one.twin));
  }

  // The classes of an image, as any client is told.
  predict(name, image, signal) {
    return this.#json(`predictions/${encodeURIComponent(name)}`, { body: image, signal });
  }

  // The clean answer, and those under a corruption at each severity.
  robustness(name, image, corruption, signal) {
    return this.#json(`robustness/${encodeURIComponent(name)}?corruption=${corruption}`, { body: image, signal });
  }

  // The image as the model sees it, under a corruption where one is given.
  async picture(name, image, cell, signal) {
    const query = cell === null ? "" : `?corruption=${cell.corruption}&severity=${cell.severity}`;
    return (await this.#ask(`corrupt/${encodeURIComponent(name)}${query}`, { body: image, signal })).blob();
  }

  async #described(name) {
    const [current] = await this.#json(`models/${encodeURIComponent(name)}`);
    return { name, architecture: current.architecture, classes: current.classes, twin: current.twin };
  }

  async #json(path, request) {
    return (await this.#ask(path, request)).json();
  }

  async #ask(path, { body, signal } = {}) {
    for (let tries = 1; ; tries += 1) {
      const answer = await this.#send(path, body, signal);
      if (answer.ok) return answer;
      const wait = Number(answer.headers.get("retry-after"));
      if (answer.status !== 503 || !wait || tries === MOST_TRIES) throw await refusal(answer);
      this.#onWait(wait);
      await pause(Math.min(wait, LONGEST_WAIT_S), signal);
    }
  }

  async #send(path, body, signal) {
    const headers = this.key ? { authorization: `Bearer ${this.key}` } : {};
    try {
      return await fetch(new URL(path, ROOT), { method: body ? "POST" : "GET", body, headers, signal });
    } catch (error) {
      if (signal?.aborted) throw error;
      throw new Refusal(0, "The service cannot be reached.");
    }
  }
}

async function refusal(answer) {
  const content = await answer.json().catch(() => ({}));
  return new Refusal(answer.status, content.message ?? `The service answered ${answer.status}.`);
}

function pause(seconds, signal) {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, 1000 * seconds);
    signal?.addEventListener("abort", () => {
      clearTimeout(timer);
      reject(signal.reason);
    });
  });
}
