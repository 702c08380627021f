import fc from "fast-check";

/** Texts of config.json and DOCKER_AUTH_CONFIG: sound ones, wrong types, broken JSON, and noise. */

/** In every password that these configurations hold; no message may repeat it. */
export const CANARY = "canary-secret";

const host = fc.constantFrom(
  "registry.example",
  "127.0.0.1:5000",
  "https://index.docker.io/v1/",
  "http://a/b",
  "",
  "__proto__",
);
const auth = fc.oneof(
  fc.string().map((user) => Buffer.from(`${user}:${CANARY}`).toString("base64")),
  fc.base64String(),
  fc.string(),
  fc.constant(CANARY),
);
const anything = fc.jsonValue();

const entry = fc.record(
  {
    auth: fc.oneof(auth, anything),
    AUTH: auth,
    username: fc.oneof(fc.string(), anything),
    password: fc.constantFrom(CANARY, null, 5),
    identitytoken: fc.constantFrom(CANARY, "", null),
    registrytoken: fc.constantFrom(CANARY, "", null),
    email: anything,
  },
  { requiredKeys: [] },
);

const config = fc.record(
  {
    auths: fc.oneof(fc.dictionary(host, fc.oneof(entry, anything)), anything),
    Auths: fc.dictionary(host, entry),
    credHelpers: fc.oneof(
      fc.dictionary(host, fc.oneof(fc.constantFrom("pass", "../x", ""), anything)),
      anything,
    ),
    credsStore: fc.oneof(fc.constantFrom("desktop", "a/b", ""), anything),
    HttpHeaders: anything,
    ["__proto__"]: anything,
  },
  { requiredKeys: [] },
);

const sound = config.map((value) => JSON.stringify(value));
const cut = fc.tuple(sound, fc.nat({ max: 400 })).map(([text, length]) => text.slice(0, length));
const followed = fc.tuple(sound, fc.string()).map(([text, rest]) => text + rest);

export const dockerConfig: fc.Arbitrary<string> = fc.oneof(
  { weight: 5, arbitrary: sound },
  { weight: 2, arbitrary: cut },
  { weight: 1, arbitrary: followed },
  { weight: 1, arbitrary: fc.json() },
  { weight: 1, arbitrary: fc.string({ maxLength: 200, unit: "binary" }) },
  {
    weight: 1,
    arbitrary: fc
      .tuple(fc.constantFrom("{", "[", '{"a":', '"', "\\", '{"'), fc.nat({ max: 5000 }))
      .map(([s, n]) => s.repeat(n)),
  },
);
