// One image before some models: everything is asked once, and nothing any more when the next image comes.
export class Examination {
  #service;
  #image;
  #stop = new AbortController();
  #asked = new Map();
  #pictures = new Map();
  #looking = new AbortController();

  // names: of the models, the first of which shows the pixels.
  constructor(service, image, names) {
    this.#service = service;
    this.#image = image;
    this.names = names;
  }

  // Ask all of them; one that does not answer is left out, but for the first. Returns why, if one was.
  async begin() {
    const [first, twin] = await Promise.allSettled(this.names.map((name) => this.#cleanOf(name)));
    if (first.status === "rejected") throw first.reason;
    if (twin?.status !== "rejected") return null;
    if (this.isOver) throw twin.reason;
    this.names = this.names.slice(0, 1);
    return twin.reason;
  }

  // Class -> probability of each model, most probable first.
  clean() {
    return Promise.all(this.names.map((name) => this.#cleanOf(name)));
  }

  // For each model: the clean classes, and a cell for each severity.
  row(corruption) {
    return Promise.all(this.names.map((name) => this.#once(`row ${name} ${corruption}`, (signal) =>
      this.#service.robustness(name, this.#image, corruption, signal))));
  }

  // Address of the image as the models see it; cell: {corruption, severity}, or null for the clean one. Whoever asks for
  // another cell waits for the last one no longer.
  async picture(cell) {
    const what = cell === null ? "clean" : `${cell.corruption} ${cell.severity}`;
    const signal = cell === null ? this.#stop.signal : this.#lookAt();
    if (!this.#pictures.has(what)) {
      const picture = await this.#service.picture(this.names[0], this.#image, cell, signal);
      this.#pictures.set(what, URL.createObjectURL(picture));
    }
    return this.#pictures.get(what);
  }

  get isOver() {
    return this.#stop.signal.aborted;
  }

  end() {
    this.#stop.abort();
    this.#pictures.forEach((url) => URL.revokeObjectURL(url));
  }

  #cleanOf(name) {
    return this.#once(`clean ${name}`, (signal) => this.#service.predict(name, this.#image, signal));
  }

  #lookAt() {
    this.#looking.abort();
    this.#looking = new AbortController();
    return AbortSignal.any([this.#stop.signal, this.#looking.signal]);
  }

  // What could not be had is asked again the next time.
  #once(what, ask) {
    if (!this.#asked.has(what)) {
      const answer = ask(this.#stop.signal);
      answer.catch(() => this.#asked.delete(what));
      this.#asked.set(what, answer);
    }
    return this.#asked.get(what);
  }
}
