// Does the hash that is made of all rows of a state say what the machine said that wrote them? (N12)

import { Database } from "bun:sqlite"
import { afterEach, expect, test } from "bun:test"
import { join } from "node:path"
import { Schema } from "effect"
import { actor } from "../../src/index.ts"
import { encodeCommand } from "../../src/machine/command.ts"
import { Machine } from "../../src/machine/Machine.ts"
import { registryOf } from "../../src/machine/Registry.ts"
import { digestOfState } from "../../src/machine/stateDigest.ts"
import { readContent, readRecord } from "../../src/storage/stateRows.ts"
import { openSqliteStateStore } from "../../src/storage/stateStoreSqlite.ts"
import { command, entry, initial } from "./Bench.ts"
import { removeTemporary, temporary } from "./places.ts"

afterEach(removeTemporary)

const diary = actor({
  version: 1,
  state: Schema.String,
  initial: "",
  commands: {
    note: {
      input: Schema.String,
      output: Schema.Int,
      reduce: (state, text, ctx) => {
        if (text === "") ctx.reject("empty", "nothing to note")
        if (text.endsWith("later")) ctx.schedule(1_000, "note", "much later")
        return { state: state + text, result: text.length }
      },
    },
  },
})

const inFile = (path: string) => {
  const database = new Database(path, { readonly: true })
  try {
    const record = readRecord(database)
    return { stored: record.digest, summed: digestOfState(readContent(database, record)) }
  } finally {
    database.close()
  }
}

test("of instances, outcomes, forgotten ones among them, and timers; and another one when any row is missing", () => {
  const path = join(temporary(), "state.db")
  const machine = new Machine({
    store: openSqliteStateStore(path, initial),
    registry: registryOf({ diary }),
    limits: { outcomesMax: 7 },
  })
  for (let index = 1; index <= 20; index++) {
    const json = ["a", "", "ä later", "x".repeat(5_000)][index % 4]
    const given = command({ actor: "diary", command: "note", key: `k${index % 3}`, version: "v1", json })
    machine.apply([entry(index, encodeCommand(given))])
    if (index % 6 === 0) machine.flush()
    if (index === 18) expect(inFile(path).summed).toBe(machine.stateHash().hash)
  }
  machine.flush()
  const { hash } = machine.stateHash()
  machine.close()
  expect(inFile(path)).toEqual({ stored: hash, summed: hash })
  // One sum each, behind one another.
  for (const [at, table] of ["instances", "outcomes", "timers"].entries()) {
    const part = (digest: string) => digest.slice(at * 16, at * 16 + 16)
    expect(part(inFile(path).summed)).toBe(part(hash))
    const database = new Database(path)
    database.run(`DELETE FROM ${table} WHERE rowid = (SELECT max(rowid) FROM ${table})`)
    database.close()
    expect(part(inFile(path).summed)).not.toBe(part(hash))
  }
})
