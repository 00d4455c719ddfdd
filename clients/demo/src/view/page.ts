/** Finds what index.html has, and makes what it has not. */

/** The element with this `data-testid`. */
export function find<E extends Element = HTMLElement>(id: string): E {
  const found = document.querySelector<E>(`[data-testid="${id}"]`);
  if (!found) throw new Error(`index.html has no ${id}`);
  return found;
}

/** The element with this `data-part` within another. */
export function part<E extends Element = HTMLElement>(within: Element, name: string): E {
  const found = within.querySelector<E>(`[data-part="${name}"]`);
  if (!found) throw new Error(`the template has no ${name}`);
  return found;
}

/** An element with attributes and children. */
export function make<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  attributes: Record<string, string> = {},
  ...children: (Node | string)[]
): HTMLElementTagNameMap[K] {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.append(...children);
  return made;
}

/** Says something to those who listen instead of looking. */
export function announce(text: string): void {
  find("announcement").textContent = text;
}
