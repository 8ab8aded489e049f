// A thread that gives way, and says what it has then; see giveWay.test.ts.

import { readlinkSync } from "node:fs"
import { getPriority } from "node:os"
import { giveWay } from "../../src/machine/beside/giveWay.ts"

declare const self: Worker

giveWay(10)
const [, thread] = /\/task\/(\d+)$/.exec(readlinkSync("/proc/thread-self"))!
self.postMessage(getPriority(Number(thread)))
