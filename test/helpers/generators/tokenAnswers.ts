import fc from "fast-check";

/** Bodies of a token server's answers: right ones, wrong types, broken JSON, and noise. */

const token = fc.oneof(fc.stringMatching(/^[A-Za-z0-9._~+/-]{1,60}$/), fc.string(), fc.constant("a\r\nx: y"));
const anything = fc.jsonValue();

const answer = fc.record(
  {
    token: fc.oneof(token, anything),
    access_token: fc.oneof(token, anything),
    expires_in: fc.oneof(fc.integer(), fc.double(), anything),
    issued_at: fc.oneof(
      fc.date({ noInvalidDate: true }).map((moment) => moment.toISOString()),
      fc.string(),
      anything,
    ),
    ["__proto__"]: anything,
  },
  { requiredKeys: [] },
);

export const tokenAnswer: fc.Arbitrary<string> = fc.oneof(
  { weight: 5, arbitrary: answer.map((value) => JSON.stringify(value)) },
  { weight: 1, arbitrary: fc.json() },
  { weight: 1, arbitrary: fc.string({ maxLength: 200 }) },
  { weight: 1, arbitrary: fc.nat({ max: 5000 }).map((depth) => "[".repeat(depth)) },
);
