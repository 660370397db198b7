/** What must not go out, put together from the store, the settings and the forms of known keys. */
import { createHash } from "node:crypto";
import { secretsKnownBy, type Secrets } from "../output/redact.ts";
import { SECRET_REACH_BYTES } from "../output/redacted-file.ts";
import type { Configuration } from "../supervision/configuration.ts";
import type { AgentFiles } from "../supervision/files.ts";
import type { Store, World } from "../supervision/store.ts";

/** The secrets that this state directory knows. The patterns have been looked at: none is slow. */
export function openSecrets(
  store: Pick<Store, "secrets"> & { readonly world: Pick<World, "salt"> },
  { redact_patterns }: Configuration,
): Secrets {
  const secrets = secretsKnownBy((bytes) =>
    createHash("sha256").update(store.world.salt).update(bytes, "latin1").digest("hex"),
  );
  secrets.know(store.secrets());
  secrets.usePatterns(redact_patterns);
  return secrets;
}

/** Files whose texts become reasons and failures: without secrets, also one that was cut in two. */
export function redactedFiles(files: AgentFiles, secrets: Pick<Secrets, "text">): AgentFiles {
  return {
    ...files,
    stderrTail: (directory, maxBytes) =>
      secrets.text(files.stderrTail(directory, maxBytes + SECRET_REACH_BYTES)).slice(-maxBytes),
  };
}
