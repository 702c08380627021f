// The command line of the benchmark.
import { parseArgs } from "node:util";

export const USAGE = `Usage: npm run bench -- [OPTIONS]

Compares tsmanifest with every peer that is on this machine, and writes bench/results/.

  --quick        two minutes' worth, in place of twenty
  --only TEXT    only scenarios whose title contains TEXT, with every peer; "startup" for start-up alone
  --peers TEXT   only peers whose name contains TEXT
  --publish      write docs/performance.md, .json and .svg anew when all has been measured
  -h, --help     this text

bench/README.md says what is measured, and how.
`;

/**
 * @typedef {object} Options
 * @property {boolean} quick
 * @property {string} only
 * @property {string} peers
 * @property {boolean} publish
 */

/**
 * What the command line asks for. Ends the process where that is the usage, or cannot be understood.
 * @param {string[]} args
 * @returns {Options}
 */
export function readOptions(args) {
  try {
    const { values } = parseArgs({
      args,
      options: {
        quick: { type: "boolean", default: false },
        only: { type: "string", default: "" },
        peers: { type: "string", default: "" },
        publish: { type: "boolean", default: false },
        help: { type: "boolean", short: "h", default: false },
      },
    });
    if (values.publish && (values.quick || values.only !== "" || values.peers !== "")) {
      throw new Error("--publish wants everything: no --quick, --only or --peers");
    }
    if (!values.help) return values;
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n\n${USAGE}`);
    process.exit(2);
  }
  process.stdout.write(USAGE);
  process.exit(0);
}
