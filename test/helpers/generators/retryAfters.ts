import fc from "fast-check";

/** `Retry-After` values: every form there is, forms that nearly are one, and noise. */

const date = fc.date({ min: new Date("1970-01-01"), max: new Date("2099-12-31"), noInvalidDate: true });
const imfFixdate = date.map((moment) => moment.toUTCString());
const asctime = imfFixdate.map((text) => {
  const [week, day, month, year, time] = text.replace(",", "").split(" ");
  return `${week} ${month} ${day?.replace(/^0/, " ")} ${time} ${year}`;
});
const rfc850 = imfFixdate.map((text) => {
  const [, day, month, year, time] = text.replace(",", "").split(" ");
  return `Sunday, ${day}-${month}-${year?.slice(2)} ${time} GMT`;
});
const unit = fc.constantFrom("ns", "us", "µs", "μs", "ms", "s", "m", "h");
const goDuration = fc
  .array(fc.tuple(fc.nat({ max: 9999 }), unit), { minLength: 1, maxLength: 3 })
  .map((parts) => parts.map(([count, name]) => `${count}${name}`).join(""));

export const retryAfter: fc.Arbitrary<string> = fc.oneof(
  fc.nat().map(String),
  fc.double({ noNaN: true }).map(String),
  fc.integer({ max: -1 }).map(String),
  fc.bigInt().map(String),
  goDuration,
  imfFixdate,
  rfc850,
  asctime,
  fc.string({ maxLength: 80 }),
  fc
    .tuple(fc.constantFrom("9", ".", "1s", " ", "1."), fc.nat({ max: 5000 }))
    .map(([piece, n]) => piece.repeat(n)),
);
