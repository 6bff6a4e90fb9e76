import { afterEach, expect, it, vi } from "vitest";

import * as calls from "../api/hotel-calls";
import { findStays } from "./find-stays";

const page = (...ids: number[]) => ({ count: ids.length, next: null, previous: null, results: ids.map((id) => ({ id })) });

afterEach(() => vi.restoreAllMocks());

it("offers current stays first, each stay once", async () => {
  const list = vi.spyOn(calls, "listStays").mockImplementation((filter = {}) => {
    return Promise.resolve(filter.current ? page(7, 3) : page(9, 7, 5, 3)) as never;
  });
  expect((await findStays("ana")).map(({ id }) => id)).toEqual([7, 3, 9, 5]);
  expect(list).toHaveBeenCalledTimes(2);
});

it("offers only current stays before a search", async () => {
  const list = vi.spyOn(calls, "listStays").mockResolvedValue(page(7) as never);
  expect((await findStays("")).map(({ id }) => id)).toEqual([7]);
  expect(list.mock.calls).toEqual([[{ current: true, page_size: 20 }]]);
});
