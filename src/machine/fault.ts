// Why is there no answer of users' code? The place where it ran failed: nothing follows from it about what it would
// have answered, and another node may see another failure, or none (HAZARDS D5, D6).

export interface Fault {
  readonly kind: "deadline" | "memory" | "overflow" | "crash" | "load"
  readonly detail: string
}

/** What code did that failed its host. */
export const deed: Readonly<Record<Fault["kind"], string>> = {
  deadline: "did not come to an end",
  memory: "took too much memory",
  overflow: "ran over the stack",
  crash: "ended the process that ran it",
  load: "could not be loaded",
}
