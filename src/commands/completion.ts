import { ManifestError } from "../errors.js";
import { goQuote } from "../go/quote.js";
import { defineCommand } from "./command.js";

export const completion = defineCommand({
  name: "completion",
  args: "bash|zsh|fish|powershell",
  description:
    "Prints the script by which a shell completes commands, flags, their values, local lists and the images in them.\n\n" +
    "bash: put this line into ~/.bashrc:\n" +
    "  source <(tsmanifest completion bash)\n\n" +
    "zsh: put this line into ~/.zshrc, after compinit:\n" +
    "  source <(tsmanifest completion zsh)\n\n" +
    "fish: run this once:\n" +
    "  tsmanifest completion fish > ~/.config/fish/completions/tsmanifest.fish\n\n" +
    "PowerShell: put this line into the file $PROFILE:\n" +
    "  tsmanifest completion powershell | Out-String | Invoke-Expression",
  examples: ["tsmanifest completion bash", "tsmanifest completion zsh"],
  arity: { min: 1, max: 1 },
  completes: ["shell", "other"],
  flags: {},
  async run({ stdout }, _, [shell = ""]) {
    const { SCRIPTS } = await import("./completion/scripts.js");
    const script = SCRIPTS.get(shell);
    if (script === undefined) {
      throw new ManifestError("USAGE", `there is no completion for ${goQuote(shell)}`, {
        subject: shell,
        hint: `there is one for ${[...SCRIPTS.keys()].join(", ")}`,
      });
    }
    stdout.write(script);
  },
});
