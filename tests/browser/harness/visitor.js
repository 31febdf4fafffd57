// A person with a browser of their own and one device, and what people do at the gateway's pages.
import { Device } from './device.js';
import { send } from './loopback.js';

const STEP_LIMIT_MS = 90_000;

export class Visitor {
  static async enter(world, { passkeys = [], browser = world.browser, context: given, ...contextOptions } = {}) {
    const context = given ?? (await browser.newContext(contextOptions));
    const page = await context.newPage();
    page.setDefaultTimeout(STEP_LIMIT_MS);
    const visitor = new Visitor(world, context, page);
    if (contextOptions.javaScriptEnabled !== false) visitor.device = await Device.beside(page, passkeys);
    return visitor;
  }

  constructor(world, context, page) {
    this.world = world;
    this.context = context;
    this.page = page;
    this.troubles = [];
    context.on('weberror', (error) => this.troubles.push(`script error: ${error.error()}`));
    context.on('console', (message) => {
      if (/content security policy|trusted ?types?/i.test(message.text())) this.troubles.push(message.text());
    });
    context.on('request', (request) => {
      const { origin, protocol } = new URL(request.url());
      if (/^(https?|wss?):$/.test(protocol) && !world.origins.includes(origin.replace(/^ws/, 'http'))) {
        this.troubles.push(`a request to another origin: ${request.url()}`);
      }
    });
  }

  leave() {
    return this.context.close();
  }

  // What stands on the page, by role and name.
  button(name) {
    return this.page.getByRole('button', { name, exact: true });
  }
  link(name) {
    return this.page.getByRole('link', { name, exact: true });
  }
  get email() {
    return this.page.getByLabel('Email address', { exact: true });
  }
  get codeField() {
    return this.page.getByLabel('6-digit code', { exact: true });
  }
  get shortCode() {
    return this.page.locator('.short').filter({ hasText: /^[0-9A-Z]{4}-[0-9A-Z]{4}$/ });
  }
  get alert() {
    return this.page.getByRole('alert');
  }

  // `path` is one of the gateway's origin, or a whole address.
  goto(path) {
    return this.page.goto(this.whole(path));
  }

  // Waits until `text` stands on the card.
  reads(text) {
    return this.page.locator('main').getByText(text).first().waitFor();
  }

  // Waits for the page's one heading.
  heading(name) {
    return this.page.getByRole('heading', { level: 1, name, exact: typeof name === 'string' }).waitFor();
  }

  // Waits until the browser stands at exactly this path of the gateway's origin, or at this whole address.
  at(path) {
    return this.page.waitForURL(this.whole(path), { waitUntil: 'load' });
  }

  whole(path) {
    return path.startsWith('/') ? this.world.origin + path : path;
  }

  // From a protected page to the code page, as a visitor without an account.
  async askToRegister(email, path = '/') {
    await this.goto(path);
    await this.heading('Sign in');
    await this.link('Create an account').click();
    await this.heading('Create your account');
    await this.email.fill(email);
    await this.device.touched(async () => {
      await this.button('Continue').click();
      await this.heading('Check your email');
    });
  }

  async enterCode(code) {
    await this.codeField.fill(code);
    await this.button('Continue').click();
  }

  // The whole way: a visitor asks for `path`, makes an account, and is there.
  async register(email, path = '/') {
    await this.askToRegister(email, path);
    await this.enterCode(await this.world.mailbox.code(email));
    await this.at(path);
  }

  async signInByEmail(email, path = '/') {
    await this.goto(path);
    await this.heading('Sign in');
    await this.email.fill(email);
    await this.device.touched(async () => {
      await this.button('Continue').click();
      await this.at(path);
    });
  }

  // Presses `name` and makes the passkey that the device then asks for; ends at `path`.
  createPasskey(path, name = 'Create passkey') {
    return this.confirm(name, path);
  }

  // Presses `name` and answers what the device then asks; ends at `path`.
  async confirm(name, path) {
    await this.device.touched(async () => {
      await this.button(name).click();
      await this.at(path);
    });
  }

  // Presses `name` and turns down what the device then asks: nothing was changed.
  async decline(name) {
    await this.device.declined(async () => {
      await this.button(name).click();
      await this.reads('Nothing was changed.');
    });
  }

  // Presses `name` and shows the passkey that the device then asks for; ends under the heading `next`.
  async usePasskey(name, next) {
    await this.device.touched(async () => {
      await this.button(name).click();
      await this.heading(next);
    });
  }

  // Types the code that a new device shows, on the page where it is approved.
  async bringCodeOf(device, path = '/_bmauth/link') {
    await device.shortCode.waitFor();
    await this.goto(path);
    await this.heading('Connect a device');
    await this.page.getByLabel('Code', { exact: true }).fill(await device.shortCode.innerText());
    await this.button('Continue').click();
    await this.heading('Is this you signing in?');
  }

  // Holds a WebSocket to the app open, in a tab of its own; resolves when it is open, to what waits for its end.
  async openSocket() {
    const tab = await this.context.newPage();
    await tab.goto(`${this.world.origin}/public`);
    await tab.evaluate(() => new Promise((resolve, reject) => {
      const socket = new WebSocket('/ws');
      socket.onmessage = resolve;
      socket.onerror = reject;
      socket.onclose = () => (window.ended = true);
    }));
    return { ends: () => tab.waitForFunction(() => window.ended) };
  }

  async signOut() {
    await this.goto('/_bmauth/sign-out');
    await this.heading('Sign out?');
    await this.button('Sign out').click();
    await this.heading(/^You.re signed out$/);
  }

  // The gateway's own cookie of this name, or undefined.
  async cookie(name = 'bmauth') {
    const all = await this.context.cookies(this.world.origin);
    return all.find((cookie) => cookie.name === name);
  }

  // A plain request with this visitor's cookies, past the browser; see loopback.js.
  async send(path, { headers = [], ...options } = {}) {
    const cookies = await this.context.cookies(this.world.origin);
    const line = cookies.map(({ name, value }) => `${name}=${value}`).join('; ');
    return send(this.world.origin, path, { headers: ['Cookie', line, ...headers], ...options });
  }
}
