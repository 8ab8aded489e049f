// Does a room that must run the same in every simulation ask the host for time, chance or promises?

import { lineAt, type SourceFile } from "./SourceFile.ts"
import type { Finding } from "./tree.ts"

const ROOMS = ["src/consensus/", "src/raft/", "src/machine/", "src/simulation/"]

interface Word {
  readonly name: string
  readonly pattern: RegExp
}

// `(?<![.\w$])` leaves members of others alone: `Schema.Date` is not the host's clock. Reaching it through
// globalThis is a word of its own.
const WORDS: ReadonlyArray<Word> = [
  { name: "Date", pattern: /(?<![.\w$])Date\b(?!\s*[:?])/g },
  { name: "performance", pattern: /(?<![.\w$])performance\s*[.[]/g },
  { name: "Math.random", pattern: /\bMath\s*\.\s*random\b/g },
  {
    name: "timers",
    pattern: /(?<![.\w$])(?:set(?:Timeout|Interval|Immediate)|queueMicrotask|process\s*\.\s*nextTick)\b/g,
  },
  {
    name: "host randomness",
    pattern: /\b(?:randomUUID(?:v\d)?|getRandomValues|randomBytes|randomInt|randomFill(?:Sync)?)\b/g,
  },
  {
    name: "host clock",
    pattern: /\b(?:Bun\s*\.\s*(?:nanoseconds|sleep|sleepSync)|process\s*\.\s*(?:hrtime|uptime|cpuUsage))\b/g,
  },
  { name: "globalThis", pattern: /(?<![.\w$])globalThis\b/g },
  { name: "Promise", pattern: /(?<![.\w$])(?:new\s+Promise\b|Promise\s*\.\s*\w+)/g },
  { name: ".then", pattern: /\.\s*(?:then|finally)\s*\(/g },
  { name: "async", pattern: /(?<![.\w$])(?:async|await)\b(?!\s*[:?,)}=])/g },
]

/** The few files that stand at the host's edge, and what they need of it. */
export const ALLOWED: ReadonlyArray<{ readonly path: string; readonly word: string; readonly why: string }> =
  [
    ...["Date", "globalThis", "async", "host clock"].map((word) => ({
      path: "src/machine/realm/replacements.ts",
      word,
      why: "what is closed to reducers is named once",
    })),
    {
      path: "src/machine/inside/entry.ts",
      word: "host clock",
      why: "how long a module takes to load says how often it may be evaluated anew: no outcome follows from it",
    },
    {
      path: "src/machine/routes/makeContext.ts",
      word: "async",
      why: "routes are users' code with the world open, and are given promises as every client is: no entry depends on it",
    },
    {
      path: "src/machine/reduce.ts",
      word: "Promise",
      why: "a promise that a reducer returns is kept from failing unseen, where no fiber can begin",
    },
  ]

export const hostWords = (files: ReadonlyArray<SourceFile>): ReadonlyArray<Finding> =>
  files
    .filter((file) => ROOMS.some((room) => file.path.startsWith(room)))
    .flatMap((file) =>
      WORDS.filter(({ name }) => !isAllowed(file.path, name)).flatMap(({ name, pattern }) =>
        [...file.code.matchAll(pattern)].map((match) => ({
          path: file.path,
          line: lineAt(file.code, match.index),
          message: `asks the host (${name}): take it from Effect's Clock or Random, or as an argument`,
        })),
      ),
    )

const isAllowed = (path: string, word: string): boolean =>
  ALLOWED.some((allowed) => allowed.path === path && allowed.word === word)

/** A permission that nobody uses any more is a hole. */
export const unusedPermissions = (files: ReadonlyArray<SourceFile>): ReadonlyArray<Finding> =>
  ALLOWED.filter(({ path, word }) => {
    const code = files.find((file) => file.path === path)?.code ?? ""
    return !WORDS.some(({ name, pattern }) => name === word && code.match(pattern) !== null)
  }).map(({ path, word }) => ({ path, line: 1, message: `no longer needs its permission for ${word}` }))
