/**
 * What a registry wants to see before it answers: the `WWW-Authenticate` header.
 * https://www.rfc-editor.org/rfc/rfc9110#section-11.6.1
 */

export interface Challenge {
  /** In lower case: `bearer`, `basic`, or what else a server thinks of. */
  readonly scheme: string;
  /** Names in lower case, values unquoted; the first of a repeated name counts. */
  readonly params: ReadonlyMap<string, string>;
}

/** More than this is nobody's honest header. Node's own limit for all headers of an answer is 16 KiB. */
const MAX_LINE_LENGTH = 16 * 1024;
const MAX_CHALLENGES = 16;
const MAX_PARAMS = 32;

/*
 * WWW-Authenticate = [ challenge *( OWS "," OWS challenge ) ]
 * challenge        = auth-scheme [ 1*SP ( token68 / [ auth-param *( OWS "," OWS auth-param ) ] ) ]
 * auth-param       = token BWS "=" BWS ( token / quoted-string )
 * token68          = 1*( ALPHA / DIGIT / "-" / "." / "_" / "~" / "+" / "/" ) *"="
 * quoted-string    = DQUOTE *( qdtext / quoted-pair ) DQUOTE
 *
 * The comma separates parameters and challenges alike; what tells them apart is the "=" behind a token. On top of
 * the grammar this takes what servers send: unquoted URLs, a quote that is never closed, challenges without a comma
 * between them. Every expression below is sticky and unambiguous, so that the whole is linear in the input.
 */
const SEPARATORS = /[ \t,]+/y;
const TOKEN = /[!#$%&'*+.^_`|~0-9A-Za-z-]+/y;
const EQUALS = /[ \t]*=[ \t]*/y;
const QUOTED = /"((?:[^"\\]|\\[^])*)(?:"|\\?$)/y;
const UNQUOTED = /[^ \t,]*/y;
const TOKEN68 = /[ \t]+[0-9A-Za-z._~+/-]+=*(?=[ \t]*(?:,|$))/y;

/**
 * The challenges of an answer, in order. `lines` are the values of its `WWW-Authenticate` headers, each of which may
 * hold several. What cannot be understood is left out; nothing throws.
 */
export function parseChallenges(lines: string | readonly string[] | undefined): Challenge[] {
  const all = typeof lines === "string" ? [lines] : (lines ?? []);
  return all
    .slice(0, MAX_CHALLENGES)
    .filter((line) => line.length <= MAX_LINE_LENGTH)
    .flatMap(parseLine)
    .slice(0, MAX_CHALLENGES);
}

function parseLine(line: string): Challenge[] {
  const challenges: { scheme: string; params: Map<string, string> }[] = [];
  let at = 0;
  const take = (pattern: RegExp): RegExpExecArray | null => {
    pattern.lastIndex = at;
    const match = pattern.exec(line);
    if (match !== null) at += match[0].length;
    return match;
  };

  while (at < line.length && challenges.length <= MAX_CHALLENGES) {
    if (take(SEPARATORS) !== null) continue;
    const token = take(TOKEN)?.[0].toLowerCase();
    if (token === undefined) {
      // Nothing begins like this: pass over it, a quoted string as a whole.
      if (take(QUOTED) === null) at++;
    } else if (take(EQUALS) !== null) {
      const quoted = take(QUOTED);
      const value = quoted === null ? (take(UNQUOTED)?.[0] ?? "") : unescape(quoted[1] ?? "");
      const params = challenges.at(-1)?.params;
      if (params !== undefined && params.size < MAX_PARAMS && !params.has(token)) params.set(token, value);
    } else {
      challenges.push({ scheme: token, params: new Map() });
      take(TOKEN68);
    }
  }
  return challenges;
}

/** quoted-pair = "\" ( HTAB / SP / VCHAR / obs-text ) */
function unescape(text: string): string {
  return text.replace(/\\([^])/g, "$1");
}
