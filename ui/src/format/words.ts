/** A category of connectors as a heading: "CRM", "Newsletter". */
export function category(name: string): string {
  return name.length <= 3 ? name.toUpperCase() : name.charAt(0).toUpperCase() + name.slice(1);
}
