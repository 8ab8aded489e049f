// A thread of machines that answers everything with nothing, and ends when it is asked for its status.

import type { Request } from "../../src/machine/threadProtocol.ts"

declare const self: Worker

self.onmessage = ({ data: { id, operation } }: MessageEvent<Request>) => {
  if (operation === "status") process.exit(1)
  self.postMessage({ id, gives: null, failure: null })
}
