import { auth } from "./cases/auth.js";
import { limits } from "./cases/limits.js";
import { manifests } from "./cases/manifests.js";
import { mounting } from "./cases/mounting.js";
import { rates } from "./cases/rates.js";
import { transport } from "./cases/transport.js";
import type { Concern } from "./faultCase.js";

/** Everything that is in the suite, in the order of docs/faults.md. */
export const concerns: readonly Concern[] = [auth, mounting, manifests, transport, rates, limits];
