// BMAuth's answer to a browser that asks for the service worker of an app while nobody is signed in here. The app's worker
// may answer every page from what it has kept; this one takes its place, ends, and lets the network answer.
addEventListener("install", () => skipWaiting());
addEventListener("activate", (event) => event.waitUntil(end()));

async function end() {
  // First, so that the windows below are not answered by a worker again.
  await registration.unregister();
  // Kept pages are not for the next person at this device. Databases stay: they may hold what was not sent yet.
  const names = await caches.keys();
  await Promise.allSettled(names.map((name) => caches.delete(name)));
  // Only windows that had the app's worker, so that no page loads itself without an end.
  const windows = await clients.matchAll({ type: "window" });
  await Promise.allSettled(windows.map((window) => window.navigate(window.url)));
}
