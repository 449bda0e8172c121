// `node --import ./loopback.js …`: SITE is on this machine, its ports 80 and 443 are HTTP_PORT and
// HTTPS_PORT, and there is nothing else.
import net from "node:net";

const { SITE, HTTP_PORT, HTTPS_PORT } = process.env;
const PORTS = { 80: HTTP_PORT, 443: HTTPS_PORT };
const connect = net.Socket.prototype.connect;

net.Socket.prototype.connect = function (...args) {
  const options = Array.isArray(args[0]) ? args[0][0] : args[0];
  if (options.host === SITE) {
    options.port = PORTS[options.port] ?? options.port;
    options.lookup = (_name, { all }, done) =>
      all ? done(null, [{ address: "127.0.0.1", family: 4 }]) : done(null, "127.0.0.1", 4);
  } else if (!["127.0.0.1", "localhost", undefined].includes(options.host)) {
    throw new Error(`a scanner wants to connect to ${options.host}`);
  }
  return connect.apply(this, args);
};
