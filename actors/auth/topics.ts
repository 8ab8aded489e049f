// Does a topic match a pattern? Words between dots: `*` stands for one word, `#` for any number of them, none included
// (the topic exchanges of AMQP know the same).

import { Schema } from "effect"

/** As `orders.eu.created`. What a broker calls a routing key, a queue or an exchange. */
export const Topic = Schema.String.check(Schema.isMinLength(1), Schema.isMaxLength(255))

/** As `orders.#` or `*.eu.created`. */
export const Pattern = Schema.String.check(
  Schema.isMaxLength(255),
  Schema.isPattern(/^(?:[^.*#\s]+|\*|#)(?:\.(?:[^.*#\s]+|\*|#)){0,31}$/, {
    expected: "words between dots, at most 32, each of them `*`, `#` or plain",
  }),
)

/** The topic, word for word. */
export const matches = (pattern: string, topic: string): boolean => fits(pattern, topic, "word for word")

/**
 * Who subscribes may ask for many topics at once, by a pattern of their own: is every one of them also one of this
 * pattern's? A no may be too careful, where `#` stands beside `*`; a yes never is.
 */
export const covers = (pattern: string, asked: string): boolean => fits(pattern, asked, "every one")

/** Is at least one topic both this pattern's and among those that are asked for? */
export const meets = (pattern: string, asked: string): boolean => fits(pattern, asked, "some one")

/**
 * From the ends of both on, for each pair of a rest of the pattern and a rest of what is asked, whether those fit: as many
 * steps as both have words, where trying out what each `#` may stand for would take for ever.
 */
const fits = (pattern: string, asked: string, how: "word for word" | "every one" | "some one"): boolean => {
  const parts = pattern.split(".")
  const words = asked.split(".")
  let below: ReadonlyArray<boolean> = []
  for (let at = parts.length; at >= 0; at--) {
    const part = parts[at]
    const row: Array<boolean> = []
    for (let from = words.length; from >= 0; from--) {
      const word = words[from]
      const isMany = how !== "word for word" && word === "#"
      if (part === undefined && word === undefined) row[from] = true
      else if (part === "#") row[from] = below[from] === true || row[from + 1] === true
      else if (isMany) row[from] = how === "some one" && (row[from + 1] === true || below[from] === true)
      else if (part === undefined || word === undefined) row[from] = false
      else {
        const isOne = part === "*" || part === word || (how === "some one" && word === "*")
        row[from] = isOne && below[from + 1] === true
      }
    }
    below = row
  }
  return below[0] === true
}
