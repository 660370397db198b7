/**
 * Style elements that a library makes by script, as style sheets that the page adopts.
 *
 * Our content policy obeys no style that is written into the page, and it is not loosened for a library.
 * A constructed sheet is no such style: only a script of ours can make one.
 */

/**
 * Runs `make`; every `<style>` that it makes is an empty element whose text is a sheet instead.
 * @returns the way to take the sheets off again.
 */
export function withAdoptedStyles(make: () => void): () => void {
  const sheets: CSSStyleSheet[] = [];
  const created = document.createElement.bind(document);
  const create = (name: string, options?: ElementCreationOptions): HTMLElement => {
    if (name.toLowerCase() !== "style") return created(name, options);
    const sheet = new CSSStyleSheet();
    sheets.push(sheet);
    document.adoptedStyleSheets = [...document.adoptedStyleSheets, sheet];
    return inPlaceOf(created("x-style"), sheet);
  };
  // An own property hides the document's method for as long as it is there.
  Object.defineProperty(document, "createElement", { value: create, configurable: true });
  try {
    make();
  } finally {
    Reflect.deleteProperty(document, "createElement");
  }
  return () => {
    const isLeft = (sheet: CSSStyleSheet): boolean => !sheets.includes(sheet);
    document.adoptedStyleSheets = document.adoptedStyleSheets.filter(isLeft);
  };
}

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
