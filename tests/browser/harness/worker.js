// The service worker of an app, which tells what it has seen of its pages.

// Has it control the page, and every other of its scope, before anything else is loaded.
export const watch = (page, script, options) => page.evaluate(async ([script, options]) => {
  const taken = new Promise((resolve) => navigator.serviceWorker.addEventListener('controllerchange', resolve, { once: true }));
  await navigator.serviceWorker.register(script, options);
  await taken;
}, [script, options]);

export const seenBy = (page) => page.evaluate(() => new Promise((resolve) => {
  const { port1, port2 } = new MessageChannel();
  port1.onmessage = ({ data }) => resolve(data);
  navigator.serviceWorker.controller.postMessage('seen', [port2]);
}));
