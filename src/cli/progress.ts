// How far has it come? One line that changes in a terminal; elsewhere a line every now and then, and less often while
// nothing changes.

const everyMillis = 2000
const stillEveryMillis = 60_000

export const makeProgress = (
  stream: { readonly isTTY?: boolean; readonly write: (text: string) => unknown } = process.stderr,
  now: () => number = performance.now.bind(performance),
) => {
  let shownAt = now()
  let shown = ""
  let said = ""
  return {
    show: (text: string): void => {
      if (stream.isTTY === true) {
        stream.write(`\r${text.padEnd(shown.length)}`)
        shown = text
      } else if (now() - shownAt >= (text === said ? stillEveryMillis : everyMillis)) {
        stream.write(`${text}\n`)
        said = text
        shownAt = now()
      }
    },
    end: (): void => {
      if (shown !== "") stream.write("\n")
      shown = ""
    },
  }
}
