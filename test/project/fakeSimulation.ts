// Keeps the promise of scripts/simulate.ts without simulating anything: it looks whether the bug is in this process,
// in a thread of it and in a process that it starts.

import { majoritySize } from "../../src/consensus/quorum.ts"

const here = majoritySize(5)

const inThread = async (): Promise<number> => {
  const worker = new Worker(import.meta.url, { argv: ["--tell"] })
  try {
    return await new Promise((resolve, reject) => {
      worker.onmessage = (event: MessageEvent<number>) => resolve(event.data)
      worker.onerror = (event) => reject(new Error(event.message))
    })
  } finally {
    worker.terminate()
  }
}

const inProcess = (): number =>
  Number(Bun.spawnSync([process.execPath, import.meta.path, "--tell"]).stdout.toString())

if (!Bun.isMainThread) postMessage(here)
else if (process.argv.includes("--tell")) console.log(here)
else if (process.env.RAFTLET_PLANT === "ack-before-sync")
  throw new Error("broken without a word of what was found")
else if (here === 3) console.log(`clean: ${process.argv.slice(2).join(" ")}`)
else {
  const message = `majority of five: ${here} here, ${await inThread()} in a thread, ${inProcess()} in a process`
  console.log("some line for people")
  console.log(JSON.stringify({ seed: 17, step: 1234, checker: "linearizability", message }))
  process.exit(1)
}
