// Where do reducers run alone? In realms that are closed for ever: a thread, and a process.

import { expect } from "bun:test"
import { join } from "node:path"
import type { Answer } from "./realmPlace.ts"

const placeFile = join(import.meta.dir, "realmPlace.ts")

export const inWorker = (code: string): Promise<ReadonlyArray<Answer>> =>
  new Promise<ReadonlyArray<Answer>>((resolve, reject) => {
    const worker = new Worker(placeFile)
    worker.onmessage = ({ data }) => {
      resolve(JSON.parse(data))
      worker.terminate()
    }
    worker.onerror = ({ message }) => reject(new Error(message))
    worker.postMessage(code)
  })

export const inProcess = async (code: string): Promise<ReadonlyArray<Answer>> => {
  const child = Bun.spawn([process.execPath, placeFile], {
    stdin: new Blob([code]),
    stdout: "pipe",
    stderr: "inherit",
  })
  const text = await new Response(child.stdout).text()
  expect(await child.exited).toBe(0)
  return JSON.parse(text)
}
