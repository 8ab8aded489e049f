// What is wrong with a file: not what was written, or a disk that failed?

import { hashFromBytes } from "./checksum.ts"

/** A row of the file is not what was written, or not there. What SQLite still reads can be copied out. */
export class LogDamaged extends Error {
  override readonly name = "LogDamaged"
}

/** What to say of a damaged file; an error that says nothing about the file is thrown on. */
export const damageOf = (error: unknown): string => {
  if (error instanceof LogDamaged) return error.message
  const { code, message } = error as { readonly code?: unknown; readonly message?: string }
  if (typeof code === "string" && damageCode.test(code)) return `${code}: ${message}`
  throw error
}

export const verifyChecksum = (what: string, checksum: unknown, expected: bigint): void => {
  if (hashFromBytes(checksum) !== expected) throw new LogDamaged(`${what} has a bad checksum`)
}

// A sector that cannot be read is lost like one that was altered. A failed write or sync is not in the file.
const damageCode =
  /^SQLITE_(CORRUPT|NOTADB|SCHEMA|ERROR|CANTOPEN|READONLY|IOERR_(READ|SHORT_READ|DATA|CORRUPTFS)$)/
