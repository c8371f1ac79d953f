import type { ExchangeView } from "@/api/bindings";

const quoted = (text: string) => `'${text.replaceAll("'", "'\\''")}'`;

/** A request as a command for a shell. Secrets in it have been replaced already. */
export function curl(exchange: ExchangeView): string {
  const parts = [`curl -X ${exchange.method} ${quoted(exchange.url)}`];
  for (const [name, value] of exchange.request_headers) {
    parts.push(`-H ${quoted(`${name}: ${value}`)}`);
  }
  if (exchange.request_body) {
    parts.push(`--data ${quoted(exchange.request_body)}`);
  }
  return parts.join(" \\\n  ");
}
