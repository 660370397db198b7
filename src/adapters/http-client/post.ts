/** One POST to somebody else's server: bounded in time, without a connection that stays. */

/**
 * Follows no redirection, and throws the answer's body away.
 * @param answerMs  How long everything may take. Milliseconds.
 * @returns the status. Rejects when there was no answer.
 */
export function post(
  url: string,
  body: string,
  headers: Readonly<Record<string, string>>,
  answerMs: number,
): Promise<number> {
  // As a builtin: imported, it would evaluate all that it exports, at the daemon's start.
  const { request } = url.startsWith("https:")
    ? process.getBuiltinModule("node:https")
    : process.getBuiltinModule("node:http");
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  const length = { "content-length": String(Buffer.byteLength(body)) };
  const outgoing = request(url, {
    method: "POST",
    headers: { ...headers, ...length },
    agent: false,
  });
  const deadline = setTimeout(() => {
    outgoing.destroy(new Error(`no answer within ${answerMs} ms`));
  }, answerMs);
  deadline.unref();
  outgoing.once("error", reject);
  outgoing.once("response", (response) => {
    response.resume();
    resolve(response.statusCode ?? 0);
  });
  outgoing.once("close", () => {
    clearTimeout(deadline);
    reject(new Error("the connection was closed"));
  });
  outgoing.end(body);
  return promise;
}
