// Certificates that nobody vouches for, and how browsers are told to take them.

import { createHash, X509Certificate } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startServer } from "./server.js";

/**
 * A certificate for 127.0.0.1, as -lan makes one.
 * @returns the files, what makes a Chromium take it (and no other), and how to remove it
 */
export async function makeCertificate() {
  const folder = mkdtempSync(join(tmpdir(), "ringfork-certificate-"));
  const server = await startServer({ data: folder, args: ["-lan"] });
  await server.stop();
  const [cert, key] = [join(folder, "lan.crt"), join(folder, "lan.key")];
  const spki = new X509Certificate(readFileSync(cert)).publicKey.export({ type: "spki", format: "der" });
  return {
    cert,
    key,
    flag: `--ignore-certificate-errors-spki-list=${createHash("sha256").update(spki).digest("base64")}`,
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}
