/** What a registry may ask for, from wherever the user keeps it. */
export type Credentials = Secret & {
  /** Where they come from, as an error may tell who has to renew them: `docker-credential-pass`. Nothing secret. */
  readonly origin?: string | undefined;
};

type Secret =
  /** A user name and a password (or a personal access token in its place). */
  | { readonly kind: "basic"; readonly username: string; readonly password: string }
  /** A refresh token, to be exchanged at the token server. */
  | { readonly kind: "identityToken"; readonly token: string; readonly username?: string }
  /** A bearer token for the registry itself: it is sent as it is. */
  | { readonly kind: "registryToken"; readonly token: string };
