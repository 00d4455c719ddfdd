// What `node --test` prints with `--test-reporter` set to this: a line for each test, the error of each that failed,
// and at last `N passed, N failed`.

export default async function* report(events) {
  let passed = 0;
  const failed = [];
  for await (const { type, data } of events) {
    if (type === "test:pass" || type === "test:fail") {
      const ms = Math.round(data.details.duration_ms ?? 0);
      // Suites and files are no tests. But one that breaks outside of its tests has failed, too.
      const isTest = data.details.type !== "suite" && data.name !== data.file;
      if (type === "test:fail" && (isTest || data.details.error?.failureType !== "subtestsFailed")) {
        failed.push(data.name);
        yield `FAILED ${data.name} (${ms} ms)\n${describe(data.details.error)}\n`;
      } else if (isTest && data.skip !== undefined) {
        yield `skip   ${data.name}: ${data.skip}\n`;
      } else if (type === "test:pass" && isTest) {
        passed += 1;
        yield `ok     ${data.name} (${ms} ms)\n`;
      }
    } else if (type === "test:stderr" || type === "test:stdout") {
      yield data.message;
    }
  }
  for (const name of failed) yield `failed: ${name}\n`;
  yield `${passed} passed, ${failed.length} failed\n`;
}

function describe(error) {
  const cause = error?.cause ?? error;
  return String(cause?.stack ?? cause).replace(/^/gm, "       ");
}
