/// <reference types="node" />
import { readFileSync } from "node:fs";

import { describe, expect, it } from "vitest";

const css = readFileSync(new URL("./tokens.css", import.meta.url), "utf8");
const light = tokensOf(/^:root \{([^}]*)\}/m);
const dark = { ...light, ...tokensOf(/^:root\[data-theme="dark"\] \{([^}]*)\}/m) };
const SURFACES = ["page", "panel", "raised", "selected", "note", "warning-surface", "danger-surface"];
const LABELS = ["red", "orange", "amber", "yellow", "green", "teal", "cyan", "blue", "indigo", "purple", "pink", "grey"];

describe.each([["light", light], ["dark", dark]])("tokens of the %s theme", (_theme, tokens) => {
  it.each([
    ["text", 7],
    ["muted", 4.5],
    ["accent", 4.5],
    ["focus", 3],
    ["control", 3],
  ] as const)("%s has enough contrast on every surface", (token, minimum) => {
    const surfaces = token === "control" ? ["page", "panel", "raised"] : SURFACES;
    for (const surface of surfaces) expect([surface, contrast(tokens, token, surface) >= minimum]).toEqual([surface, true]);
  });

  it.each([
    ["on-accent", "accent"],
    ["warning", "warning-surface"],
    ["warning", "panel"],
    ["danger", "danger-surface"],
    ["danger", "panel"],
    ["danger", "selected"],
  ])("%s has enough contrast on %s", (token, surface) => {
    expect(contrast(tokens, token, surface)).toBeGreaterThanOrEqual(4.5);
  });

  it.each(LABELS)("the label dot %s has enough contrast", (label) => {
    for (const surface of ["page", "panel", "raised"]) {
      expect(contrast(tokens, `label-${label}`, surface)).toBeGreaterThanOrEqual(3);
    }
  });
});

function tokensOf(block: RegExp): Record<string, string> {
  const body = block.exec(css)?.[1] ?? "";
  return Object.fromEntries([...body.matchAll(/--([\w-]+): (#[0-9a-f]{6});/g)].map(([, name, value]) => [name, value]));
}

function contrast(tokens: Record<string, string>, one: string, other: string): number {
  const [high, low] = [luminance(tokens[one]), luminance(tokens[other])].toSorted((a, b) => b - a);
  return ((high ?? 0) + 0.05) / ((low ?? 0) + 0.05);
}

function luminance(colour: string | undefined): number {
  if (colour === undefined) throw new Error("a token is missing");
  const [red, green, blue] = [1, 3, 5].map((start) => {
    const channel = Number.parseInt(colour.slice(start, start + 2), 16) / 255;
    return channel <= 0.03928 ? channel / 12.92 : ((channel + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * (red ?? 0) + 0.7152 * (green ?? 0) + 0.0722 * (blue ?? 0);
}
