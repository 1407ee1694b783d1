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

  /* ---- policy: logs, witnesses, groups, quorum; and what "#:" lines say more (docs/protocol.md, "Policies") ---- */
  const nothing = () => ({ logs: [], former: [], witnesses: {}, groups: {}, runBy: {}, quorum: "none" });
  function said(policy, words) {
    if (words[0] === "run-by" && words.length === 3) {
      if (!policy.witnesses[words[2]] && !policy.groups[words[2]]) throw fault("policy");
      policy.runBy[words[1]] = words[2];
    } else if (words[0] === "former" && words.length === 3) {
      const key = verifierKey(words[1]);
      if (key.type !== 1 || !/^(0|[1-9][0-9]{0,18})$/.test(words[2]) || policy.logs.concat(policy.former).some(known => same(known.key, key.key))) throw fault("policy");
      key.last = BigInt(words[2]);
      policy.former.push(key);
    }
  }
  function policyOf(source) {
    const policy = nothing();
    source.split("\n").forEach(raw => {
      const more = /^[ \t]*#:[ \t]+(.*)$/.exec(raw);
      if (more) { said(policy, more[1].trim().split(/\s+/)); return; }
      const words = raw.replace(/#.*$/, "").trim().split(/\s+/);
      if (!words[0]) return;
      if (words[0] === "log") policy.logs.push(verifierKey(words[1] || ""));
      else if (words[0] === "witness") policy.witnesses[words[1]] = verifierKey(words[2] || "");
      else if (words[0] === "group") policy.groups[words[1]] = { least: words[2], members: words.slice(3) };
      else if (words[0] === "quorum") policy.quorum = words[1];
      else throw fault("policy");
    });
    if (policy.logs.some(key => policy.former.some(ended => same(ended.key, key.key)))) throw fault("policy");
    return policy;
  }
  /* A region's policy is a signed note: believed by its signer's key only, and not past its last day. */
  function signedPolicy(source, keyLine, today) {
    if (source.indexOf("#: minqing-policy 1\n") !== 0 || source.indexOf("\n\n\u2014 ") < 0) return source;
    if (!keyLine) throw fault("policykey");
    const whole = note(source), lines = whole.text.split("\n"), key = verifierKey(keyLine.trim());
    const value = (line, name) => { if (line.indexOf("#: " + name + " ") !== 0) throw fault("policy"); return line.slice(name.length + 4); };
    if (key.name !== value(lines[1], "region") + "/policy") throw fault("policykey");
    try { if (!signedBy(whole, key)) throw fault("policykey"); } catch (error) { throw fault("policykey"); }
    if (!/^\d{4}-\d{2}-\d{2}$/.test(value(lines[4], "expires")) || today > value(lines[4], "expires")) throw fault("policyold");
    return whole.text;
  }
  const membersOf = (policy, name) => policy.witnesses[name] ? [policy.witnesses[name]] : [].concat.apply([], policy.groups[name].members.map(member => membersOf(policy, member)));
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
  function check(octets, policySource, ownKey, policyKey, today) {
    const proof = proofOf(octets), record = proof.record, commitment = commitmentOf(record);
    if (record.fields.origin !== proof.origin) throw fault("commitment");
    const leaf = sha256(join(new Uint8Array([0, 1]), commitment));
    if (!includes(proof, leaf)) throw fault("inclusion");
    const policy = policySource ? policyOf(signedPolicy(policySource, policyKey, today)) : nothing();
    const ofLog = key => key.name === proof.origin, current = policy.logs.filter(ofLog), former = policy.former.filter(ofLog);
    const fromPolicy = current.concat(former);
    const keys = fromPolicy.length ? current : ownKey ? [verifierKey(ownKey)].filter(ofLog) : [];
    if (!keys.length && !former.length) throw fault("unknown");
    const own = policy.runBy[proof.origin] ? membersOf(policy, policy.runBy[proof.origin]) : [];
    const seen = {}, counted = {};
    Object.keys(policy.witnesses).forEach(name => {
      const key = policy.witnesses[name];
      if (own.some(other => same(other.key, key.key))) return; /* whoever runs the log cannot vouch for it */
      const seconds = cosignedBy(proof.head, key);
      if (seconds !== null) { seen[name] = seconds; counted[hex(key.key)] = seconds; }
    });
    if (!keys.filter(key => signedBy(proof.head, key)).length) {
      const ended = former.filter(key => signedBy(proof.head, key));
      if (!ended.length) throw fault("signature");
      if (!ended.some(key => proof.size <= key.last) || !Object.keys(counted).length) throw fault("ended");
    }
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
  const UNTRUE = ["commitment", "inclusion", "signature", "ended"]; /* the rest could not be checked, which says nothing against it */
  function refuse(code) {
    const box = element("div", "notice bad");
    box.append(element("h2", "", say(UNTRUE.indexOf(code) < 0 ? "undone" : "bad")), element("p", "", say(code)));
    return [box];
  }
  form.addEventListener("submit", event => {
    event.preventDefault();
    const proof = document.getElementById("proof").files[0], policy = document.getElementById("policy").files[0];
    verdict.textContent = say("busy");
    Promise.all([read(proof), policy ? read(policy).then(text) : ""]).then(parts => {
      if (typeof BigInt === "undefined" || typeof noble === "undefined") throw fault("old");
      const now = new Date(), two = number => ("0" + number).slice(-2);
      const today = now.getFullYear() + "-" + two(now.getMonth() + 1) + "-" + two(now.getDate());
      return show(check(parts[0], parts[1], place.dataset.key, document.getElementById("policy-key").value, today));
    }).catch(error => {
      const known = error.code && source.querySelector('[data-s="' + error.code + '"]');
      return refuse(known ? error.code : "shape");
    }).then(parts => { verdict.textContent = ""; parts.forEach(part => verdict.append(part)); verdict.focus(); });
  });
})();
