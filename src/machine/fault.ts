// Why is there no answer of users' code? The place where it ran failed: nothing follows from it about what it would
// have answered, and another node may see another failure, or none (HAZARDS D5, D6).

export interface Fault {
  /** `host`: not the code's doing. There was no place where it could run, or that place was closed, or too busy. */
  readonly kind: "deadline" | "memory" | "overflow" | "crash" | "load" | "host"
  readonly detail: string
}

/** What an instance is put into quarantine for: code that was run and did this each time. */
export interface Guilt extends Fault {
  readonly kind: Exclude<Fault["kind"], "host">
}

export const isGuilt = (fault: Fault): fault is Guilt => fault.kind !== "host"

/** What code did that failed its host. */
export const deed: Readonly<Record<Fault["kind"], string>> = {
  deadline: "did not come to an end",
  memory: "took too much memory",
  overflow: "ran over the stack",
  crash: "ended the process that ran it",
  load: "could not be loaded",
  host: "could not be run just now",
}
