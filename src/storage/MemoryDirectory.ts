// Which files does a directory in memory hold? A directory is a file of names: seen when written, durable when synced.

import { MemoryFile } from "./MemoryFile.ts"
import type { StateImage } from "./stateImage.ts"

/** What a SQLite file holds, or bytes of which nobody knows yet what they are. */
export type FileContent = StateImage | Uint8Array

export class MemoryDirectory {
  readonly names = new MemoryFile<ReadonlyMap<string, MemoryFile<FileContent>>>(new Map(), {
    healsWith: "sync",
  })

  file(name: string): MemoryFile<FileContent> | undefined {
    return this.names.written.get(name)
  }

  /** The whole content of a file, which is made when it is not there. Neither it nor its name is durable yet. */
  write(name: string, content: FileContent): MemoryFile<FileContent> {
    const file = this.file(name) ?? new MemoryFile<FileContent>(nothing)
    file.write(content)
    if (this.file(name) === undefined) this.names.write(new Map(this.names.written).set(name, file))
    return file
  }

  /** In one step: whoever looks finds the old file under the new name, or the new one. */
  rename(from: string, to: string): void {
    const names = new Map(this.names.written)
    names.set(to, names.get(from)!)
    names.delete(from)
    this.names.write(names)
  }

  remove(...removed: ReadonlyArray<string>): void {
    const names = new Map(this.names.written)
    for (const name of removed) names.delete(name)
    if (names.size < this.names.written.size) this.names.write(names)
  }

  /** Every file that a name leads to, or may lead to again after a loss of power. */
  files(): ReadonlySet<MemoryFile<FileContent>> {
    const images = [this.names.durable, ...this.names.unsynced]
    return new Set(images.flatMap((names) => [...names.values()]))
  }
}

const nothing = new Uint8Array()
