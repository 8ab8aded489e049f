// When does a mark survive a loss of power?

import { describe, expect, test } from "bun:test"
import { LogMark, type Mark, type MarkSlots, slotsOfMark } from "../../src/storage/mark.ts"

const markAt = (sequence: number): Mark => ({
  sequence,
  boot: "b",
  damaged: false,
  failed: false,
  groups: {},
})

/** What would be there after a loss of power that spares nothing unsynced. */
const makeSlots = (first: ReadonlyArray<Mark | null>) => {
  const written = [...first]
  let synced = [...first]
  const slots: MarkSlots = {
    read: (slot) => written[slot] ?? null,
    write: (slot, mark) => {
      written[slot] = mark
    },
    sync: () => {
      synced = [...written]
    },
    close: () => {},
  }
  const survivors = () => synced.flatMap((mark) => (mark === null ? [] : [mark.sequence]))
  return { slots, survivors }
}

describe("a mark", () => {
  test("is durable at once where none could be read: a second loss of power would take all again (S4)", () => {
    const { slots, survivors } = makeSlots(Array.from({ length: slotsOfMark }, () => null))
    const mark = new LogMark(slots)
    expect(mark.read()).toBeNull()
    mark.write(markAt(7))
    expect(survivors()).toEqual([7])
    mark.write(markAt(8))
    expect(survivors()).toEqual([7])
  })

  test("waits for the next sync where one is durable, and leaves that one alone", () => {
    const { slots, survivors } = makeSlots([markAt(3), null, null, null])
    const mark = new LogMark(slots)
    expect(mark.read()).toEqual(markAt(3))
    mark.write(markAt(4))
    mark.write(markAt(5))
    expect(survivors()).toEqual([3])
    mark.sync()
    expect(survivors().sort()).toEqual([3, 4, 5])
  })
})
