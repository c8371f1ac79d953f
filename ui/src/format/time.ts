const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

const clock = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit" });
const day = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short" });
const dayAndYear = new Intl.DateTimeFormat("en-GB", {
  day: "numeric",
  month: "short",
  year: "numeric",
});
const full = new Intl.DateTimeFormat("en-GB", {
  weekday: "short",
  day: "numeric",
  month: "short",
  year: "numeric",
  hour: "2-digit",
  minute: "2-digit",
  second: "2-digit",
  timeZoneName: "short",
});

/** How long ago or ahead, in words: "3 min ago", "in 2 h", "12 Mar". */
export function relative(at: number, now: number): string {
  const distance = now - at;
  const away = Math.abs(distance);
  if (away < 10 * SECOND) {
    return "now";
  }
  if (away >= 7 * DAY) {
    const sameYear = new Date(at).getFullYear() === new Date(now).getFullYear();
    return (sameYear ? day : dayAndYear).format(at);
  }
  const text =
    away < MINUTE
      ? `${Math.floor(away / SECOND)} s`
      : away < HOUR
        ? `${Math.floor(away / MINUTE)} min`
        : away < DAY
          ? `${Math.floor(away / HOUR)} h`
          : `${Math.floor(away / DAY)} d`;
  return distance < 0 ? `in ${text}` : `${text} ago`;
}

/** The exact moment, for tooltips. */
export function exact(at: number): string {
  return full.format(at);
}

/** The time of day, with the day where it is not today: "14:15", "21 Nov 14:15". */
export function moment(at: number, now: number): string {
  const sameDay = new Date(at).toDateString() === new Date(now).toDateString();
  return sameDay ? clock.format(at) : `${day.format(at)} ${clock.format(at)}`;
}

/** How long something took: "85 ms", "2.1 s", "3 min 20 s". */
export function duration(ms: number): string {
  if (ms < 1) {
    return "under 1 ms";
  }
  if (ms < SECOND) {
    return `${Math.round(ms)} ms`;
  }
  if (ms < MINUTE) {
    const seconds = ms / SECOND;
    return seconds < 10 ? `${seconds.toFixed(1)} s` : `${Math.floor(seconds)} s`;
  }
  if (ms < HOUR) {
    const seconds = Math.floor((ms % MINUTE) / SECOND);
    return `${Math.floor(ms / MINUTE)} min${seconds > 0 ? ` ${seconds} s` : ""}`;
  }
  const minutes = Math.floor((ms % HOUR) / MINUTE);
  return `${Math.floor(ms / HOUR)} h${minutes > 0 ? ` ${minutes} min` : ""}`;
}
