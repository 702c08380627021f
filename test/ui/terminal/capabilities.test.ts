import { describe, expect, it } from "vitest";
import { capabilitiesOf } from "../../../src/ui/terminal/capabilities.js";

const XTERM = { TERM: "xterm" };
const TERMINAL = { isTTY: true };
const PIPE = {};

describe("colours", () => {
  it.each([
    // what, stream, environment, how many
    ["a terminal", TERMINAL, XTERM, 1],
    ["a terminal of 256 colours", TERMINAL, { TERM: "xterm-256color" }, 2],
    ["a terminal of all colours", TERMINAL, { TERM: "xterm-256color", COLORTERM: "truecolor" }, 3],
    ["a terminal of all colours, in another word", TERMINAL, { TERM: "xterm", COLORTERM: "24bit" }, 3],
    ["a pipe", PIPE, XTERM, 0],
    ["a pipe in CI", PIPE, { CI: "true" }, 0],
    ["a terminal in CI", TERMINAL, { ...XTERM, CI: "true" }, 1],

    ["NO_COLOR", TERMINAL, { ...XTERM, NO_COLOR: "1" }, 0],
    ["NO_COLOR, whatever its value", TERMINAL, { ...XTERM, NO_COLOR: "0" }, 0],
    ["NO_COLOR that is empty, which is none", TERMINAL, { ...XTERM, NO_COLOR: "" }, 1],
    ["NO_COLOR and FORCE_COLOR", TERMINAL, { ...XTERM, NO_COLOR: "1", FORCE_COLOR: "3" }, 0],
    ["NO_COLOR and CLICOLOR_FORCE", PIPE, { NO_COLOR: "1", CLICOLOR_FORCE: "1" }, 0],

    ["FORCE_COLOR=0", TERMINAL, { ...XTERM, FORCE_COLOR: "0" }, 0],
    ["FORCE_COLOR=false", TERMINAL, { ...XTERM, FORCE_COLOR: "false" }, 0],
    ["FORCE_COLOR=1 in a pipe", PIPE, { FORCE_COLOR: "1" }, 1],
    ["FORCE_COLOR=true in a pipe", PIPE, { FORCE_COLOR: "true" }, 1],
    ["FORCE_COLOR=2 in a pipe", PIPE, { FORCE_COLOR: "2" }, 2],
    ["FORCE_COLOR=3 in a pipe", PIPE, { FORCE_COLOR: "3" }, 3],
    ["FORCE_COLOR with another value", PIPE, { FORCE_COLOR: "yes" }, 1],
    ["FORCE_COLOR that is empty, which is none", PIPE, { FORCE_COLOR: "" }, 0],
    ["FORCE_COLOR=1 on a terminal of 256 colours", TERMINAL, { TERM: "xterm-256color", FORCE_COLOR: "1" }, 1],
    ["FORCE_COLOR=0 and CLICOLOR_FORCE", PIPE, { FORCE_COLOR: "0", CLICOLOR_FORCE: "1" }, 0],

    ["CLICOLOR=0", TERMINAL, { ...XTERM, CLICOLOR: "0" }, 0],
    ["CLICOLOR=1", TERMINAL, { ...XTERM, CLICOLOR: "1" }, 1],
    ["CLICOLOR=1 in a pipe", PIPE, { ...XTERM, CLICOLOR: "1" }, 0],
    ["CLICOLOR=0 and FORCE_COLOR", TERMINAL, { ...XTERM, CLICOLOR: "0", FORCE_COLOR: "1" }, 1],
    ["CLICOLOR_FORCE=1 in a pipe", PIPE, { CLICOLOR_FORCE: "1" }, 1],
    ["CLICOLOR_FORCE=0 in a pipe", PIPE, { CLICOLOR_FORCE: "0" }, 0],
    ["CLICOLOR_FORCE and CLICOLOR=0", TERMINAL, { ...XTERM, CLICOLOR: "0", CLICOLOR_FORCE: "1" }, 1],

    ["TERM=dumb", TERMINAL, { TERM: "dumb" }, 0],
    ["TERM=dumb, whatever is forced", TERMINAL, { TERM: "dumb", FORCE_COLOR: "3", CLICOLOR_FORCE: "1" }, 0],
    [
      "a pipe of a job whose TERM is dumb, where colours are forced",
      PIPE,
      { TERM: "dumb", FORCE_COLOR: "1" },
      1,
    ],
    ["a terminal that does not say what it is", TERMINAL, {}, 0],
    ["a terminal of Windows, where none says what it is", TERMINAL, { OS: "Windows_NT" }, 1],
  ] as const)("%s", (_, stream, env, expected) => {
    expect(capabilitiesOf(stream, env).colours).toBe(expected);
  });
});

describe("lines that move", () => {
  it.each([
    ["a terminal", TERMINAL, XTERM, "yes"],
    ["a pipe", PIPE, XTERM, "no"],
    ["TERM=dumb", TERMINAL, { TERM: "dumb" }, "no"],
    ["a terminal that does not say what it is", TERMINAL, {}, "no"],
    ["a terminal in CI", TERMINAL, { ...XTERM, CI: "true" }, "onRequest"],
    ["CI=false", TERMINAL, { ...XTERM, CI: "false" }, "yes"],
    ["CI=0", TERMINAL, { ...XTERM, CI: "0" }, "yes"],
    ["CI that is empty", TERMINAL, { ...XTERM, CI: "" }, "yes"],
    ["without colours", TERMINAL, { ...XTERM, NO_COLOR: "1" }, "yes"],
    ["a pipe with colours that are forced", PIPE, { ...XTERM, FORCE_COLOR: "3" }, "no"],
  ] as const)("%s", (_, stream, env, expected) => {
    expect(capabilitiesOf(stream, env).movesLines).toBe(expected);
  });
});

describe("what a terminal shows", () => {
  it.each([
    ["no language", {}, true],
    ["the Linux console", { TERM: "linux" }, false],
    ["UTF-8", { LANG: "de_DE.UTF-8" }, true],
    ["UTF-8 in lower case", { LANG: "C.utf8" }, true],
    ["C", { LANG: "C" }, false],
    ["LC_ALL before LANG", { LC_ALL: "C", LANG: "de_DE.UTF-8" }, false],
    ["LC_CTYPE before LANG", { LC_CTYPE: "ja_JP.UTF-8", LANG: "C" }, true],
    ["an empty LC_ALL, which is none", { LC_ALL: "", LANG: "ja_JP.UTF-8" }, true],
  ])("%s", (_, env, expected) => {
    expect(capabilitiesOf(TERMINAL, env).isUnicode).toBe(expected);
  });

  it.each([
    ["most terminals", { TERM: "xterm-256color" }, true],
    ["tmux", { TERM: "tmux-256color", TMUX: "/tmp/tmux-0/default,1,0" }, true],
    ["xterm itself", { TERM: "xterm", XTERM_VERSION: "XTerm(390)" }, false],
    ["GNU screen", { TERM: "screen", STY: "1234.pts-0.host" }, false],
    ["the Linux console", { TERM: "linux" }, false],
  ])("wraps lines anew when it is made narrower: %s", (_, env, expected) => {
    expect(capabilitiesOf(TERMINAL, env).reflows).toBe(expected);
  });
});
