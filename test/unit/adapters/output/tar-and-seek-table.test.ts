import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  decodeSeekTable,
  encodeSeekTable,
  FOOTER_BYTES,
  seekTableBytes,
} from "../../../../src/adapters/output/seek-table.ts";
import { parseTarHeader, tarHeader, tarPlaces } from "../../../../src/adapters/output/tar.ts";

describe("a seek table", () => {
  const lengths = fc.array(fc.record({ compressed: fc.nat(), plain: fc.nat() }), { maxLength: 20 });

  test("is read back as it was written, with where each frame begins", () => {
    fc.assert(
      fc.property(lengths, (frames) => {
        const table = encodeSeekTable(frames);
        expect(seekTableBytes(table.subarray(-FOOTER_BYTES))).toBe(table.length);
        const read = decodeSeekTable(table)!;
        expect(read.map(({ compressed, plain }) => ({ compressed, plain }))).toEqual(frames);
        expect(read.at(-1)?.from ?? 0).toBe(
          frames.slice(0, -1).reduce((sum, { plain }) => sum + plain, 0),
        );
      }),
    );
  });

  test("of another writer may hold checksums", () => {
    const plain = encodeSeekTable([{ compressed: 7, plain: 9 }]);
    const checked = Buffer.concat([plain.subarray(0, 16), Buffer.alloc(4, 1), plain.subarray(16)]);
    checked.writeUInt32LE(checked.length - 8, 4);
    checked.writeUInt8(0x80, checked.length - 5);
    expect(decodeSeekTable(checked)).toEqual([{ at: 0, from: 0, compressed: 7, plain: 9 }]);
  });

  test("that is damaged, cut or of a later version is none", () => {
    const table = encodeSeekTable([{ compressed: 7, plain: 9 }]);
    const later = Buffer.from(table);
    later.writeUInt8(0x04, later.length - 5);
    const longer = Buffer.from(table);
    longer.writeUInt32LE(99, longer.length - FOOTER_BYTES);
    for (const bad of [later, longer, table.subarray(1), table.subarray(0, -1), new Uint8Array(3)])
      expect(decodeSeekTable(bad)).toBeNull();
  });
});

describe("a tar header", () => {
  const entry = { folder: "fixer-101010-aaaaaa", name: "stream.jsonl.0-5.zst", size: 1_234 };

  test("is one block and is read back", () => {
    const header = tarHeader(entry, 1_700_000_000);
    expect(header).toHaveLength(512);
    expect(parseTarHeader(header)).toEqual(entry);
  });

  test("that is damaged is none", () => {
    const header = Buffer.from(tarHeader(entry, 0));
    header.writeUInt8(header.readUInt8(3) + 1, 3);
    expect(parseTarHeader(header)).toBeNull();
    expect(parseTarHeader(new Uint8Array(512))).toBeNull();
  });

  test("refuses what the format cannot tell", () => {
    expect(() => tarHeader({ ...entry, name: "x".repeat(101) }, 0)).toThrow(RangeError);
    expect(() => tarHeader({ ...entry, size: 2 ** 33 }, 0)).toThrow(RangeError);
  });

  test("contents begin behind their headers, at whole blocks", () => {
    const { places, end } = tarPlaces([{ size: 1 }, { size: 512 }, { size: 0 }], 1_024);
    expect(places).toEqual([1_536, 2_560, 3_584]);
    expect(end).toBe(3_584);
  });
});
