// What are the compartments of a node made of? One entry file, in a thread or in a process of its own.

import { openChild } from "./compartment/openChild.ts"
import { openWorker } from "./compartment/openWorker.ts"
import type { Compartments } from "./Premises.ts"

const entry = new URL("./inside/entry.ts", import.meta.url)

export const compartments: Compartments = {
  openWorker: openWorker({ entry }),
  // The log waits for it, and all nodes' clients with it.
  openChild: openChild({ entry }),
  openNiceChild: openChild({ entry, limits: { niceness: 10 } }),
}
