import { describe, expect, it } from "vitest";

import { parseExcerpt } from "./excerpt";

describe("an excerpt", () => {
  it("is split at the marks", () => {
    expect(parseExcerpt("two <mark>towels</mark>, <mark>please</mark>")).toEqual([
      { text: "two ", isHit: false },
      { text: "towels", isHit: true },
      { text: ", ", isHit: false },
      { text: "please", isHit: true },
    ]);
  });

  it("is unescaped once, and its text stays text", () => {
    expect(parseExcerpt("&lt;<mark>b</mark>&gt; &amp;lt; &quot;&#39;")).toEqual([
      { text: "<", isHit: false },
      { text: "b", isHit: true },
      { text: "> &lt; \"'", isHit: false },
    ]);
    expect(parseExcerpt("&lt;mark&gt;x&lt;/mark&gt;")).toEqual([{ text: "<mark>x</mark>", isHit: false }]);
  });

  it("may be empty or broken", () => {
    expect(parseExcerpt("")).toEqual([]);
    expect(parseExcerpt("a <mark>b")).toEqual([{ text: "a <mark>b", isHit: false }]);
  });
});
