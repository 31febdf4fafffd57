// A mail server that keeps what it is sent, and hands each letter out once.
import PostalMime from 'postal-mime';
import { SMTPServer } from 'smtp-server';

const LIMIT_MS = 90_000;

export async function openMailbox() {
  const letters = [];
  const waiting = new Set();

  const server = new SMTPServer({
    authOptional: true,
    disabledCommands: ['AUTH', 'STARTTLS'],
    logger: false,
    onData(stream, session, done) {
      const chunks = [];
      stream.on('data', (chunk) => chunks.push(chunk));
      stream.once('end', () => {
        PostalMime.parse(Buffer.concat(chunks)).then((mail) => {
          const to = session.envelope.rcptTo.map((recipient) => recipient.address.toLowerCase());
          letters.push({ to, subject: mail.subject ?? '', text: mail.text ?? '', html: mail.html ?? '' });
          done();
          for (const look of [...waiting]) look();
        }, done);
      });
    },
  });
  await new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', resolve);
  });

  // The oldest letter to `address` that was not handed out yet (and that `fits`); waits for it to come.
  function next(address, fits = () => true) {
    return new Promise((resolve, reject) => {
      const look = () => {
        const at = letters.findIndex((letter) => letter.to.includes(address) && fits(letter));
        if (at < 0) return;
        clearTimeout(limit);
        waiting.delete(look);
        resolve(letters.splice(at, 1)[0]);
      };
      const limit = setTimeout(() => {
        waiting.delete(look);
        const there = letters.map((letter) => `${letter.to}: ${letter.subject}`).join('; ') || 'none';
        reject(new Error(`no letter came to ${address}; unread: ${there}`));
      }, LIMIT_MS);
      waiting.add(look);
      look();
    });
  }

  return {
    port: server.server.address().port,
    next,
    // The code of the next letter that carries one, as it stands first in the subject: "482 139 is your …".
    async code(address) {
      const { subject } = await next(address, (letter) => CODE.test(letter.subject));
      return CODE.exec(subject).slice(1).join('');
    },
    // Letters to `address` that were not handed out.
    unread: (address) => letters.filter((letter) => letter.to.includes(address)),
    close: () => new Promise((resolve) => server.close(resolve)),
  };
}

const CODE = /^(\d{3})\s(\d{3}) is your .+ code$/;
