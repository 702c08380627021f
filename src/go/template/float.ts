/**
 * Floats as Go formats them, in any precision and exactly: JavaScript's own methods stop at 100 digits and round halves
 * up, where Go rounds them to even. https://pkg.go.dev/strconv#FormatFloat
 */

/** A finite number without its sign: 0.d₁d₂d₃… · 10^point. */
interface Decimal {
  readonly digits: string;
  readonly point: number;
}

/**
 * @param value finite, not negative
 * @param verb `e`, `f`, `g`, `x` or `b`, or the first four as capitals
 * @param precision digits behind the point (for g: digits); undefined for as many as tell the number from all others
 */
export function formatFloat(value: number, verb: string, precision: number | undefined): string {
  switch (verb) {
    case "e":
    case "E":
      return scientific(
        roundedTo(value, precision === undefined ? undefined : precision + 1),
        verb,
        precision,
      );
    case "f":
      return plain(
        precision === undefined ? shortest(value) : roundedBehindPoint(value, precision),
        precision,
      );
    case "g":
    case "G":
      return general(value, verb, precision);
    case "b":
      return binary(value);
    default: {
      const text = hexadecimal(value, precision);
      return verb === "X" ? text.toUpperCase() : text;
    }
  }
}

/** By exponent if that is small or large, else plainly; without zeros at the end. */
function general(value: number, verb: string, precision: number | undefined): string {
  const wanted = precision === 0 ? 1 : precision;
  const decimal = roundedTo(value, wanted);
  const { point } = decimal;
  const digits = decimal.digits.replace(/0+$/, "");
  const count = digits.length;
  const limit = wanted === undefined ? 6 : wanted > count && count >= point ? count : wanted;
  const isPlain = value === 0 || (point - 1 >= -4 && point - 1 < limit);
  return isPlain
    ? plain({ digits, point }, Math.max(count - point, 0))
    : scientific({ digits, point }, verb === "G" ? "E" : "e", count - 1);
}

function scientific({ digits, point }: Decimal, letter: string, precision: number | undefined): string {
  const isZero = /^0*$/.test(digits);
  const padded = digits.padEnd((precision ?? digits.length - 1) + 1, "0") || "0";
  const exponent = isZero ? 0 : point - 1;
  const fraction = padded.length > 1 ? `.${padded.slice(1)}` : "";
  return `${padded.charAt(0)}${fraction}${letter}${exponentText(exponent)}`;
}

function exponentText(exponent: number): string {
  return (exponent < 0 ? "-" : "+") + String(Math.abs(exponent)).padStart(2, "0");
}

function plain({ digits, point }: Decimal, precision: number | undefined): string {
  const whole = point > 0 ? digits.slice(0, point).padEnd(point, "0") : "0";
  const behind = point > 0 ? digits.slice(point) : "0".repeat(-point) + digits;
  const fraction = precision === undefined ? behind : behind.slice(0, precision).padEnd(precision, "0");
  return fraction === "" ? whole : `${whole}.${fraction}`;
}

/** The fewest digits that only this number has. */
function shortest(value: number): Decimal {
  const [mantissa = "", exponent = ""] = value.toExponential().split("e");
  if (value === 0) return { digits: "", point: 0 };
  return { digits: mantissa.replace(".", ""), point: Number(exponent) + 1 };
}

/** So many digits in all, or the fewest. */
function roundedTo(value: number, count: number | undefined): Decimal {
  return count === undefined ? shortest(value) : rounded(exact(value), count);
}

function roundedBehindPoint(value: number, precision: number): Decimal {
  const decimal = exact(value);
  return rounded(decimal, decimal.point + precision);
}

/** To so many digits; a half goes to the even neighbour. */
function rounded({ digits, point }: Decimal, count: number): Decimal {
  if (count >= digits.length) return { digits, point };
  if (count < 0) return { digits: "", point };
  const kept = digits.slice(0, count);
  const next = digits.charAt(count);
  const isTie = next === "5" && /^0*$/.test(digits.slice(count + 1));
  const isUp = isTie ? "13579".includes(kept.slice(-1) || "0") : next >= "5";
  if (!isUp) return { digits: kept, point };
  const up = String(BigInt(kept || "0") + 1n).padStart(count, "0");
  // 99 to one digit is 1·10², not 10·10.
  return { digits: up.slice(0, Math.max(count, 1)), point: point + (up.length - count) };
}

/** All digits: a float is a whole number times a power of two, which has an end in decimals. */
function exact(value: number): Decimal {
  if (value === 0) return { digits: "", point: 0 };
  const { mantissa, exponent } = partsOf(value);
  if (exponent >= 0) {
    const digits = String(mantissa << BigInt(exponent));
    return { digits, point: digits.length };
  }
  const digits = String(mantissa * 5n ** BigInt(-exponent));
  return { digits, point: digits.length + exponent };
}

/** mantissa · 2^exponent, the mantissa of 53 bits, fewer for the smallest numbers. */
function partsOf(value: number): { mantissa: bigint; exponent: number } {
  const bytes = Buffer.alloc(8);
  bytes.writeDoubleBE(value);
  const bits = bytes.readBigUInt64BE();
  const biased = Number((bits >> 52n) & 0x7ffn);
  const fraction = bits & 0xfffffffffffffn;
  return biased === 0
    ? { mantissa: fraction, exponent: -1074 }
    : { mantissa: fraction | 0x10000000000000n, exponent: biased - 1075 };
}

/** `4503599627370496p-52` */
function binary(value: number): string {
  const { mantissa, exponent } = partsOf(value);
  return `${mantissa}p${exponent < 0 ? "" : "+"}${exponent}`;
}

/** `0x1.8p+00` */
function hexadecimal(value: number, precision: number | undefined): string {
  if (value === 0) return `0x0${precision ? `.${"0".repeat(precision)}` : ""}p+00`;
  const parts = partsOf(value);
  const missing = 53 - parts.mantissa.toString(2).length;
  let mantissa = parts.mantissa << BigInt(missing);
  let exponent = parts.exponent - missing + 52;
  if (precision !== undefined && precision < 13) {
    const unit = 1n << BigInt(4 * (13 - precision));
    const rest = mantissa % unit;
    mantissa -= rest;
    const isOdd = (mantissa / unit) % 2n === 1n;
    if (rest * 2n > unit || (rest * 2n === unit && isOdd)) mantissa += unit;
    if (mantissa >> 53n !== 0n) {
      mantissa >>= 1n;
      exponent++;
    }
  }
  const digits = (mantissa & 0xfffffffffffffn).toString(16).padStart(13, "0");
  const shown =
    precision === undefined ? digits.replace(/0+$/, "") : digits.slice(0, precision).padEnd(precision, "0");
  return `0x1${shown === "" ? "" : `.${shown}`}p${exponentText(exponent)}`;
}
