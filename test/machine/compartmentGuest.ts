// What runs inside of a compartment under test: does what its request says, be it good or bad.

import { numberOfDFGCompiles } from "bun:jsc"
import { closeSync, existsSync, readlinkSync, writeSync } from "node:fs"
import { serve } from "../../src/machine/compartment/serve.ts"

// Taken before somebody closes the realm.
const [decoder, encoder] = [new TextDecoder(), new TextEncoder()]
const held: Array<unknown> = []
const encode = (text: unknown): Uint8Array => encoder.encode(`${text}`)
const encodeAll = (value: unknown): Uint8Array => encode(JSON.stringify(value))

const hot = (rounds: number): number => {
  let sum = 0
  for (let round = 0; round < rounds; round++) sum = (sum * 31 + round) | 0
  return sum
}

const sleepThread = (millis: number): void => {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, millis)
}

const acts: Record<string, (rest: string, request: Uint8Array) => unknown> = {
  echo: (_rest, request) => request,
  length: (rest) => encode(rest.length),
  // A view of a larger buffer, of which the rest is still needed.
  view: () => {
    const whole = encode("left|right")
    held[0] = whole
    return whole.subarray(5)
  },
  whole: () => held[0],
  whoServes: () => encode(existsSync("/proc/thread-self") ? readlinkSync("/proc/thread-self") : process.pid),
  surroundings: () => encodeAll({ env: process.env, cwd: process.cwd() }),

  loop: () => {
    while (true) {}
  },
  // Ends in about 2^60 steps.
  pattern: () => encode(/^(a+)+$/.test(`${"a".repeat(60)}!`)),
  sleep: (rest) => {
    sleepThread(Number(rest))
    return encode("slept")
  },
  recurse: () => {
    const down = (): number => 1 + down()
    return encode(down())
  },
  throw: (rest) => {
    throw new Error(rest)
  },
  throwNoText: () => {
    throw Object.create(null)
  },
  noBytes: () => "a string",
  large: (rest) => new Uint8Array(Number(rest)),
  exit: (rest) => process.exit(Number(rest)),
  signal: (rest) => {
    process.kill(process.pid, rest)
    sleepThread(60_000)
  },

  objects: () => {
    for (let at = 0; ; at++) held.push({ at, list: [at, at] })
  },
  arrays: () => {
    while (true) held.push(new Uint8Array(1_000_000).fill(1))
  },
  atOnce: () => new Uint8Array(4_000_000_000),
  garbage: (rest) => {
    const text = JSON.stringify(Array.from({ length: 30_000 }, (_, at) => ({ at, name: `name ${at}` })))
    for (let round = 0; round < Number(rest); round++) held[0] = JSON.parse(text)
    return encode("survived")
  },
  compiled: () => {
    for (let round = 0; round < 100; round++) hot(100_000)
    return encode(numberOfDFGCompiles(hot))
  },

  print: (rest) => {
    for (let line = 0; line < 2_000; line++) console.log(rest.repeat(100))
    process.stdout.write(rest)
    console.error(rest)
    return encode("printed")
  },
  say: (rest) => {
    writeSync(5, Buffer.from(rest, "hex"))
    sleepThread(60_000)
  },
  answerTwice: (rest, request) => {
    writeSync(5, Buffer.from(rest, "hex"))
    return request
  },
  closeAnswers: () => {
    closeSync(5)
    while (true) {}
  },
  closeRequests: () => {
    closeSync(4)
    return encode("closed")
  },
  closeRealm: () => {
    for (const name of ["process", "Bun", "self", "postMessage", "TextEncoder", "console", "setTimeout"]) {
      Reflect.deleteProperty(globalThis, name)
    }
    return acts.echo!("", new Uint8Array(1))
  },
}

serve((request) => {
  const end = request.indexOf(10)
  const [act, rest] = [request.subarray(0, end), request.subarray(end + 1)].map((part) =>
    decoder.decode(part),
  ) as [string, string]
  return acts[act]!(rest, request) as Uint8Array
})
