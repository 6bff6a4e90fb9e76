// Uses the types that openapi-typescript generated: sign in, list, send, upload, follow the events.
import assert from "node:assert/strict";

import createClient from "openapi-fetch";

import type { paths } from "./schema.js";

const [base, username, password] = process.argv.slice(2);
assert(base !== undefined && username !== undefined && password !== undefined);
const client = createClient<paths>({ baseUrl: base });

const signedIn = await client.POST("/api/auth/login/", { body: { username, password } });
assert(signedIn.data, JSON.stringify(signedIn.error));
const { access } = signedIn.data;
client.use({
  onRequest({ request }) {
    request.headers.set("Authorization", `Bearer ${access}`);
    return request;
  },
});

const list = await client.GET("/api/message_manager/conversations/", { params: { query: { page_size: 1 } } });
const conversation = list.data?.results[0];
assert(conversation, JSON.stringify(list.error));
const cursor = Number(list.response.headers.get("X-Event-Seq"));
const path = { id: conversation.id };

const header = { "Idempotency-Key": "typescript-1" };
const sent = await client.POST("/api/message_manager/conversations/{id}/send_message/", {
  params: { path, header },
  body: { text: "from TypeScript" },
});
assert.equal(sent.data?.content, "from TypeScript");

const form = new FormData();
form.append("file", new File(["%PDF-1.4 map of the house"], "map.pdf", { type: "application/pdf" }));
form.append("text", "The map");
const uploaded = await client.POST("/api/message_manager/conversations/{id}/attachments/", {
  params: { path },
  body: { file: "" },
  bodySerializer: () => form,
});
assert.equal(uploaded.data?.attachments[0]?.name, "map.pdf");

const events = await client.GET("/api/message_manager/events/", { params: { query: { after_seq: cursor } } });
assert(events.data, JSON.stringify(events.error));
// The `type` of an event decides its other fields.
const messages = events.data.results.flatMap((event) => (event.type === "new_message" ? [event.content] : []));
assert.deepEqual(messages, ["from TypeScript", "The map"]);
console.log("ok");
