// Checks a proof of inclusion, a checkpoint and a proof of consistency with WebCrypto and nothing else.
// Formats: C2SP tlog-proof, tlog-checkpoint and signed-note; RFC 9162 section 2.1. Runs in Node.js too.

const bytesOf = (text) => Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
const utf8 = new TextEncoder();

function concat(...parts) {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

const same = (a, b) => a.length === b.length && a.every((byte, i) => byte === b[i]);

async function sha256(...parts) {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", concat(...parts)));
}

/// Of a leaf, and of two nodes (RFC 9162, section 2.1.1).
export const leafHash = (leaf) => sha256([0], leaf);
const nodeHash = (left, right) => sha256([1], left, right);

/// A number in decimal, exactly as one is written; trees beyond 2^53 leaves are refused.
function number(text) {
  const value = Number(text);
  if (!/^(0|[1-9][0-9]*)$/.test(text) || !Number.isSafeInteger(value)) throw new Error("number");
  return value;
}

/// What a proof's file says: leaf, index, hashes, checkpoint.
export function parseProof(text) {
  const end = text.indexOf("\n\n");
  const [first, extra, index, ...hashes] = text.slice(0, end).split("\n");
  if (end < 0 || first !== "c2sp.org/tlog-proof@v1") throw new Error("proof");
  if (!extra?.startsWith("extra ") || !index?.startsWith("index ")) throw new Error("proof");
  return {
    leaf: bytesOf(extra.slice(6)),
    index: number(index.slice(6)),
    hashes: hashes.map(bytesOf),
    checkpoint: text.slice(end + 2),
  };
}

/// A verifier's key, `<name>+<id>+<base64>`; its id must be its own.
export async function parseKey(vkey) {
  const [name, id, ...rest] = vkey.trim().split("+");
  const typed = bytesOf(rest.join("+"));
  if (!name || typed.length !== 33 || typed[0] !== 1) throw new Error("key");
  const own = (await sha256(utf8.encode(name + "\n"), typed)).slice(0, 4);
  const hex = Array.from(own, (byte) => byte.toString(16).padStart(2, "0")).join("");
  if (hex !== id) throw new Error("key");
  return { name, id: own, public: typed.slice(1) };
}

/// A checkpoint's origin, size and root, if the key has signed it; else nothing.
export async function openCheckpoint(note, key) {
  const end = note.lastIndexOf("\n\n");
  const text = note.slice(0, end + 1);
  const [origin, size, root] = text.split("\n");
  if (end < 0 || !root) return null;
  const verifier = await crypto.subtle.importKey("raw", key.public, { name: "Ed25519" }, false, ["verify"]);
  for (const line of note.slice(end + 2).split("\n")) {
    const [dash, name, signature] = line.split(" ");
    if (dash !== "\u2014" || name !== key.name || !signature) continue;
    const signed = bytesOf(signature);
    if (signed.length !== 68 || !same(signed.slice(0, 4), key.id)) continue;
    if (await crypto.subtle.verify({ name: "Ed25519" }, verifier, signed.slice(4), utf8.encode(text))) {
      return { origin, size: number(size), root: bytesOf(root) };
    }
  }
  return null;
}

const half = (value) => Math.floor(value / 2);

/// Whether a leaf's hash stands at the index of a tree (RFC 9162, section 2.1.3.2).
export async function isIncluded(hash, index, size, hashes, root) {
  if (index >= size) return false;
  let [at, last, node] = [index, size - 1, hash];
  for (const sibling of hashes) {
    if (last === 0 || sibling.length !== 32) return false;
    if (at % 2 === 1 || at === last) {
      node = await nodeHash(sibling, node);
      while (at % 2 === 0 && at !== 0) [at, last] = [half(at), half(last)];
    } else {
      node = await nodeHash(node, sibling);
    }
    [at, last] = [half(at), half(last)];
  }
  return last === 0 && same(node, root);
}

/// Whether a tree begins with another one (RFC 9162, section 2.1.4.2).
export async function isConsistent(oldSize, oldRoot, newSize, newRoot, proof) {
  if (oldSize === newSize) return proof.length === 0 && same(oldRoot, newRoot);
  if (oldSize < 1 || oldSize > newSize) return false;
  const hashes = [...proof];
  let [at, last] = [oldSize - 1, newSize - 1];
  while (at % 2 === 1) [at, last] = [half(at), half(last)];
  // A complete old tree is its own first node.
  const first = at === 0 ? oldRoot : hashes.shift();
  if (!first) return false;
  let [older, newer] = [first, first];
  for (const hash of hashes) {
    if (last === 0 || hash.length !== 32) return false;
    if (at % 2 === 1 || at === last) {
      [older, newer] = [await nodeHash(hash, older), await nodeHash(hash, newer)];
      while (at % 2 === 0 && at !== 0) [at, last] = [half(at), half(last)];
    } else {
      newer = await nodeHash(newer, hash);
    }
    [at, last] = [half(at), half(last)];
  }
  return last === 0 && same(older, oldRoot) && same(newer, newRoot);
}

/// The fields of a protobuf message that are bytes or text, by number; of several the last.
function textFields(message) {
  const fields = new Map();
  let at = 0;
  const varint = () => {
    let value = 0;
    for (let factor = 1; ; factor *= 128) {
      const byte = message[at++];
      if (byte === undefined || factor > 2 ** 63) throw new Error("protobuf");
      value += (byte % 128) * factor;
      if (byte < 128) return value;
    }
  };
  while (at < message.length) {
    const tag = varint();
    switch (tag % 8) {
      case 0: varint(); break;
      case 1: at += 8; break;
      case 5: at += 4; break;
      case 2: {
        const length = varint();
        if (at + length > message.length) throw new Error("protobuf");
        fields.set(Math.floor(tag / 8), message.slice(at, at + length));
        at += length;
        break;
      }
      default: throw new Error("protobuf");
    }
  }
  return fields;
}

/// Event id and complex of a record, as its own bytes say (`smarthome.events.v1.Envelope`).
export function recordIds(leaf) {
  const fields = textFields(leaf);
  const text = (number) => new TextDecoder("utf-8", { fatal: true }).decode(fields.get(number) ?? new Uint8Array());
  return { event: text(1), complex: text(3) };
}

/// Checks one proof. What it says of each step is true or false; it throws where the browser can't.
export async function check(text, vkey, shown) {
  const steps = { says: false, tree: false, signed: false };
  let proof, key;
  try {
    proof = parseProof(text);
    key = await parseKey(vkey);
    const ids = recordIds(proof.leaf);
    steps.says = proof.index === shown.index && ids.event === shown.event && ids.complex === shown.complex;
  } catch {
    if (!proof || !key) return steps;
  }
  const checkpoint = await openCheckpoint(proof.checkpoint, key);
  if (!checkpoint) return steps;
  steps.signed = checkpoint.origin === shown.origin;
  const hash = await leafHash(proof.leaf);
  steps.tree = await isIncluded(hash, proof.index, checkpoint.size, proof.hashes, checkpoint.root);
  return steps;
}
