// How may a zone be called? By what operators call a rack or a site.

/** 1 to 63 letters, digits, dots, dashes, underscores. */
export const isZoneName = (text: string): boolean => /^[A-Za-z0-9._-]{1,63}$/.test(text)
