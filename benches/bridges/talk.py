"""The sender and the readers that every bridge is measured with: plain sockets, no library between.

A line is its number, the moment it was sent and filling up to `LINE_BYTES`. A reader keeps the
number, that moment and the moment of arrival; nothing is measured by a bridge's own word.
"""

import base64
import re
import socket
import threading
import time

LINE_BYTES = 80
READ_BYTES = 1 << 16
LINE = re.compile(r"n=(\d+) t=([0-9.]+)")


def line(number):
    """One line, stamped now."""
    return f"n={number} t={time.time():.6f} ".ljust(LINE_BYTES, ".")


class Seen:
    """What a reader saw: number, sent at, arrived at, in the order of arrival."""

    def __init__(self):
        self.lines = []

    def read(self, text):
        """Keeps every line in a text that came just now."""
        now = time.time()
        self.lines += [(int(n), float(t), now) for n, t in LINE.findall(text)]


def _reading(connection, ends, found):
    """Gives a connection's text to `found`, whole up to a mark, on a thread of its own."""
    def run():
        rest = b""
        while True:
            try:
                more = connection.recv(READ_BYTES)
            except OSError:
                return
            if not more:
                return
            rest += more
            cut = rest.rfind(ends)
            if cut >= 0:
                whole, rest = rest[:cut + len(ends)], rest[cut + len(ends):]
                found(whole.decode(errors="replace"))
    threading.Thread(target=run, daemon=True).start()


def _connected(port):
    """A connection on which every line leaves at once."""
    connection = socket.create_connection(("127.0.0.1", port), 10)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return connection


class XmppPerson:
    """Somebody in a room of an XMPP server (RFC 6120, XEP-0045)."""

    def __init__(self, port, name, domain, password):
        self.seen, self.domain, self._in = Seen(), domain, threading.Event()
        self._said = 0
        self._connection = _connected(port)
        self._open()
        secret = base64.b64encode(f"\0{name}\0{password}".encode()).decode()
        self._ask("<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>"
                  f"{secret}</auth>", "<success")
        self._open()
        self._ask("<iq type='set' id='b'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/></iq>",
                  "</iq>")
        self._connection.settimeout(None)
        self._send("<presence/>")
        _reading(self._connection, b">", self._found)

    def _open(self):
        self._ask(f"<stream:stream to='{self.domain}' version='1.0' xmlns='jabber:client' "
                  "xmlns:stream='http://etherx.jabber.org/streams'>", "</stream:features>")

    def _send(self, text):
        self._connection.sendall(text.encode())

    def _ask(self, text, until):
        self._send(text)
        answer = ""
        while until not in answer:
            more = self._connection.recv(READ_BYTES)
            if not more:
                raise RuntimeError(answer)
            answer += more.decode(errors="replace")

    def _found(self, text):
        if "code='110'" in text or 'code="110"' in text:
            self._in.set()
        self.seen.read(text)

    def enter(self, room, nick, seconds=30):
        """Enters a room, without what was said there."""
        self._in.clear()
        self._send(f"<presence to='{room}/{nick}'><x xmlns='http://jabber.org/protocol/muc'>"
                   "<history maxstanzas='0'/></x></presence>")
        if not self._in.wait(seconds):
            raise TimeoutError(f"not in {room}")
        self.room = room

    def name(self, subject):
        """Gives the room entered last a subject."""
        self._send(f"<message to='{self.room}' type='groupchat'>"
                   f"<subject>{subject}</subject></message>")

    def say(self, text):
        """Says something in the room entered last."""
        self._said += 1
        self._send(f"<message to='{self.room}' type='groupchat' id='s{self._said}'>"
                   f"<body>{text}</body></message>")


class IrcPerson:
    """Somebody in a channel of an IRC server (RFC 2812)."""

    def __init__(self, port, nick):
        self.seen, self.room, self._names = Seen(), None, threading.Event()
        self._connection = _connected(port)
        self._connection.settimeout(None)
        _reading(self._connection, b"\n", self._found)
        self._send(f"NICK {nick}\r\nUSER {nick} 0 * :{nick}\r\n")

    def _send(self, text):
        self._connection.sendall(text.encode())

    def _found(self, text):
        for one in text.splitlines():
            if one.startswith("PING"):
                self._send("PONG" + one[4:] + "\r\n")
            if " 366 " in one:
                self._names.set()
        self.seen.read(text)

    def enter(self, room, seconds=30):
        """Enters a channel."""
        deadline = time.monotonic() + seconds
        while not self._names.wait(1):
            if time.monotonic() > deadline:
                raise TimeoutError(f"not in {room}")
            self._send(f"JOIN {room}\r\n")
        self.room = room

    def say(self, text):
        """Says something in the channel."""
        self._send(f"PRIVMSG {self.room} :{text}\r\n")


def paced(person, count, per_second):
    """Says so many lines at an even pace."""
    begin = time.monotonic()
    for number in range(count):
        time.sleep(max(0.0, begin + number / per_second - time.monotonic()))
        person.say(line(number))


def burst(person, count):
    """Says so many lines as fast as they are taken."""
    for number in range(count):
        person.say(line(number))
