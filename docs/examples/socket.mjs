// Minimal client of the WebSocket: sends each line of standard input, prints each received message. Ctrl-C stops it.
//
//   node --experimental-websocket docs/examples/socket.mjs http://127.0.0.1:8080 ACCESS_TOKEN
//
// Node 22 and newer need no flag.
import { createInterface } from 'node:readline';

const [server, token] = process.argv.slice(2);
if (!token) {
  console.error('usage: socket.mjs http://HOST:PORT ACCESS_TOKEN');
  process.exit(2);
}
const socket = new WebSocket(`${server.replace(/^http/, 'ws').replace(/\/$/, '')}/ws/staff/`, ['bearer', token]);
socket.onopen = () => createInterface({ input: process.stdin }).on('line', (line) => socket.send(line));
socket.onmessage = (message) => console.log(message.data);
socket.onerror = () => console.error('The connection failed: is the server running, and the token younger than 15 minutes?');
socket.onclose = ({ code }) => process.exit(code === 1000 ? 0 : 1);
