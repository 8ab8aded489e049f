// What may be asked of a day by what lasts?

import type { Proposal, Read, TransferRequest } from "./Raft.ts"

export interface Hands {
  readonly proposals: {
    readonly add: (proposals: ReadonlyArray<Proposal>) => void
    /** Commands of the machine's own. `settled` is called for each, when it was executed or will not be here. */
    readonly addOwn: (commands: ReadonlyArray<Uint8Array>, settled: () => void) => void
  }
  readonly reads: { readonly add: (read: Read) => void }
  readonly operations: {
    /** `isOwn`: the node hands over by itself, whoever waits at its door. */
    readonly transfer: (request: TransferRequest, isOwn?: boolean) => void
  }
}
