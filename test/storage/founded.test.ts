// A group is not found in the log: was it never there, or was it lost with what the node has lost? (S6)

import { afterEach, describe, expect, test } from "bun:test"
import { cpSync } from "node:fs"
import { join } from "node:path"
import { Effect } from "effect"
import { openDataDirectory } from "../../src/storage/DataDirectory.ts"
import { LogFile } from "../../src/storage/LogFile.ts"
import type { LoadedGroup } from "../../src/storage/LogStore.ts"
import { openLogDirectory } from "../../src/storage/logDirectory.ts"
import { entriesOf, initial, removeTemporaryDirectories, temporaryDirectory, writeOf } from "./support.ts"

afterEach(removeTemporaryDirectories)

const open = (directory: string): LogFile =>
  Effect.gen(function* () {
    const held = yield* openDataDirectory({ directory, clusterId: "cluster", nodeId: "n1" })
    return LogFile.open(openLogDirectory(directory, held.identity, 65_536))
  }).pipe(Effect.scoped, Effect.runSync)

const load = (
  log: LogFile,
  group: string,
  options: Partial<Parameters<LogFile["load"]>[0]> = {},
): LoadedGroup =>
  log.load({
    ...{ group, initial, stateIndex: 0, stateTerm: 0, stateConfiguration: initial, tailBytesMax: 1e6 },
    ...options,
  })

const write = (log: LogFile, group: string, part: Parameters<typeof writeOf>[0]): void =>
  log.write([{ group, write: writeOf(part) }])

/** Its `main` ends at 10. */
const directoryWithMain = () => {
  const directory = temporaryDirectory()
  const log = open(directory)
  load(log, "main")
  write(log, "main", { hardState: { term: 3, votedFor: "n2" }, entries: entriesOf(1, 10, 3) })
  return { directory, log }
}

describe("a group that is not found, on a node that has lost nothing", () => {
  test("is new, whenever it was founded: the node has not come to make it, or was away", () => {
    const { log } = directoryWithMain()
    expect(load(log, "early", { founded: 4 }).standing).toBe("whole")
    expect(load(log, "late", { founded: 400 }).standing).toBe("whole")
  })
})

/** Others know that its log was longer: the whole directory is an older copy, of which nothing on it can tell. */
const outrun = () => {
  const { directory, log } = directoryWithMain()
  load(log, "old", { founded: 4 })
  log.outrun(log.sequence + 50)
  return { directory, log }
}

describe("on a node whose directory turns out to be an older copy", () => {
  test("all groups of it are suspect at once, whichever was asked for", () => {
    const { directory, log } = outrun()
    log.close()
    const again = open(directory)
    expect(load(again, "main").standing).toBe("suspect")
    expect(load(again, "old", { founded: 4 }).standing).toBe("suspect")
  })

  test("a group that is not found is suspect while main is, whenever it was founded", () => {
    const { log } = outrun()
    expect(load(log, "lost", { founded: 9 }).standing).toBe("suspect")
    expect(load(log, "later", { founded: 9_000 }).standing).toBe("suspect")
  })

  test("it is suspect ever after when main knew it by the time when it was whole again, and no other is", () => {
    const { directory, log } = outrun()
    write(log, "main", { entries: entriesOf(11, 20, 3) })
    write(log, "main", { standing: "whole" })
    // What is whole again by itself makes nobody forget what was lost.
    write(log, "old", { standing: "whole" })
    write(log, "main", { entries: entriesOf(21, 30, 3) })
    log.close()
    const again = open(directory)
    expect(load(again, "main").standing).toBe("whole")
    expect(load(again, "lost", { founded: 20 }).standing).toBe("suspect")
    expect(load(again, "new", { founded: 21 }).standing).toBe("whole")
  })

  test("it is no longer when it has been repaired", () => {
    const { directory, log } = outrun()
    write(log, "main", { standing: "whole" })
    expect(load(log, "lost", { founded: 9 }).standing).toBe("suspect")
    write(log, "lost", { standing: "whole" })
    log.close()
    const again = open(directory)
    load(again, "main")
    expect(load(again, "lost", { founded: 9 }).standing).toBe("whole")
  })
})

describe("on a node whose log has no mark any more", () => {
  test("what main knew when that was found may have been lost, also before it is repaired", () => {
    const { directory, log } = directoryWithMain()
    log.close()
    const copy = join(temporaryDirectory(), "copy")
    cpSync(directory, copy, { recursive: true })
    Bun.spawnSync(["truncate", "-s", "0", join(copy, "log.mark")])
    const again = open(copy)
    expect(load(again, "main").standing).toBe("suspect")
    expect(load(again, "lost", { founded: 9 }).standing).toBe("suspect")
    write(again, "main", { standing: "whole" })
    expect(load(again, "lost too", { founded: 10 }).standing).toBe("suspect")
    expect(load(again, "new", { founded: 11 }).standing).toBe("whole")
  })
})
