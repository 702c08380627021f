import { describe, expect, it } from "vitest";
import { longName, parseFlags, type FlagTable } from "../../src/go/flags.js";

const table = {
  purge: { kind: "bool", short: "p", description: "" },
  verbose: { kind: "bool", short: "v", description: "" },
  os: { kind: "string", value: "name", description: "" },
  name: { kind: "string", short: "n", value: "name", description: "" },
  osFeatures: { kind: "stringSlice", value: "list", description: "" },
  tag: { kind: "stringArray", short: "t", value: "tag", description: "" },
  retries: { kind: "int", value: "count", default: 3, max: 10, description: "" },
  offset: { kind: "int", short: "o", value: "count", default: 0, min: -5, description: "" },
} as const satisfies FlagTable;

const unset = {
  purge: false,
  verbose: false,
  os: "",
  name: "",
  osFeatures: [],
  tag: [],
  retries: 3,
  offset: 0,
};

describe("parseFlags", () => {
  it.each<[name: string, argv: string[], values: object, args: string[]]>([
    ["nothing", [], {}, []],
    ["a bool", ["--purge"], { purge: true }, []],
    ["a shorthand", ["-p"], { purge: true }, []],
    ["a group of shorthands", ["-pv"], { purge: true, verbose: true }, []],
    ["a bool that is not followed by its value", ["-p", "false"], { purge: true }, ["false"]],
    ["a shorthand with =", ["-p=false"], {}, []],
    ["a group with = at its end", ["-vp=0"], { verbose: true }, []],
    ["the last of several bools", ["-p", "--purge=F"], {}, []],
    ["a string after a space", ["--os", "linux"], { os: "linux" }, []],
    ["a string after =", ["--os=a=b"], { os: "a=b" }, []],
    ["an empty string", ["--os=", "a"], {}, ["a"]],
    ["a string that looks like a flag", ["--os", "--purge"], { os: "--purge" }, []],
    ["a string that looks like the end of flags", ["--os", "--", "-p"], { os: "--", purge: true }, []],
    ["the last of several strings", ["--os=a", "--os", "b"], { os: "b" }, []],
    ["a shorthand's string after a space", ["-n", "x"], { name: "x" }, []],
    ["a shorthand's string right behind it", ["-nx"], { name: "x" }, []],
    ["a shorthand's string after =", ["-n=x"], { name: "x" }, []],
    ["a shorthand's string that is =", ["-n="], { name: "=" }, []],
    [
      "a shorthand's string at the end of a group",
      ["-pvnpv"],
      { purge: true, verbose: true, name: "pv" },
      [],
    ],
    ["flags between arguments", ["a", "-p", "b", "-v", "c"], { purge: true, verbose: true }, ["a", "b", "c"]],
    ["the end of flags", ["-p", "--", "-v", "--"], { purge: true }, ["-v", "--"]],
    ["a lone hyphen", ["-"], {}, ["-"]],
    ["an empty argument", [""], {}, [""]],
    ["lists", ["--os-features", 'c,"d,e"', "--os-features=f"], { osFeatures: ["c", "d,e", "f"] }, []],
    ["quotes within quotes", ['--os-features="a ""b"""'], { osFeatures: ['a "b"'] }, []],
    ["empty fields", ["--os-features=,a,,"], { osFeatures: ["", "a", "", ""] }, []],
    ["an empty list", ["--os-features=", "--os-features=a"], { osFeatures: ["a"] }, []],
    ["the first record only", ['--os-features=\r\n\na,"b\r\nc"\nd'], { osFeatures: ["a", "b\nc"] }, []],
    ["spaces in fields", ["--os-features= a , b"], { osFeatures: [" a ", " b"] }, []],
    ["repeated strings, taken whole", ["--tag", 'a,"b', "-t=c", "-td"], { tag: ['a,"b', "c", "d"] }, []],
    ["a number", ["--retries", "0"], { retries: 0 }, []],
    ["a negative number", ["-o", "-3"], { offset: -3 }, []],
    ["a positive number", ["-o+3"], { offset: 3 }, []],
    ["numbers as Go writes them", ["--retries=0b1_0", "-o=0x1F"], { retries: 2, offset: 31 }, []],
    ["octal numbers", ["--retries=010", "-o=0o17"], { retries: 8, offset: 15 }, []],
  ])("reads %s", (_, argv, values, args) => {
    expect(parseFlags(table, argv)).toEqual({ values: { ...unset, ...values }, args });
  });

  const number = (flag: string, value: string, what: string) =>
    `invalid argument "${value}" for "${flag}" flag: ${what}`;
  const notInt = (value: string) => number("--retries", value, "must be a whole number from 0 to 10");

  it.each([
    [["--retries", "x"], notInt("x")],
    [["--retries="], notInt("")],
    [["--retries=1.5"], notInt("1.5")],
    [["--retries=1e3"], notInt("1e3")],
    [["--retries= 1"], notInt(" 1")],
    [["--retries=08"], notInt("08")],
    [["--retries=1__0"], notInt("1__0")],
    [["--retries=1_"], notInt("1_")],
    [["--retries=0x"], notInt("0x")],
    [["--retries=9223372036854775808"], notInt("9223372036854775808")],
    [["--retries=-1"], notInt("-1")],
    [["--retries=11"], notInt("11")],
    [["-o=-6"], number("-o, --offset", "-6", "must be a whole number of at least -5")],
    [["--retries"], "flag needs an argument: --retries"],
    [["-pn"], "flag needs an argument: 'n' in -n"],
    [["--no-purge"], "unknown flag: --no-purge"],
  ])("refuses %j", (argv, message) => {
    expect(() => parseFlags(table, argv)).toThrow(
      expect.objectContaining({ name: "UsageError", status: 125, message }),
    );
  });

  it("reads a long command line in no time", () => {
    const start = performance.now();
    const { args } = parseFlags(table, [
      ...Array<string>(200_000).fill("-pv"),
      "--",
      ...Array<string>(200_000).fill("a"),
    ]);
    expect(args).toHaveLength(200_000);
    expect(performance.now() - start).toBeLessThan(1000);
  });
});

describe("longName", () => {
  it("is the property's name with hyphens", () => {
    expect(longName("osFeatures")).toBe("os-features");
    expect(longName("purge")).toBe("purge");
  });
});
