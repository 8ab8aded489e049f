// Do the bytes of a command come back as the command, and no other bytes as any?

import { expect, test } from "bun:test"
import fc from "fast-check"
import {
  decodeCommand,
  encodeLogged,
  isLaterFormat,
  type LoggedCommand,
  withVersion,
} from "../../src/machine/command.ts"

const text = (maxLength: number) =>
  fc
    .oneof(fc.string({ maxLength }), fc.string({ maxLength, unit: "grapheme" }), fc.constant(""))
    .map((s) => s.toWellFormed())

const commands: fc.Arbitrary<LoggedCommand> = fc.record({
  actor: text(20),
  key: text(600),
  command: text(20),
  input: text(3_000),
  idempotencyKey: text(200),
  ifRevision: fc.option(fc.nat({ max: Number.MAX_SAFE_INTEGER - 1 }), { nil: null }),
  version: text(30),
  seed: fc.uint8Array({ maxLength: 40 }),
  caller: text(20),
  door: text(20),
  timer: text(40),
})

test("a command comes back from its bytes as it went", () => {
  fc.assert(
    fc.property(commands, (command) => {
      expect(decodeCommand(encodeLogged(command))).toEqual(command)
    }),
    { numRuns: 300 },
  )
})

test("a view into a larger buffer is read like bytes of its own", () => {
  fc.assert(
    fc.property(commands, (command) => {
      const bytes = encodeLogged(command)
      const framed = new Uint8Array(bytes.byteLength + 7).fill(0xee)
      framed.set(bytes, 3)
      expect(decodeCommand(framed.subarray(3, 3 + bytes.byteLength))).toEqual(command)
    }),
    { numRuns: 30 },
  )
})

test("the version is put in as if it had been there from the start, also in place of another", () => {
  const versions = fc.oneof(fc.constant(""), fc.constant("v".repeat(200)), text(30))
  fc.assert(
    fc.property(commands, versions, versions, (given, before, version) => {
      const command = { ...given, version: before }
      const versioned = withVersion(encodeLogged(command), command, version)
      expect(versioned).toEqual(encodeLogged({ ...command, version }))
    }),
    { numRuns: 100 },
  )
})

test("cut or lengthened bytes hold no command", () => {
  fc.assert(
    fc.property(commands, fc.nat(), (command, cut) => {
      const bytes = encodeLogged(command)
      expect(decodeCommand(bytes.subarray(0, cut % bytes.byteLength))).toBeNull()
      expect(decodeCommand(Uint8Array.from([...bytes, 0]))).toBeNull()
    }),
    { numRuns: 100 },
  )
})

test("any bytes give a command or null, never a throw", () => {
  fc.assert(
    fc.property(
      commands,
      fc.uint8Array({ maxLength: 100 }),
      fc.nat(),
      fc.nat(255),
      (command, noise, at, byte) => {
        decodeCommand(noise)
        decodeCommand(Uint8Array.of(1, ...noise))
        const bytes = encodeLogged(command)
        bytes[at % bytes.byteLength] = byte
        const decoded = decodeCommand(bytes)
        if (decoded !== null) expect(decodeCommand(encodeLogged(decoded))).toEqual(decoded)
      },
    ),
    { numRuns: 300 },
  )
})

test("bytes that are not UTF-8 are no command, also where a replacement would have their length", () => {
  const bytes = encodeLogged({
    actor: "a",
    key: "b",
    command: "c",
    input: "d",
    idempotencyKey: "e",
    ifRevision: null,
    version: "",
    seed: new Uint8Array(0),
    caller: "",
    door: "",
    timer: "",
  })
  expect(decodeCommand(bytes)).not.toBeNull()
  for (const bad of [0x80, 0xc3, 0xff]) {
    bytes[bytes.byteLength - 2] = bad
    expect(decodeCommand(bytes)).toBeNull()
  }
})

test("a length that cuts a character in two is no command", () => {
  const bytes = encodeLogged({
    actor: "ä",
    key: "b",
    command: "",
    input: "",
    idempotencyKey: "",
    ifRevision: null,
    version: "",
    seed: new Uint8Array(0),
    caller: "",
    door: "",
    timer: "",
  })
  // The lengths of actor and key: 2 and 1 become 1 and 2.
  expect([bytes[3], bytes[4]]).toEqual([2, 1])
  bytes[3] = 1
  bytes[4] = 2
  expect(decodeCommand(bytes)).toBeNull()
})

test("bytes of a later format are known as such", () => {
  expect([Uint8Array.of(2), Uint8Array.of(1), new Uint8Array(0)].map(isLaterFormat)).toEqual([
    true,
    false,
    false,
  ])
})
