// Loaded before the server, which listens on every interface and has no setting for it: here it listens on this machine
// alone, and says so.

const { Server } = require('node:net');

const listen = Server.prototype.listen;

Server.prototype.listen = function (port, ...others) {
  if (!/^[0-9]+$/.test(port)) {
    throw new Error(`not a port: ${port}`);
  }
  this.once('listening', () => console.log(`listening on 127.0.0.1:${port}`));
  const host = '127.0.0.1';
  return listen.call(this, { port: Number(port), host }, ...others.filter((other) => typeof other === 'function'));
};
