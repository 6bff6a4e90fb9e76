import { expect, it } from "vitest";

import { multipart } from "./multipart";

it("a multipart body has the same bytes at each attempt and contains fields and file", async () => {
  const file = new Blob(["pixels"], { type: "image/jpeg" });
  const make = () => multipart("mm-1", { text: "the leak" }, 'a "b"\n.jpg', file);
  const [first, second] = [make(), make()];
  expect(first.type).toBe("multipart/form-data; boundary=mm-1");
  expect(await first.text()).toBe(await second.text());
  expect(await first.text()).toBe(
    '--mm-1\r\nContent-Disposition: form-data; name="text"\r\n\r\nthe leak\r\n' +
      `--mm-1\r\nContent-Disposition: form-data; name="file"; filename="a 'b' .jpg"\r\n` +
      "Content-Type: image/jpeg\r\n\r\npixels\r\n--mm-1--\r\n",
  );
});
