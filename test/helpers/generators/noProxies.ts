import fc from "fast-check";

/** Values of `NO_PROXY`, and of the variables that name proxies. */

const item = fc.oneof(
  fc.constantFrom(
    "*",
    "",
    "localhost",
    "example.com",
    ".example.com",
    "*.example.com",
    "[::1]:5000",
    "[",
    "]:1",
    ":80",
    "::",
    ".",
  ),
  fc.domain(),
  fc.ipV4(),
  fc.ipV6(),
  fc.tuple(fc.oneof(fc.ipV4(), fc.ipV6()), fc.nat({ max: 200 })).map(([net, bits]) => `${net}/${bits}`),
  fc.tuple(fc.domain(), fc.nat({ max: 70_000 })).map(([name, port]) => `${name}:${port}`),
  fc.string({ maxLength: 30, unit: "binary" }),
);

export const noProxy: fc.Arbitrary<string> = fc
  .tuple(fc.array(item, { maxLength: 6 }), fc.constantFrom(",", ", ", " ,", ",,"))
  .map(([items, separator]) => items.join(separator));

export const proxyValue: fc.Arbitrary<string> = fc.oneof(
  fc.constantFrom(
    "proxy.example:3128",
    "http://user:canary-secret@proxy.example",
    "socks5://p",
    "ftp://p",
    "://",
    "http://",
  ),
  fc.webUrl(),
  fc.string({ maxLength: 40, unit: "binary" }),
);
