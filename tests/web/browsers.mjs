// Debian's Chromium and Firefox ESR, without windows and without the requests that they make for themselves.

import { mkdirSync } from "node:fs";
import path from "node:path";

import puppeteer from "puppeteer-core";

import { ROOT } from "../lib/launch.mjs";

export const BROWSERS = {
  Chromium: {
    browser: "chrome",
    executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
    // The tests run as root, where Chromium cannot make its sandbox.
    args: ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"],
  },
  Firefox: { browser: "firefox", executablePath: process.env.FIREFOX ?? "/usr/bin/firefox-esr" },
};

/** The sizes in which pages are looked at. */
export const SIZES = { desktop: { width: 1280, height: 900 }, phone: { width: 390, height: 844 } };

/** Starts a browser, by its name in {@link BROWSERS}. */
export function launch(name) {
  // Certificates made for a run are as good as others, except to WebTransport, which wants their hashes.
  return puppeteer.launch({ ...BROWSERS[name], headless: true, acceptInsecureCerts: true, protocolTimeout: 180_000 });
}

/** Takes pictures of a whole page in every size, into artifacts/NAME-SIZE.png. Answers their files. */
export async function picture(page, name) {
  const folder = path.join(ROOT, "artifacts");
  mkdirSync(folder, { recursive: true });
  const files = [];
  for (const [size, viewport] of Object.entries(SIZES)) {
    await page.setViewport(viewport);
    const file = path.join(folder, `${name}-${size}.png`);
    await page.screenshot({ path: file, fullPage: true });
    files.push(file);
  }
  return files;
}
