/** The small repository of the demo: real code, real tests, and a real bug in one line. */

/** Text by path, relative to the repository. */
export const REPOSITORY: Readonly<Record<string, string>> = {
  "README.md": "# Basket\n\nAdds up what a customer buys. Run `node --test`.\n",
  "package.json": `${JSON.stringify({ name: "basket", private: true, type: "module", scripts: { test: "node --test" } }, null, 2)}\n`,
  ".gitignore": "node_modules/\n.agent-workspace/\n",
  "src/basket.js": `/** The price of everything in a basket, in cents. */
export function total(items) {
  let sum = 0;
  for (let at = 0; at < items.length - 1; at += 1) {
    sum += items[at].cents * items[at].count;
  }
  return sum;
}

/** A price after a discount, in whole cents. */
export function discounted(cents, percent) {
  if (percent < 0 || percent > 100) throw new RangeError("percent must be 0 to 100");
  return Math.round((cents * (100 - percent)) / 100);
}
`,
  "src/receipt.js": `import { total } from "./basket.js";

// TODO: currencies other than the euro
/** A price for people. */
export function price(cents) {
  return (cents / 100).toFixed(2);
}

/** The last line of a receipt. */
export function footer(items) {
  return "Total EUR " + price(total(items));
}
`,
  "test/basket.test.js": `import assert from "node:assert/strict";
import test from "node:test";
import { discounted, total } from "../src/basket.js";

test("adds up every item", () => {
  const items = [
    { cents: 250, count: 2 },
    { cents: 199, count: 1 },
  ];
  assert.equal(total(items), 699);
});

test("an empty basket costs nothing", () => {
  assert.equal(total([]), 0);
});

test("takes the discount off", () => {
  assert.equal(discounted(1_000, 15), 850);
});
`,
};
