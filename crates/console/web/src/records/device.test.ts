import { expect, it } from "vitest";

import { nameDevice } from "./device";

const WINDOWS = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36";

it("returns browser and system", () => {
  expect(nameDevice(WINDOWS)).toBe("Chrome · Windows");
  expect(nameDevice(`${WINDOWS} Edg/140.0.0.0`)).toBe("Edge · Windows");
  expect(nameDevice("Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1 Version/18.0 Mobile/15E148 Safari/604.1")).toBe(
    "Safari · iPhone",
  );
  expect(nameDevice("Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0")).toBe("Firefox · Linux");
});

it("returns null for unknown user agents", () => {
  expect(nameDevice(null)).toBeNull();
  expect(nameDevice("curl/8.0")).toBeNull();
});
