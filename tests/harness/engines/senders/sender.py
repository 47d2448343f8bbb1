"""Sends a message of CloudEvents as a partner would that has nothing but the public libraries.

The only argument is a JSON file: url, ca, certificate, private_key, secret, id, events, batch.
Prints what was answered, as JSON.
"""

import http.client
import json
import ssl
import sys
from datetime import datetime, timezone
from urllib.parse import urlsplit

from cloudevents.core.bindings.http import to_structured
from cloudevents.core.formats.json import JSONFormat
from cloudevents.core.v1.event import CloudEvent
from standardwebhooks.webhooks import Webhook


def event(wish):
    attributes = {name: value for name, value in wish.items() if name != "data"}
    if "time" in attributes:
        attributes["time"] = datetime.fromisoformat(attributes["time"].replace("Z", "+00:00"))
    return CloudEvent(attributes, wish["data"])


def message(wish):
    events = [event(one) for one in wish["events"]]
    if wish["batch"]:
        # The library has no batches; the format is an array of what it writes.
        texts = [JSONFormat().write(one).decode() for one in events]
        return "application/cloudevents-batch+json", "[" + ",".join(texts) + "]"
    structured = to_structured(events[0], JSONFormat())
    return structured.headers["content-type"], structured.body.decode()


def main():
    with open(sys.argv[1], encoding="utf-8") as file:
        wish = json.load(file)
    kind, body = message(wish)
    now = datetime.now(timezone.utc)
    headers = {
        "content-type": kind,
        "webhook-id": wish["id"],
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": Webhook(wish["secret"]).sign(wish["id"], now, body),
    }
    tls = ssl.create_default_context(cafile=wish["ca"])
    tls.load_cert_chain(wish["certificate"], wish["private_key"])
    url = urlsplit(wish["url"])
    connection = http.client.HTTPSConnection(url.hostname, url.port, context=tls, timeout=30)
    connection.request("POST", url.path, body.encode(), headers)
    answer = connection.getresponse()
    print(json.dumps({"status": answer.status, "body": answer.read().decode()}))


main()
