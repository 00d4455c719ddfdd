// What browsers are known not to do. Each is recognised by what a failed cell says (`shows`). One that no longer holds
// fails.

export const LIMITATIONS = [];
