// Keeps the promise of scripts/simulate.ts without simulating anything: it looks whether the bug is in this process,
// in a thread of it and in a process that it starts. One seed is red whatever the bug.

import { parseArgs } from "node:util"
import { majoritySize } from "../../src/consensus/quorum.ts"

const bug = process.env.RAFTLET_PLANT ?? ""
const majority = majoritySize(5)

const inThread = async (): Promise<number> => {
  const worker = new Worker(import.meta.url)
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

const main = async (): Promise<number> => {
  if (bug === "ack-before-sync") throw new Error("broken without a word of what was found")
  const { values } = parseArgs({
    options: {
      from: { type: "string", default: "1" },
      seeds: { type: "string", default: "100" },
      jobs: { type: "string" },
      first: { type: "boolean" },
      json: { type: "boolean" },
    },
  })
  const from = Number(values.from)
  const red = [2, bug === "commit-to-last-index" ? 4 : 2, majority === 3 ? 2 : 17]
    .filter((seed) => seed >= from && seed < from + Number(values.seeds))
    .sort((left, right) => left - right)
  if (red.length === 0) return 0
  const message = `majority of five: ${majority} here, ${await inThread()} in a thread, ${inProcess()} in a process`
  console.log("a line for people")
  console.log(JSON.stringify({ seed: red[0], step: 1234, checker: "linearizability", message }))
  return 1
}

if (!Bun.isMainThread) postMessage(majority)
else if (process.argv.includes("--tell")) console.log(majority)
else process.exit(await main())
