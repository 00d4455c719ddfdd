// What vitest prints with `--reporter` set to this: a line for each test, the errors of each that failed, and at last
// `N passed, N failed`, as reporter.mjs does for Node's own tests.

export default class Reporter {
  #passed = 0;
  #failed = [];

  onTestCaseResult(test) {
    const { state, errors } = test.result();
    const name = [test.project.name, test.module.relativeModuleId, test.fullName].filter(Boolean).join(" > ");
    const took = `(${Math.round(test.diagnostic()?.duration ?? 0)} ms)`;
    if (state === "failed") this.#fail(name, errors, took);
    else if (state === "passed") {
      this.#passed += 1;
      console.log(`ok     ${name} ${took}`);
    } else console.log(`skip   ${name}`);
  }

  // A suite or a file that breaks outside of its tests has failed, too.
  onTestSuiteResult(suite) {
    if (suite.errors().length > 0) this.#fail(suite.fullName, suite.errors(), "");
  }

  onTestModuleEnd(module) {
    if (module.errors().length > 0) this.#fail(module.relativeModuleId, module.errors(), "");
  }

  onUserConsoleLog(log) {
    process.stdout.write(log.content);
  }

  onTestRunEnd(_modules, errors) {
    for (const error of errors) this.#fail("outside of the tests", [error], "");
    for (const name of this.#failed) console.log(`failed: ${name}`);
    console.log(`${this.#passed} passed, ${this.#failed.length} failed`);
  }

  #fail(name, errors, took) {
    this.#failed.push(name);
    console.log(`FAILED ${name} ${took}`);
    for (const error of errors ?? []) {
      console.log(indented(String(error.stack ?? error.message ?? error)));
      if (error.diff) console.log(indented(error.diff));
    }
  }
}

/** Without colours, and without the lines of a stack that are vitest's own. */
function indented(text) {
  const lines = text.replace(/\x1b\[\d+m/g, "").split("\n");
  return lines.filter((line) => !line.includes("/node_modules/@vitest/")).map((line) => `       ${line}`).join("\n");
}
