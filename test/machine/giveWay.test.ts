// Does a thread give way, and none but itself?

import { expect, setDefaultTimeout, test } from "bun:test"
import { getPriority } from "node:os"

// A busy machine may take long for what is usually quick.
setDefaultTimeout(30_000)

// skip: elsewhere a priority belongs to the whole process, and nothing is done.
test.skipIf(process.platform !== "linux")(
  "a thread of what users run gives way to the node, from where the node stands",
  async () => {
    const before = getPriority()
    const said = Promise.withResolvers<number>()
    const worker = new Worker(new URL("./giveWayThread.ts", import.meta.url))
    worker.onmessage = ({ data }: MessageEvent<number>) => said.resolve(data)
    worker.onerror = ({ message }) => said.reject(new Error(message))
    expect(await said.promise).toBe(Math.min(before + 10, 19))
    expect(getPriority()).toBe(before)
    worker.terminate()
  },
)
