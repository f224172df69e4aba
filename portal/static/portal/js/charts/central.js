/* Central time on the axes: ERCOT's clock, with the day on which an hour is there twice. */

const MINUTE = 60e3;
export const HOUR = 60 * MINUTE;
const TICK_STEPS = [15, 30, 60, 120, 180, 360, 720, 1440].map((minutes) => minutes * MINUTE);

const parts = new Intl.DateTimeFormat("en-US", {
  timeZone: "America/Chicago",
  hourCycle: "h23",
  weekday: "short",
  day: "numeric",
  hour: "2-digit",
  minute: "2-digit",
  timeZoneName: "short",
});

export function central(at) {
  const found = {};
  for (const { type, value } of parts.formatToParts(at)) found[type] = value;
  return { ...found, clock: `${found.hour}:${found.minute}`, minutes: Number(found.hour) * 60 + Number(found.minute) };
}

/* `15:00`; `Wed 19` at midnight; the hour that is there twice with its zone, `01:00 CST`. */
export function hourWords(at) {
  const here = central(at);
  if (here.minutes === 0) return `${here.weekday} ${here.day}`;
  const twice = [-HOUR, HOUR].some((by) => central(at + by).clock === here.clock);
  return twice ? `${here.clock} ${here.timeZoneName}` : here.clock;
}

/* On round hours of Central time; stepping in UTC, so the repeated hour stands there twice. */
export function ticks(from, to, most) {
  const step = TICK_STEPS.find((length) => (to - from) / length <= most) ?? TICK_STEPS.at(-1);
  const stride = Math.min(step, HOUR);
  const found = [];
  for (let at = Math.ceil(from / stride) * stride; at <= to; at += stride) {
    if ((central(at).minutes * MINUTE) % step === 0) found.push(at);
  }
  return found;
}
