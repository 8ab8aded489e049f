// What does an error of SQLite or of the file system call itself? No more than that: some threads know nothing else.

export const codeOf = (error: unknown): string =>
  error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : ""

/** A page that SQLite cannot read is as corrupt as a row with a bad checksum; all else is the disk's failure. */
export const isCorruptFile = (error: unknown): boolean => /^SQLITE_(CORRUPT|NOTADB)/.test(codeOf(error))
