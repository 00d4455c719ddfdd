// The page of `sluicegate demo` and `dev` as a test uses it.

/** Arguments with which the gateway takes whatever ports are free. */
export const EVERY_PORT_FREE = ["--listen", "127.0.0.1:0", "--http", "127.0.0.1:0", "--admin", "127.0.0.1:0"];

export class DemoPage {
  /** What the browser complained about. */
  complaints = [];

  constructor(page) {
    this.page = page;
    page.setDefaultTimeout(15_000);
    page.on("pageerror", (error) => this.complaints.push(`page: ${error.message}`));
    page.on("console", (message) => {
      const text = message.text();
      // Chromium logs by itself that HTTP has errors, and that what was cut cannot connect; the page deals with those.
      const isExpected = text.startsWith("Failed to load resource") || text.includes("//127.0.0.1:9/");
      if (message.type() === "error" && !isExpected) this.complaints.push(`console: ${text}`);
    });
  }

  async open(address) {
    await this.page.goto(`http://${address}/`);
    await this.ready();
  }

  /** Waits until the page knows what there is to call. */
  async ready(reflection = "v1") {
    await this.#until("body", { settings: "loaded", reflection });
  }

  part(id) {
    return this.page.getByTestId(id);
  }

  async press(id) {
    await this.part(id).click();
  }

  async scene(id) {
    await this.page.locator(`[data-scene=${id}]`).click();
    await this.#until("body", { played: id });
  }

  /** Chooses a method, and fills in a message. */
  async choose(method, message) {
    await this.part("method").selectOption(method);
    if (message) await this.part("message").fill(JSON.stringify(message));
    await this.part("metadata").fill("");
    await this.part("deadline").fill("");
  }

  methods() {
    return this.part("method").locator("option").evaluateAll((options) => options.map(({ value }) => value));
  }

  /** Cuts or mends a wire, by the name of its button. */
  async gate(name) {
    await this.page.getByRole("button", { name }).click();
  }

  /** Waits until a lane is so: { status: "OK", received: 5 }. */
  lane(name, wanted) {
    return this.#until(`[data-lane="${name}"]`, wanted);
  }

  carrier(name, wanted) {
    return this.#until(`[data-carrier="${name}"]`, wanted);
  }

  async laneReaches(name, attribute, least) {
    await this.page.waitForFunction(
      ([name, attribute, least]) => Number(document.querySelector(`[data-lane="${name}"]`).dataset[attribute]) >= least,
      [name, attribute, least],
    );
  }

  attribute(lane, name) {
    return this.page.locator(`[data-lane="${lane}"]`).getAttribute(`data-${name}`);
  }

  said(lane) {
    return this.page.locator(`[data-lane="${lane}"] [data-part=said]`).textContent();
  }

  /** The messages that a lane shows, in the order in which they came. */
  async messages(lane) {
    const lines = await this.page.locator(`[data-lane="${lane}"] [data-part=messages] li`).allTextContents();
    return lines.reverse().map((line) => JSON.parse(line));
  }

  async lastMessage(lane) {
    return (await this.messages(lane)).at(-1);
  }

  /** Replies by server. */
  async replies() {
    const rows = await this.page.locator("[data-backend]").evaluateAll((rows) =>
      rows.map(({ dataset }) => [dataset.backend, Number(dataset.replies)]));
    return Object.fromEntries(rows);
  }

  number(lane, name) {
    return this.page.locator(`[data-numbers="${lane}"] [data-part=${name}]`).textContent();
  }

  /** How many calls each lane has made, once the table has been drawn again. */
  async calls() {
    await this.page.evaluate(() => new Promise((drawn) => {
      const table = document.querySelector("[data-testid=numbers] tbody");
      new MutationObserver((_, observer) => (observer.disconnect(), drawn())).observe(table, { childList: true, subtree: true });
    }));
    const cells = await this.page.locator("[data-part=calls]").allTextContents();
    return cells.map((text) => Number(text.replaceAll(",", "")));
  }

  /** Waits until no lane has a call under way. */
  async idle() {
    await this.page.waitForFunction(() =>
      [...document.querySelectorAll("[data-lane]")].every(({ dataset }) => !["calling", "open"].includes(dataset.status)));
  }

  /** Plays a scene until a lane's call went as wanted. */
  async untilCalled(scene, lane, wanted) {
    for (const until = Date.now() + 15_000; ; ) {
      await this.scene(scene);
      await this.lane(lane, { received: 1 });
      const has = await this.page.locator(`[data-lane="${lane}"]`).evaluate(({ dataset }) => ({ ...dataset }));
      if (Object.entries(wanted).every(([name, value]) => has[name] === value)) return;
      if (Date.now() > until) throw new Error(`${lane} has ${JSON.stringify(has)}, not ${JSON.stringify(wanted)}`);
    }
  }

  /** Presses Tab until something with this test id, or part, has the focus. */
  async tabTo(id, key = "Tab") {
    for (let presses = 0; presses < 60; presses++) {
      await this.page.keyboard.press(key);
      const has = await this.page.evaluate(() => {
        const { testid, part } = document.activeElement.dataset;
        return testid ?? part;
      });
      if (has === id) return;
    }
    throw new Error(`${key} does not lead to ${id}`);
  }

  async #until(element, wanted) {
    const selector = `${element}${Object.entries(wanted).map(([name, value]) => `[data-${name}="${value}"]`).join("")}`;
    try {
      await this.page.waitForSelector(selector, { state: "attached" });
    } catch (error) {
      const has = await this.page.evaluate((element) => ({ ...document.querySelector(element)?.dataset }), element);
      throw new Error(`waited for ${selector}; it has ${JSON.stringify(has)}`, { cause: error });
    }
  }
}
