// What stands in a stream of server-sent events? (WHATWG HTML §9.2.6, as far as a node speaks it)

/** One event, or, without a name, a cursor alone: that nothing else came up to there. */
export interface StreamEvent {
  /** What to resume with once this one is dealt with; null: as before. */
  readonly id: string | null
  readonly event: string | null
  readonly data: string
}

/** Takes bytes as they come, and gives the events that are whole. */
export class EventParser {
  readonly #decoder = new TextDecoder()
  #text = ""
  #id: string | null = null
  #event = ""
  #data: Array<string> = []

  /** Throws when it cannot be what a node says. */
  feed(bytes: Uint8Array): ReadonlyArray<StreamEvent> {
    const lines = (this.#text + this.#decoder.decode(bytes, { stream: true })).split("\n")
    this.#text = lines.pop() ?? ""
    if (this.#text.length > lineLengthMax) throw new Error(`a line of more than ${lineLengthMax} characters`)
    return lines.flatMap((line) => this.#line(line))
  }

  #line(line: string): ReadonlyArray<StreamEvent> {
    if (line === "") return this.#end()
    const colon = line.indexOf(":")
    const name = colon === -1 ? line : line.slice(0, colon)
    const value = colon === -1 ? "" : line.slice(colon + 1).replace(/^ /, "")
    if (name === "id") this.#id = value
    else if (name === "event") this.#event = value
    else if (name === "data") this.#data.push(value)
    return []
  }

  #end(): ReadonlyArray<StreamEvent> {
    const [id, event, data] = [this.#id, this.#event, this.#data]
    this.#id = null
    this.#event = ""
    this.#data = []
    if (data.length > 0) return [{ id, event: event || "message", data: data.join("\n") }]
    return id === null ? [] : [{ id, event: null, data: "" }]
  }
}

/** More than the largest state takes, however it is escaped. */
const lineLengthMax = 64 * 1024 * 1024
