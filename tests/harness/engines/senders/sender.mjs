// Sends a message of CloudEvents as a partner would that has nothing but the public libraries.
//
// The only argument is a JSON file: url, ca, certificate, private_key, secret, id, events, batch.
// Prints what was answered, as JSON.

import { readFileSync } from "node:fs";
import { request } from "node:https";

import { CloudEvent, HTTP } from "cloudevents";
import { Webhook } from "standardwebhooks";

const wish = JSON.parse(readFileSync(process.argv[2], "utf8"));
const events = wish.events.map((event) => new CloudEvent(event));
const { headers, body } = wish.batch
  ? {
      headers: { "content-type": "application/cloudevents-batch+json; charset=utf-8" },
      // The library has no batches; the format is an array of what it writes.
      body: JSON.stringify(events),
    }
  : HTTP.structured(events[0]);

const now = new Date();
const sent = request(
  wish.url,
  {
    method: "POST",
    ca: readFileSync(wish.ca),
    cert: readFileSync(wish.certificate),
    key: readFileSync(wish.private_key),
    headers: {
      ...headers,
      "webhook-id": wish.id,
      "webhook-timestamp": Math.floor(now.getTime() / 1000).toString(),
      "webhook-signature": new Webhook(wish.secret).sign(wish.id, now, body),
    },
  },
  (answer) => {
    let text = "";
    answer.setEncoding("utf8");
    answer.on("data", (part) => (text += part));
    answer.on("end", () => console.log(JSON.stringify({ status: answer.statusCode, body: text })));
  },
);
sent.end(body);
