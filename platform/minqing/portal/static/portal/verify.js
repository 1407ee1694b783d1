/* Checks a proof file (C2SP tlog-proof with header, body and salt) in the browser, without asking anybody.
   Sources: c2sp.org/tlog-proof, tlog-checkpoint, tlog-cosignature, tlog-policy, signed-note; RFC 6962, RFC 9162 2.1.3.2. */
(function () {
  "use strict";
  const utf8 = text => new TextEncoder().encode(text);
  const text = octets => new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(octets);
  const hex = octets => Array.prototype.map.call(octets, octet => ("0" + octet.toString(16)).slice(-2)).join("");
  const same = (a, b) => hex(a) === hex(b);
  const fault = code => { const error = new Error(code); error.code = code; return error; };
  function join() {
    const parts = Array.prototype.slice.call(arguments);
    const whole = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
    parts.reduce((at, part) => { whole.set(part, at); return at + part.length; }, 0);
    return whole;
  }
  function base64(line) {
    if (!/^[A-Za-z0-9+/]*={0,2}$/.test(line)) throw fault("shape");
    const raw = atob(line);
    if (btoa(raw) !== line) throw fault("shape");
    return Uint8Array.from(raw, sign => sign.charCodeAt(0));
  }
  const u32 = number => new Uint8Array([number >>> 24, number >>> 16, number >>> 8, number]);
  const sha256 = octets => noble.sha256(octets);

  /* ---- keys, notes, checkpoints ---- */
  function verifierKey(line) {
    const at = line.indexOf("+"), then = line.indexOf("+", at + 1), name = line.slice(0, at), material = base64(line.slice(then + 1));
    if (at < 1 || then < 0 || material.length !== 33) throw fault("policy");
    const id = sha256(join(utf8(name + "\n"), material)).slice(0, 4);
    if (hex(id) !== line.slice(at + 1, then)) throw fault("policy");
    return { name: name, id: id, type: material[0], key: material.slice(1) };
  }
  function note(whole) {
    const at = whole.lastIndexOf("\n\n");
    if (at < 1 || whole.slice(-1) !== "\n") throw fault("shape");
    const signatures = whole.slice(at + 2, -1).split("\n").map(line => {
      const parts = line.split(" "), octets = base64(parts[2] || "");
      if (parts.length !== 3 || parts[0] !== "\u2014" || octets.length < 5) throw fault("shape");
      return { name: parts[1], id: octets.slice(0, 4), octets: octets.slice(4) };
    });
    return { text: whole.slice(0, at + 1), signatures: signatures };
  }
  const by = (signature, key) => signature.name === key.name && same(signature.id, key.id);
  function signedBy(head, key) {
    const line = head.signatures.filter(signature => by(signature, key))[0];
    if (!line || key.type !== 1) return false;
    if (line.octets.length !== 64 || !noble.verify(line.octets, utf8(head.text), key.key)) throw fault("signature");
    return true;
  }
  function cosignedBy(head, key) {
    const line = head.signatures.filter(signature => by(signature, key))[0];
    if (!line || key.type !== 4) return null;
    if (line.octets.length !== 72) throw fault("signature");
    const seconds = line.octets.slice(0, 8).reduce((sum, octet) => sum * 256 + octet, 0);
    if (!noble.verify(line.octets.slice(8), utf8("cosignature/v1\ntime " + seconds + "\n" + head.text), key.key)) throw fault("signature");
    return seconds;
  }

  /* ---- policy: logs, witnesses, groups, quorum ---- */
  function policyOf(source) {
    const policy = { logs: [], witnesses: {}, groups: {}, quorum: "none" };
    source.split("\n").forEach(raw => {
      const words = raw.replace(/#.*$/, "").trim().split(/\s+/);
      if (!words[0]) return;
      if (words[0] === "log") policy.logs.push(verifierKey(words[1] || ""));
      else if (words[0] === "witness") policy.witnesses[words[1]] = verifierKey(words[2] || "");
      else if (words[0] === "group") policy.groups[words[1]] = { least: words[2], members: words.slice(3) };
      else if (words[0] === "quorum") policy.quorum = words[1];
      else throw fault("policy");
    });
    return policy;
  }
  function reached(policy, name, seen, depth) {
    if (depth > 16) throw fault("policy");
    if (name === "none") return true;
    if (policy.witnesses[name]) return name in seen;
    const group = policy.groups[name];
    if (!group) throw fault("policy");
    const held = group.members.filter(member => reached(policy, member, seen, depth + 1)).length;
    const least = group.least === "any" ? 1 : group.least === "all" ? group.members.length : Number(group.least);
    return held >= least;
  }

  /* ---- the proof file ---- */
  function proofOf(octets) {
    let whole;
    try { whole = text(octets); } catch (error) { throw fault("shape"); }
    const at = whole.indexOf("\n\n");
    const lines = whole.slice(0, at).split("\n");
    if (at < 0 || lines.shift() !== "c2sp.org/tlog-proof@v1") throw fault("shape");
    const extra = /^extra /.test(lines[0] || "") ? base64(lines.shift().slice(6)) : new Uint8Array(0);
    const index = /^index (0|[1-9][0-9]{0,18})$/.exec(lines.shift() || "");
    if (!index) throw fault("shape");
    const head = note(whole.slice(at + 2)), top = head.text.split("\n");
    if (top.length < 4 || !/^(0|[1-9][0-9]{0,18})$/.test(top[1])) throw fault("shape");
    return { record: recordOf(extra), index: BigInt(index[1]), path: lines.map(base64), head: head, origin: top[0], size: BigInt(top[1]), root: base64(top[2]) };
  }
  /* extra: the text lines minqing/opening/v1, header, salt, body, each in base64. */
  function recordOf(extra) {
    let lines;
    try { lines = text(extra).split("\n"); } catch (error) { throw fault("shape"); }
    if (lines.length !== 5 || lines[0] !== "minqing/opening/v1" || lines[4] !== "") throw fault("shape");
    const part = (line, name) => { if (line.indexOf(name + " ") !== 0) throw fault("shape"); return base64(line.slice(name.length + 1)); };
    const record = { header: part(lines[1], "header"), salt: part(lines[2], "salt"), body: part(lines[3], "body") };
    if (record.salt.length !== 32) throw fault("shape");
    try { record.fields = JSON.parse(text(record.header)); } catch (error) { throw fault("shape"); }
    return record;
  }
  const commitmentOf = record => sha256(join(utf8("minqing/entry/v1\0"), record.salt, u32(record.header.length), record.header, record.body));
  function includes(proof, leaf) {
    let node = proof.index, last = proof.size - BigInt(1), top = leaf;
    const zero = BigInt(0), one = BigInt(1);
    if (node > last) return false;
    for (let at = 0; at < proof.path.length; at += 1) {
      if (last === zero || proof.path[at].length !== 32) return false;
      if (node & one || node === last) {
        top = sha256(join(new Uint8Array([1]), proof.path[at], top));
        while (!(node & one) && node !== zero) { node >>= one; last >>= one; }
      } else top = sha256(join(new Uint8Array([1]), top, proof.path[at]));
      node >>= one; last >>= one;
    }
    return last === zero && same(top, proof.root);
  }

  /* Returns what was shown; throws a fault whose code names the sentence. */
  function check(octets, policySource, ownKey) {
    const proof = proofOf(octets), record = proof.record, commitment = commitmentOf(record);
    if (record.fields.origin !== proof.origin) throw fault("commitment");
    const leaf = sha256(join(new Uint8Array([0, 1]), commitment));
    if (!includes(proof, leaf)) throw fault("inclusion");
    const policy = policySource ? policyOf(policySource) : { logs: [], witnesses: {}, groups: {}, quorum: "none" };
    const fromPolicy = policy.logs.filter(key => key.name === proof.origin);
    const keys = fromPolicy.length ? fromPolicy : ownKey ? [verifierKey(ownKey)].filter(key => key.name === proof.origin) : [];
    if (!keys.length) throw fault("unknown");
    if (!keys.filter(key => signedBy(proof.head, key)).length) throw fault("signature");
    const seen = {}, counted = {};
    Object.keys(policy.witnesses).forEach(name => {
      const key = policy.witnesses[name], seconds = cosignedBy(proof.head, key);
      if (seconds !== null) { seen[name] = seconds; counted[hex(key.key)] = seconds; }
    });
    if (!reached(policy, policy.quorum, seen, 0)) throw fault("quorum");
    const times = Object.keys(counted).map(key => counted[key]);
    return { proof: proof, record: record, commitment: hex(commitment), outside: times.length, before: times.length ? Math.min.apply(null, times) : null, independent: fromPolicy.length > 0 && times.length > 0 };
  }
  const api = { check: check };
  if (typeof module !== "undefined" && module.exports) { module.exports = api; return; }
  window.minqingVerify = api;

  /* ---- the page ---- */
  const place = document.getElementById("verifier"), form = document.getElementById("verify-form"), verdict = document.getElementById("verdict");
  if (!place) return;
  const source = document.getElementById("sentences").content;
  const say = name => source.querySelector('[data-s="' + name + '"]').textContent;
  function element(name, className, content) {
    const made = document.createElement(name);
    if (className) made.className = className;
    if (content !== undefined) made.textContent = content;
    return made;
  }
  const read = file => new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.onload = () => resolve(new Uint8Array(reader.result));
    reader.onerror = () => reject(fault("shape"));
    reader.readAsArrayBuffer(file);
  });
  function show(found) {
    const list = element("dl", "facts"), row = (name, value, className) => { list.append(element("dt", "", say(name)), element("dd", className, value)); };
    const box = element("div", "notice " + (found.independent ? "good" : "warn"));
    box.append(element("h2", "", say(found.independent ? "good" : "own")));
    row("l-body", found.record.body.length.toLocaleString() + " " + say("octets"));
    row("l-by", found.proof.origin, "hex");
    row("l-day", String(found.record.fields.day));
    row("l-place", String(found.proof.index + BigInt(1)) + " / " + String(found.proof.size));
    row("l-before", found.before === null ? say("no-time") : new Date(found.before * 1000).toLocaleString());
    row("l-seen", found.outside ? found.outside + " " + say("seen") : say("nobody"));
    row("l-commitment", found.commitment, "hex");
    box.append(list);
    const parts = [box];
    try { parts.push(element("div", "words", text(found.record.body))); } catch (error) { /* a photo: only its length is told */ }
    parts.push(element("p", "soft", say("limits")));
    return parts;
  }
  function refuse(code) {
    const box = element("div", "notice bad");
    box.append(element("h2", "", say("bad")), element("p", "", say(code)));
    return [box];
  }
  form.addEventListener("submit", event => {
    event.preventDefault();
    const proof = document.getElementById("proof").files[0], policy = document.getElementById("policy").files[0];
    verdict.textContent = say("busy");
    Promise.all([read(proof), policy ? read(policy).then(text) : ""]).then(parts => {
      if (typeof BigInt === "undefined" || typeof noble === "undefined") throw fault("old");
      return show(check(parts[0], parts[1], place.dataset.key));
    }).catch(error => {
      const known = error.code && source.querySelector('[data-s="' + error.code + '"]');
      return refuse(known ? error.code : "shape");
    }).then(parts => { verdict.textContent = ""; parts.forEach(part => verdict.append(part)); verdict.focus(); });
  });
})();
