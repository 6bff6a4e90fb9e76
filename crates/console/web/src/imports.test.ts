import { describe, expect, it } from "vitest";

const sources: Record<string, string> = import.meta.glob("./**/*.{ts,tsx}", { query: "?raw", import: "default", eager: true });

/** The folders that each folder of the core may import, besides itself. */
const ALLOWED: Record<string, readonly string[]> = {
  api: [],
  tabs: [],
  store: ["api", "offline-queue"],
  session: ["api", "tabs"],
  "offline-queue": ["api", "store", "tabs"],
  drafts: ["api", "store", "tabs"],
  attention: ["api", "store", "tabs"],
  live: ["api", "store", "tabs"],
  i18n: [],
  ui: ["i18n"],
  // Shared by the screens with tables and forms.
  records: ["api", "attention", "i18n", "store", "ui"],
};

/** Screens may import these folders, and no other screen. */
const BELOW_SCREENS = Object.keys(ALLOWED);
/** The frame surrounds the screens, so it may import other screens. */
const SCREENS_OF_SCREENS = ["frame"];

interface Import {
  readonly file: string;
  readonly from: string;
  readonly to: string;
  readonly path: string;
}

const imports: Import[] = Object.entries(sources)
  .filter(([file]) => !/\.test\.tsx?$/.test(file) && !file.startsWith("./testing/"))
  .flatMap(([file, source]) =>
    [...source.matchAll(/(?:from|import\()\s*"(\.[^"]+)"/g)].map(([, path = ""]) => {
      const to = new URL(path, `http://x/${file.slice(2)}`).pathname.slice(1);
      return { file, from: folderOf(file.slice(2)), to: folderOf(to), path: to };
    }),
  );

function folderOf(path: string): string {
  const slash = path.indexOf("/");
  return slash === -1 ? "" : path.slice(0, slash);
}

function faulty(isFault: (each: Import) => boolean): string[] {
  return imports.filter((each) => each.from !== each.to && isFault(each)).map(({ file, path }) => `${file} → ${path}`);
}

function isScreen(folder: string): boolean {
  return folder !== "" && !BELOW_SCREENS.includes(folder);
}

describe("imports", () => {
  it("of core folders are limited to the allowed folders", () => {
    expect(faulty(({ from, to }) => ALLOWED[from] !== undefined && !ALLOWED[from].includes(to))).toEqual([]);
  });

  it("of the offline queue into the store are types only", () => {
    const values = Object.entries(sources).filter(
      ([file, source]) => file.startsWith("./store/") && /^import (?!type).*offline-queue/m.test(source),
    );
    expect(values.map(([file]) => file)).toEqual([]);
  });

  it("of screens do not include another screen", () => {
    expect(faulty(({ from, to }) => isScreen(from) && isScreen(to) && !SCREENS_OF_SCREENS.includes(from))).toEqual([]);
  });
});

describe("browser APIs", () => {
  it.each([
    ["fetch is called by api only", /\bfetch\(/, /^\.\/api\//],
    ["a WebSocket is opened by the connection only", /new WebSocket\(/, /^\.\/live\/connection\.ts$/],
    ["IndexedDB is opened in one place", /indexedDB\.open\(/, /^\.\/tabs\/database\.ts$/],
  ])("%s", (_, call, home) => {
    const users = Object.entries(sources).filter(
      ([file, source]) => !/\.test\.tsx?$/.test(file) && !home.test(file) && call.test(source.replaceAll(/^\s*(\/\/|\*|\/\*).*$/gm, "")),
    );
    expect(users.map(([file]) => file)).toEqual([]);
  });

  it("and the clock are not used by the store and the attention rules", () => {
    const pure = Object.entries(sources).filter(([file]) => /^\.\/(store\/|attention\/(rules|title)\.ts)/.test(file) && !file.includes(".test."));
    const users = pure.filter(([, source]) => /Date\.now\(|setTimeout|\bdocument\.|\bwindow\.|globalThis|localStorage/.test(source));
    expect(users.map(([file]) => file)).toEqual([]);
  });
});
