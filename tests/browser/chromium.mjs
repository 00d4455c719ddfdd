// Debian's Chromium, without a window, and without the requests that it makes for itself.

import { chromium } from "playwright-core";

/** Starts it with more `args`, if need be. */
export function launchChromium(args = []) {
  return chromium.launch({
    executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
    args: [
      "--headless=new",
      "--no-sandbox", // The tests run as root, where Chromium cannot make its sandbox.
      "--disable-gpu",
      "--no-first-run",
      "--disable-background-networking",
      "--disable-component-update",
      "--disable-sync",
      ...args,
    ],
  });
}
