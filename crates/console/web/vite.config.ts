import { readFileSync } from "node:fs";

import { parse } from "@formatjs/icu-messageformat-parser";
import react from "@vitejs/plugin-react";
import type { Plugin } from "vite";
import { defineConfig } from "vitest/config";

/** The server to which `npm run dev` forwards the API and the socket. */
const server = process.env["MESSAGE_MANAGER"] ?? "http://127.0.0.1:8080";

export default defineConfig({
  plugins: [react(), keepOwnLocales(), compileMessages()],
  define: { __VERSION__: JSON.stringify(workspaceVersion()) },
  build: {
    // The policy of the page forbids data: addresses.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    cssMinify: true,
    // One file is smaller than many: a style sheet per chunk compresses badly.
    cssCodeSplit: false,
    manifest: "manifest.json",
    target: "es2022",
    rolldownOptions: {
      output: {
        codeSplitting: {
          // One file for the sign-in and one for the inbox, each with all that it imports: browsers fetch six files at a time,
          // and small ones wait for each other.
          groups: [
            { name: "start", test: /\/src\/main\.tsx$/, priority: 2 },
            { name: "inbox", test: /\/src\/routes\.tsx$/, priority: 1 },
          ],
        },
      },
    },
  },
  server: {
    proxy: {
      "/api": { target: server },
      "/ws": { target: server, ws: true },
    },
  },
  test: { environment: "node", include: ["src/**/*.test.{ts,tsx}"] },
});

/** The version of the workspace, by which a page notices that the server is a newer one. */
function workspaceVersion(): string {
  const manifest = readFileSync(new URL("../../../Cargo.toml", import.meta.url), "utf8");
  const version = /^version = "([^"]+)"$/m.exec(manifest)?.[1];
  if (version === undefined) throw new Error("Cargo.toml of the workspace names no version");
  return version;
}

/** Empties React Aria's texts of languages that the console does not have. */
function keepOwnLocales(): Plugin {
  return {
    name: "keep-own-locales",
    enforce: "pre",
    load(id) {
      const locale = /\/react-(?:aria|stately|aria-components)\/.*\/intl\/(?:.*\/)?([a-z]{2})-[A-Z]{2}\.m?js$/.exec(id)?.[1];
      return locale === undefined || ["en", "de", "es", "ar"].includes(locale) ? null : "export default {};";
    },
  };
}

/** Parses the messages of the languages in the build, so that the page needs no parser. */
function compileMessages(): Plugin {
  return {
    name: "compile-messages",
    apply: "build",
    enforce: "pre",
    config: () => ({
      resolve: {
        alias: [{ find: /^@formatjs\/icu-messageformat-parser$/, replacement: "@formatjs/icu-messageformat-parser/no-parser.js" }],
      },
    }),
    transform(code, id) {
      if (!/\/src\/i18n\/[a-z]+\/[a-z]+\.json$/.test(id)) return null;
      const messages = Object.entries(JSON.parse(code) as Record<string, string>);
      return JSON.stringify(Object.fromEntries(messages.map(([key, message]) => [key, parse(message)])));
    },
  };
}
