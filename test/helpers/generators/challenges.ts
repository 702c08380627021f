import fc from "fast-check";

/** Header values that look like `WWW-Authenticate`: well-formed ones, broken ones and plain noise. */

const token = fc.stringMatching(/^[A-Za-z][A-Za-z0-9._-]{0,12}$/);
const quoted = fc.string({ maxLength: 40 }).map((text) => `"${text.replace(/["\\]/g, "\\$&")}"`);
const unclosed = fc.string({ maxLength: 40 }).map((text) => `"${text}`);
const unquoted = fc.stringMatching(/^[!-~]{0,20}$/);
const space = fc.constantFrom("", " ", "  ", "\t");
const separator = fc.constantFrom(",", ", ", " , ", ",,", " ", "");

const param = fc
  .tuple(
    fc.oneof(fc.constantFrom("realm", "service", "scope", "error", "__proto__"), token),
    space,
    space,
    fc.oneof(quoted, quoted, unquoted, unclosed),
  )
  .map(([name, before, after, value]) => `${name}${before}=${after}${value}`);

const challenge = fc
  .tuple(
    fc.oneof(fc.constantFrom("Bearer", "BASIC", "bearer", "Negotiate"), token),
    fc.oneof(
      fc.array(param, { maxLength: 5 }).map((params) => params.join(",")),
      fc.base64String({ maxLength: 24 }),
    ),
  )
  .map(([scheme, rest]) => `${scheme} ${rest}`);

const wellMixed = fc
  .array(fc.tuple(challenge, separator), { maxLength: 4 })
  .map((parts) => parts.map(([text, between]) => text + between).join(""));

/** What is hard on a parser that goes back: many of the same. */
const repetitive = fc
  .tuple(
    fc.constantFrom('"', "\\", "=", ",", " ", "a", "a=", 'a="', "a ", '\\"', "a=,"),
    fc.nat({ max: 4000 }),
  )
  .map(([piece, count]) => piece.repeat(count));

export const challengeLine: fc.Arbitrary<string> = fc.oneof(
  { weight: 6, arbitrary: wellMixed },
  { weight: 2, arbitrary: fc.string({ maxLength: 200 }) },
  { weight: 1, arbitrary: repetitive },
);

export const challengeLines: fc.Arbitrary<string[]> = fc.array(challengeLine, { maxLength: 4 });
