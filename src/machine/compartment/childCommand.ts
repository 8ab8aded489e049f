// How is a child started so that it can neither outgrow nor outlive this process?

import { fileURLToPath } from "node:url"
import type { CompartmentLimits } from "./Compartment.ts"
import { answersDescriptor, requestsDescriptor } from "./protocol.ts"

export interface ChildCommand {
  readonly cmd: Array<string>
  /** All that the child sees of the node's environment: nothing of it. */
  readonly env: Readonly<Record<string, string>>
}

/**
 * A shell that starts Bun, waits, and kills it.
 *
 * It waits for the end of the lifeline, a pipe whose other end this process holds and nobody else. The kernel closes
 * that end however this process dies, and the shell does what is left to do, also when Bun is in a loop and would
 * never look. To end a child is to close its lifeline. The shell is the parent and collects its child: as a process
 * number 1, in a container, a node does not collect orphans.
 *
 * Whatever is printed inside goes where errors go. Signals that mean the node, such as Ctrl-C to all of a terminal's
 * processes or a service manager's to all of a service's, are left to the node, which may want answers until it ends.
 */
export const childCommand = (
  entry: URL,
  { memoryBytesMax, niceness }: Pick<CompartmentLimits, "memoryBytesMax" | "niceness">,
): ChildCommand => ({
  cmd: [
    "/bin/sh",
    "-c",
    watch,
    "raftlet compartment",
    `${Math.ceil((2 * memoryBytesMax + dataBytesOfBun) / 1024)}`,
    `${niceness}`,
    process.execPath,
    // Neither secrets nor packages from where it happens to run.
    "--no-env-file",
    "--no-install",
    fileURLToPath(entry),
  ],
  env: {
    PATH: "/usr/bin:/bin",
    // Half of what is allowed: it collects garbage before garbage alone would be too much.
    BUN_JSC_forceRAMSize: `${Math.floor(memoryBytesMax / 2)}`,
    // It reserves a GB for compiled code, and where it does not get it, as below a limit, it interprets: 15 times slower.
    BUN_JSC_jitMemoryReservationSize: `${64 * 1024 * 1024}`,
    BUN_RUNTIME_TRANSPILER_CACHE_PATH: "0",
    DO_NOT_TRACK: "1",
  },
})

/** Descriptor of the lifeline, in the shell alone. */
export const lifelineDescriptor = 3

// No core files, no files at all, and no more address space than twice what may be resident: who looks at that looks
// every few ms, and what is taken in between, or by a single allocation, meets this limit.
// Where nobody waits but who asked, the nodes' own threads have the CPU first.
const watch = `
trap '' HUP INT QUIT TERM
ulimit -c 0
ulimit -f 0
ulimit -d "$1"
niceness="$2"
shift 2
exec 6<&0 7>&1 0</dev/null 1>&2
if command -v nice >/dev/null; then set -- nice -n "$niceness" "$@"; fi
"$@" ${requestsDescriptor}<&6 ${answersDescriptor}>&7 6<&- 7>&- ${lifelineDescriptor}<&- &
exec 6<&- 7>&-
read -r _ <&${lifelineDescriptor}
kill -9 $! 2>/dev/null
wait $!
`

/** What Bun reserves of it and never touches. */
const dataBytesOfBun = 512 * 1024 * 1024
