import type { Interruptible } from "../../content/repository.js";
import type { RepositoryClient } from "../http/repositoryClient.js";
import { cancelUpload, openUpload, type Upload } from "./uploads.js";

/** The upload that is open for a blob, one at a time: closed in the end, or given up. */
export class UploadHolder {
  readonly #client: RepositoryClient;
  #upload: Upload | undefined;

  constructor(client: RepositoryClient) {
    this.#client = client;
  }

  /** Takes one that a mount has opened, in place of any other. */
  async hold(upload: Upload): Promise<void> {
    await this.cancel();
    this.#upload = upload;
  }

  /** The one that is open, or a new one. */
  async open(options: Interruptible): Promise<Upload> {
    return (this.#upload ??= await openUpload(this.#client, options));
  }

  /** It is closed: there is nothing to be given up. */
  release(): void {
    this.#upload = undefined;
  }

  /** Gives it up, if there is one. */
  async cancel(): Promise<void> {
    const upload = this.#upload;
    this.#upload = undefined;
    if (upload !== undefined) await cancelUpload(this.#client, upload);
  }
}
