/** Works for a moment, then dies of SIGSEGV, as a native module with a bad pointer would. */
import { introduceSelf } from "./self.ts";

const self = await introduceSelf();
await self.report("working", 30, "Half way through, and about to follow a bad pointer.");
process.kill(process.pid, "SIGSEGV");
