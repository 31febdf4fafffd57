// A program that a test started: its log, its end. Only ever stopped by its own handle.
import { spawn } from 'node:child_process';

const LOG_KEPT = 256 * 1024;
const running = new Set();
process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});

export class Child {
  constructor(name, command, args, { cwd, env }) {
    this.name = name;
    this.log = '';
    this.process = spawn(command, args, {
      cwd,
      env: { PATH: process.env.PATH, HOME: cwd, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    running.add(this.process);
    for (const stream of [this.process.stdout, this.process.stderr]) {
      stream.setEncoding('utf8').on('data', (text) => (this.log = (this.log + text).slice(-LOG_KEPT)));
    }
    this.ended = new Promise((resolve) => {
      this.process.once('error', (error) => resolve(`could not start: ${error.message}`));
      this.process.once('close', (code, signal) => resolve(`ended with ${signal ?? `code ${code}`}`));
    }).then((how) => {
      running.delete(this.process);
      this.how = how;
      return how;
    });
  }

  get pid() {
    return this.process.pid;
  }

  // Asks `ready` again and again until it is true; the child's end or the time limit stops the wait.
  async until(ready, limitMs = 120_000) {
    const deadline = Date.now() + limitMs;
    while (!(await ready().catch(() => false))) {
      if (this.how) throw new Error(`${this.name} ${this.how}:\n${this.log}`);
      if (Date.now() > deadline) throw new Error(`${this.name} was not ready after ${limitMs} ms:\n${this.log}`);
      await new Promise((resolve) => setTimeout(resolve, 25));
    }
  }

  // A polite request to end, then none.
  async stop() {
    this.process.kill('SIGTERM');
    const insist = setTimeout(() => this.process.kill('SIGKILL'), 8_000);
    await this.ended;
    clearTimeout(insist);
  }

  // `kill -9`: nothing gets a chance to be written.
  async crash() {
    this.process.kill('SIGKILL');
    await this.ended;
  }
}
