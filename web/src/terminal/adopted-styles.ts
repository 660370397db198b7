/**
 * Styles that a library writes into the page by script, in ways that our content policy obeys.
 *
 * The policy takes no style element and no style attribute, and is not loosened for a library. A constructed
 * sheet and a property of an element are neither: only a script of ours can set them.
 */

/**
 * From now on, what a script makes with `document.createElement` has its styles in those ways. Call it
 * again only after it was taken off.
 * @returns the way to take it off, sheets included; elements that were made keep theirs.
 */
export function adoptStyles(): () => void {
  const sheets = new Set<CSSStyleSheet>();
  const created = document.createElement.bind(document);

  const create = (name: string, options?: ElementCreationOptions): HTMLElement => {
    if (name.toLowerCase() !== "style") return withOwnStyle(created(name, options));
    const sheet = new CSSStyleSheet();
    sheets.add(sheet);
    document.adoptedStyleSheets = [...document.adoptedStyleSheets, sheet];
    return inPlaceOf(created("x-style"), sheet);
  };

  // An own property hides the document's method for as long as it is there.
  Object.defineProperty(document, "createElement", { value: create, configurable: true });
  return () => {
    Reflect.deleteProperty(document, "createElement");
    const isLeft = (sheet: CSSStyleSheet): boolean => !sheets.has(sheet);
    document.adoptedStyleSheets = document.adoptedStyleSheets.filter(isLeft);
  };
}

/** An element of which a style attribute is set as properties. */
function withOwnStyle(element: HTMLElement): HTMLElement {
  const set = element.setAttribute.bind(element);
  element.setAttribute = (name, value) => {
    if (name === "style") element.style.cssText = value;
    else set(name, value);
  };
  return element;
}

/** An element of which the text is a sheet. */
function inPlaceOf(element: HTMLElement, sheet: CSSStyleSheet): HTMLElement {
  element.hidden = true;
  Object.defineProperty(element, "textContent", {
    get: () => "",
    set: (text: string) => {
      sheet.replaceSync(text);
    },
  });
  return element;
}
