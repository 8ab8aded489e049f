// What does an error of SQLite mean to who owns the state, and what may be asked after it?

import { codeOf, isCorruptFile } from "./errorCode.ts"
import { StateCorrupt, StateStoreFailed, StateStoreFull } from "./StateStore.ts"
import { isNoRoom } from "./sqliteError.ts"

/** Runs what is asked of a state store. After a failure of the disk all that is asked later fails, too. */
export class StateGuard {
  #failure: StateStoreFailed | null = null

  attempt<A>(operation: string, body: () => A): A {
    if (this.#failure !== null) throw this.#failure
    try {
      return failing(operation, body)
    } catch (error) {
      if (error instanceof StateStoreFailed && !(error instanceof StateStoreFull)) this.#failure = error
      throw error
    }
  }
}

export const failing = <A>(operation: string, body: () => A): A => {
  try {
    return body()
  } catch (error) {
    if (error instanceof StateCorrupt || error instanceof StateStoreFailed) throw error
    const code = codeOf(error)
    if (isNoRoom(error)) {
      throw new StateStoreFull(`${operation}: no room on the disk (${code})`, { cause: error })
    }
    const message = `${operation}: ${code === "" ? "" : `${code}: `}${(error as Error).message}`
    if (isCorruptFile(error)) throw new StateCorrupt(message)
    throw new StateStoreFailed(message, { cause: error })
  }
}
