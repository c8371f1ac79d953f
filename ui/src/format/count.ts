const THIN = "\u2009";

/** A whole number with thin spaces between thousands: 48 213. */
export function count(value: number): string {
  const sign = value < 0 ? "−" : "";
  const digits = Math.abs(Math.trunc(value)).toString();
  return sign + (digits.length < 4 ? digits : digits.replace(/\B(?=(\d{3})+$)/g, THIN));
}

/** "1 record", "5 000 records". */
export function counted(value: number, one: string, many = `${one}s`): string {
  return `${count(value)} ${value === 1 ? one : many}`;
}

/** A size on disk: "12 MB". */
export function bytes(value: number): string {
  const units = ["B", "KB", "MB", "GB", "TB"];
  let size = Math.max(0, value);
  let unit = 0;
  while (size >= 1024 && unit < units.length - 1) {
    size /= 1024;
    unit += 1;
  }
  const shown =
    size >= 10 || unit === 0 ? Math.round(size).toString() : size.toFixed(1).replace(".0", "");
  return `${shown} ${units[unit]}`;
}

/** A share in whole percent; never 0 or 100 unless it is exactly that. */
export function percent(part: number, whole: number): number {
  if (whole <= 0 || part <= 0) {
    return 0;
  }
  if (part >= whole) {
    return 100;
  }
  return Math.min(99, Math.max(1, Math.round((part / whole) * 100)));
}
