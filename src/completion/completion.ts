/** Something that may stand there. */
export interface Candidate {
  /** The whole word. */
  readonly text: string;
  readonly description: string;
}

/** Words to choose from, or what the shell itself knows best. */
export type Completion =
  { readonly kind: "words"; readonly words: readonly Candidate[] } | { readonly kind: "files" | "folders" };

export const NOTHING: Completion = { kind: "words", words: [] };
