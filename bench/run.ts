/**
 * `npm run bench -- core|cluster`: measurements, none of which fails a build.
 */
const SUITES = {
  core: "the module against the same work by other implementations",
  cluster:
    "backup and restore of clusters of 1,000, 4,000 and 16,666 keys, at the edge and in memory",
} as const;

/** What every *.bench.ts exports. */
export interface BenchSuite {
  bench(options: readonly string[]): Promise<void>;
}

type Suite = keyof typeof SUITES;

const USAGE = `usage: npm run bench -- <suite> [--help]

${Object.entries(SUITES)
  .map(([name, what]) => `  ${name.padEnd(9)}${what}`)
  .join("\n")}

Options behind the name go to the suite: npm run bench -- cluster --help`;

function isSuite(name: string | undefined): name is Suite {
  return name !== undefined && name in SUITES;
}

async function main(): Promise<number> {
  const [name, ...options] = process.argv.slice(2);
  if (name === undefined || name === "--help") {
    console.log(USAGE);
    return name === undefined ? 2 : 0;
  }
  if (!isSuite(name)) {
    console.error(`There is no suite ${JSON.stringify(name)}.\n${USAGE}`);
    return 2;
  }
  const suite = (await import(`./${name}.bench.ts`)) as BenchSuite;
  await suite.bench(options);
  return 0;
}

process.exitCode = await main();
