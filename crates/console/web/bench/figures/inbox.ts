import { request } from "node:http";

import type { BusyHotel } from "../hotel";
import { median } from "../statistics";

const REQUESTS = 20;

/** Measures `GET inbox/`: the median of milliseconds until its last byte, and its compressed size in KB. */
export async function measureInbox(hotel: BusyHotel): Promise<{ time: number; size: number }> {
  const times: number[] = [];
  let size = 0;
  for (let sent = 0; sent < REQUESTS; sent += 1) {
    const start = performance.now();
    size = await fetchInbox(hotel);
    times.push(performance.now() - start);
  }
  return { time: median(times), size: size / 1_000 };
}

/** Fetches the inbox with the headers of a browser. Returns the size of the compressed body in bytes. */
async function fetchInbox({ server, manager }: BusyHotel): Promise<number> {
  const headers = { Authorization: `Bearer ${manager.token}`, "Accept-Encoding": "gzip, deflate, br" };
  return await new Promise((resolve, reject) => {
    const sent = request(`${server.direct}/api/message_manager/inbox/`, { headers }, (response) => {
      let size = 0;
      response.on("data", (chunk: Buffer) => (size += chunk.length));
      response.on("end", () => resolve(size));
    });
    sent.on("error", reject);
    sent.end();
  });
}
