// What does a node tell Prometheus? A registry of counters, gauges and histograms, in text format 0.0.4.

/** Only goes up. Label values stand in the order of the label names. */
export interface Counter {
  readonly add: (count: number, ...labels: ReadonlyArray<string>) => void
}

/** Where measured times go. */
export interface Histogram {
  readonly observe: (millis: number) => void
}

/** One value of a gauge that is read at scrape time; labels in the order of the label names. */
export interface Sample {
  readonly labels: ReadonlyArray<string>
  readonly value: number
}

interface Family {
  readonly name: string
  readonly help: string
  readonly type: "counter" | "gauge" | "histogram"
  readonly lines: () => Iterable<string>
}

/** Everything that one node counts. Counting is plain and cheap; reading is done by who scrapes. */
export class Metrics {
  readonly #families = new Map<string, Family>()

  counter(name: string, help: string, labelNames: ReadonlyArray<string> = []): Counter {
    // Counted by the bare label values: text is made when somebody scrapes, not on every request.
    const cells = new Map<string, { readonly labels: ReadonlyArray<string>; value: number }>()
    if (labelNames.length === 0) cells.set("", { labels: [], value: 0 })
    this.#add({
      name,
      help,
      type: "counter",
      lines: () => cells.values().map((cell) => `${name}${labelText(labelNames, cell.labels)} ${cell.value}`),
    })
    return {
      add: (count, ...labels) => {
        const key = labels.length === 1 ? labels[0]! : labels.join("\0")
        const cell = cells.get(key)
        if (cell === undefined) cells.set(key, { labels, value: count })
        else cell.value += count
      },
    }
  }

  /** Times in milliseconds in, seconds out, as Prometheus wants them. */
  histogram(
    name: string,
    help: string,
    boundsMillis: ReadonlyArray<number> = defaultBoundsMillis,
  ): Histogram {
    const counts = new Array<number>(boundsMillis.length + 1).fill(0)
    let sumMillis = 0
    this.#add({
      name,
      help,
      type: "histogram",
      lines: function* () {
        let seen = 0
        for (const [at, bound] of boundsMillis.entries()) {
          seen += counts[at]!
          yield `${name}_bucket{le="${bound / 1000}"} ${seen}`
        }
        seen += counts[boundsMillis.length]!
        yield `${name}_bucket{le="+Inf"} ${seen}`
        yield `${name}_sum ${sumMillis / 1000}`
        yield `${name}_count ${seen}`
      },
    })
    return {
      observe: (millis) => {
        let at = 0
        while (at < boundsMillis.length && millis > boundsMillis[at]!) at++
        counts[at]!++
        sumMillis += millis
      },
    }
  }

  /** A value that somebody else keeps, read when it is asked for. `counter`: it only ever goes up. */
  gauge(
    name: string,
    help: string,
    labelNames: ReadonlyArray<string>,
    read: () => Iterable<Sample>,
    type: "gauge" | "counter" = "gauge",
  ): void {
    this.#add({
      name,
      help,
      type,
      lines: function* () {
        for (const { labels, value } of read()) yield `${name}${labelText(labelNames, labels)} ${value}`
      },
    })
  }

  /** The text exposition. */
  text(): string {
    const lines: Array<string> = []
    for (const { name, help, type, lines: read } of this.#families.values()) {
      lines.push(`# HELP ${name} ${help.replaceAll("\\", "\\\\").replaceAll("\n", "\\n")}`)
      lines.push(`# TYPE ${name} ${type}`)
      lines.push(...read())
    }
    return `${lines.join("\n")}\n`
  }

  #add(family: Family): void {
    if (this.#families.has(family.name)) throw new Error(`metric ${family.name} is registered twice`)
    this.#families.set(family.name, family)
  }
}

/** From a quick sync to a disk that hangs. */
export const defaultBoundsMillis: ReadonlyArray<number> = [
  0.1, 0.25, 0.5, 1, 2.5, 5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10_000,
]

const labelText = (names: ReadonlyArray<string>, values: ReadonlyArray<string>): string => {
  if (names.length === 0) return ""
  let text = ""
  for (let at = 0; at < names.length; at++) {
    text += `${at === 0 ? "{" : ","}${names[at]}="${escapeLabel(values[at] ?? "")}"`
  }
  return `${text}}`
}

// Most have nothing to escape, and a scrape of a thousand groups has a hundred thousand.
const escapeLabel = (value: string): string => (special.test(value) ? escaped(value) : value)

const special = /[\\"\n]/

const escaped = (value: string): string =>
  value.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n")
