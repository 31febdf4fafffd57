// Moments in the reader's own time zone; without this script they are told in UTC.

const { lang } = document.documentElement;
const locale = navigator.languages.find((one) => one.split("-")[0] === lang) ?? lang;
const day = { day: "numeric", month: "short" };
const formats = {
  day: new Intl.DateTimeFormat(locale, { ...day, year: "numeric" }),
  minute: new Intl.DateTimeFormat(locale, { ...day, hour: "numeric", minute: "2-digit" }),
};

for (const time of document.querySelectorAll("time[data-time]")) {
  time.textContent = formats[time.dataset.time].format(new Date(time.dateTime));
}
