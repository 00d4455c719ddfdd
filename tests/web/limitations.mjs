// What browsers are known not to do. Each is recognised by what a failed cell says (`shows`). One that no longer holds
// fails.

export const LIMITATIONS = [
  {
    browsers: ["Chromium"],
    carriers: ["fetch"],
    scenarios: ["100 MiB to a slow reader"],
    shows: "had left the upstream when the page had read 1 MiB",
    because: "Chromium reads some 64 MiB of a response ahead of the page",
  },
  {
    browsers: ["Firefox"],
    carriers: ["fetch"],
    scenarios: ["100 MiB to a slow reader"],
    shows: "had left the upstream when the page had read 1 MiB",
    because: "Firefox reads all of a response, whether or not the page does",
  },
];
