import { expect, test } from "vitest";
import { sharedLook } from "../../../../src/adapters/tmux/shared-look.ts";

/** A look that says which one it was, when it is let go. */
function heldLook() {
  const begun: PromiseWithResolvers<void>[] = [];
  const look = sharedLook(async () => {
    const number = begun.length;
    begun.push(Promise.withResolvers<void>());
    await begun[number]?.promise;
    return number;
  });
  return { begun, look };
}

test("a look that runs already serves nobody who asks now", async () => {
  const { begun, look } = heldLook();
  const first = look();
  const later = [look(), look(), look()];
  expect(begun).toHaveLength(1);
  begun[0]?.resolve();
  expect(await first).toBe(0);
  await expect.poll(() => begun.length).toBe(2);
  const last = look();
  begun[1]?.resolve();
  expect(await Promise.all(later)).toEqual([1, 1, 1]);
  await expect.poll(() => begun.length).toBe(3);
  begun[2]?.resolve();
  expect(await last).toBe(2);
});

test("whoever asks when nobody looks gets a look at once", async () => {
  const { begun, look } = heldLook();
  for (const number of [0, 1]) {
    const asked = look();
    begun[number]?.resolve();
    expect(await asked).toBe(number);
  }
});

test("a look that failed is told to its askers, and the next begins all the same", async () => {
  const { begun, look } = heldLook();
  const [first, second] = [look(), look()];
  begun[0]?.reject(new Error("blind"));
  await expect(first).rejects.toThrow("blind");
  await expect.poll(() => begun.length).toBe(2);
  begun[1]?.resolve();
  expect(await second).toBe(1);
});
