/**
 * The dashboard's own files: one page for every address of its, and what that page loads.
 *
 * They hold no secret and need no session; everything that they show comes from the API, which does.
 * Names below `assets/` carry a hash of their content and never change.
 */
import { createHash } from "node:crypto";
import { readdirSync, readFileSync, statSync } from "node:fs";
import { readFile } from "node:fs/promises";
import type { IncomingMessage, ServerResponse } from "node:http";
import { extname, join } from "node:path";

/** Addresses of the one page; what they mean, the page itself knows. */
const PAGE_PATH = /^\/(?:login|cleanup|settings|(?:tasks|agents)\/[^/]+)?$/;

const TYPES: Readonly<Record<string, string>> = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".svg": "image/svg+xml",
  ".md": "text/plain; charset=utf-8",
  ".woff2": "font/woff2",
};

/** Nothing is loaded from elsewhere, nothing inline is run, and nobody may put us into a frame. */
export const PAGE_POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "font-src 'self'",
  "img-src 'self'",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
  "require-trusted-types-for 'script'",
  "trusted-types 'none'",
].join("; ");

const HEADERS = {
  "content-security-policy": PAGE_POLICY,
  "x-content-type-options": "nosniff",
  "referrer-policy": "no-referrer",
  "cross-origin-opener-policy": "same-origin",
  "cross-origin-resource-policy": "same-origin",
  "permissions-policy": "camera=(), geolocation=(), microphone=()",
} as const;

const NOT_BUILT = `<!doctype html><html lang="en"><meta charset="utf-8"><title>Corral</title>
<p>The dashboard is not built in this checkout yet. Run <code>npx corral open</code>: it builds it and prints a link.</p></html>
`;

interface Built {
  /** Of the page when the folder was looked at: another one means another build. */
  readonly stamp: string;
  /** Names that may be asked for, from the folder's root. */
  readonly names: ReadonlySet<string>;
  readonly page: Buffer;
  readonly etag: string;
}

export interface Pages {
  /** Answers when the request is for a file of the dashboard. @returns false when it is for something else. */
  answer(request: IncomingMessage, response: ServerResponse, path: string): Promise<boolean>;
}

/** @param folder  Where the build lies; it may be absent, and may be replaced at any time. */
export function pages(folder: string): Pages {
  let known: Built | undefined;
  const built = (): Built | undefined => {
    const stamp = stampOf(join(folder, "index.html"));
    if (stamp === undefined) return undefined;
    if (known?.stamp !== stamp) known = lookInto(folder, stamp);
    return known;
  };

  return {
    async answer(request, response, path) {
      if (request.method !== "GET" && request.method !== "HEAD") return false;
      if (PAGE_PATH.test(path)) {
        sendPage(request, response, built());
        return true;
      }
      const name = path.slice(1);
      if (built()?.names.has(name) !== true || name === "index.html") return false;
      await sendFile(request, response, folder, name, built()?.names.has(`${name}.gz`) === true);
      return true;
    },
  };
}

function lookInto(folder: string, stamp: string): Built {
  const page = readFileSync(join(folder, "index.html"));
  const names = readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1));
  const etag = `"${createHash("sha256").update(page).digest("base64url").slice(0, 22)}"`;
  return { stamp, names: new Set(names), page, etag };
}

function stampOf(path: string): string | undefined {
  const found = statSync(path, { throwIfNoEntry: false });
  return found === undefined ? undefined : `${found.ino} ${found.mtimeMs} ${found.size}`;
}

function sendPage(request: IncomingMessage, response: ServerResponse, built: Built | undefined) {
  const type = { "content-type": TYPES[".html"] };
  if (built === undefined) {
    response.writeHead(503, { ...HEADERS, ...type, "cache-control": "no-store" });
    response.end(request.method === "HEAD" ? undefined : NOT_BUILT);
    return;
  }
  const caching = { etag: built.etag, "cache-control": "no-cache" };
  if (isKnown(request, built.etag)) {
    response.writeHead(304, { ...HEADERS, ...caching }).end();
    return;
  }
  const length = { "content-length": String(built.page.length) };
  response.writeHead(200, { ...HEADERS, ...type, ...caching, ...length });
  response.end(request.method === "HEAD" ? undefined : built.page);
}

async function sendFile(
  request: IncomingMessage,
  response: ServerResponse,
  folder: string,
  name: string,
  isPacked: boolean,
): Promise<void> {
  const isPinned = name.startsWith("assets/");
  const accepts = request.headers["accept-encoding"] ?? "";
  const packs = isPacked && /\bgzip\b/.test(accepts);
  const bytes = await readFile(join(folder, packs ? `${name}.gz` : name));
  const etag = `"${createHash("sha256").update(bytes).digest("base64url").slice(0, 22)}"`;
  const caching = {
    etag,
    "cache-control": isPinned ? "public, max-age=31536000, immutable" : "no-cache",
    ...(isPacked ? { vary: "accept-encoding" } : {}),
  };
  if (isKnown(request, etag)) {
    response.writeHead(304, { ...HEADERS, ...caching }).end();
    return;
  }
  response.writeHead(200, {
    ...HEADERS,
    ...caching,
    "content-type": TYPES[extname(name)] ?? "application/octet-stream",
    "content-length": String(bytes.length),
    ...(packs ? { "content-encoding": "gzip" } : {}),
  });
  response.end(request.method === "HEAD" ? undefined : bytes);
}

function isKnown(request: IncomingMessage, etag: string): boolean {
  return request.headers["if-none-match"]?.split(/, */).includes(etag) === true;
}
