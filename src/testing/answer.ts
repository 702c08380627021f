/** What a route returns; send.ts writes it, whatever the protocol. */
export interface Answer {
  readonly status: number;
  readonly headers?: Headers | undefined;
  readonly body?: string | Uint8Array | undefined;
}

export type Headers = Readonly<Record<string, string | string[]>>;

/** An answer with a JSON body, one line as registries write it. */
export function jsonAnswer(status: number, value: unknown, headers: Headers = {}): Answer {
  const body = `${JSON.stringify(value)}\n`;
  return { status, headers: { "Content-Type": "application/json; charset=utf-8", ...headers }, body };
}
