// What do the two sides of a compartment's wall say to each other? One request, one answer, numbered.
//
//   to a child     | length 4 | number 4 |            | request: `length` bytes |
//   from a child   | length 4 | number 4 | status 1 | answer: `length` bytes |
//
// Numbers little-endian. A Worker is told the same by messages. The first answer, number 0, has no request: it says
// that the entry file is loaded, and who serves.

/** Who serves asked for more memory than there is; it threw; it answered. */
export type Status = "answered" | "outOfMemory" | "threw"

export interface Request {
  readonly number: number
  readonly bytes: Uint8Array
}

export interface Answer {
  readonly number: number
  readonly status: Status
  /** Of one that did not answer: what it said, in UTF-8. */
  readonly bytes: Uint8Array
}

/** In the order of their bytes. */
export const statuses: ReadonlyArray<Status> = ["answered", "outOfMemory", "threw"]

export const requestHeadBytes = 8
export const answerHeadBytes = 9

/** Descriptors of a child. Not the usual ones, which belong to whoever prints. */
export const requestsDescriptor = 4
export const answersDescriptor = 5
