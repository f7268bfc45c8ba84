"""A Dovecot of our own on loopback with one mailbox, and a mail server that keeps what it takes."""

import email
import email.policy
import grp
import imaplib
import os
import pathlib
import pwd
import ssl
import subprocess

from aiosmtpd.controller import Controller

import harness

USER = "ieum@town.test"
PASSWORD = "a-password"

CONFIGURATION = """
base_dir = {folder}/run
state_dir = {folder}/run
log_path = {folder}/dovecot.log
protocols = imap
listen = 127.0.0.1
ssl = yes
ssl_cert = <{folder}/certificate.pem
ssl_key = <{folder}/key.pem
disable_plaintext_auth = no
default_login_user = {login}
default_internal_user = {user}
default_internal_group = {group}
first_valid_uid = {uid}
first_valid_gid = {gid}
mail_location = maildir:{folder}/mail
mail_uid = {uid}
mail_gid = {gid}
service imap-login {{
  chroot =
  inet_listener imap {{
    port = {port}
  }}
  inet_listener imaps {{
    port = {secured_port}
    ssl = yes
  }}
}}
service anvil {{
  chroot =
}}
passdb {{
  driver = static
  args = password={password}
}}
userdb {{
  driver = static
  args = uid={uid} gid={gid} home={folder}/home
}}
"""


def certify(folder):
    """An authority of our own (`authority.pem`), and a certificate of it for localhost."""
    folder = pathlib.Path(folder)
    (folder / "names").write_text("subjectAltName=DNS:localhost")
    key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    for command in (
        ["req", "-x509", *key, "-keyout", "authority.key", "-out", "authority.pem", "-days", "2",
         "-subj", "/CN=town"],
        ["req", *key, "-keyout", "key.pem", "-out", "request", "-subj", "/CN=localhost"],
        ["x509", "-req", "-in", "request", "-CA", "authority.pem", "-CAkey", "authority.key",
         "-CAcreateserial", "-days", "2", "-extfile", "names", "-out", "certificate.pem"],
    ):
        subprocess.run(["openssl", *command], cwd=folder, check=True, capture_output=True)


class Dovecot:
    """One server; it can be stopped and started again over the same mailbox."""

    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self.port = harness.free_port()
        self.secured_port = harness.free_port()
        self.folder.mkdir(parents=True)
        certify(self.folder)
        os.chmod(self.folder.parent, 0o755)
        own = pwd.getpwuid(os.getuid())
        # Its parts refuse to run as root; the package brings users for them.
        login, reader = ("dovenull", pwd.getpwnam("dovecot")) if own.pw_uid == 0 else (
            own.pw_name, own)
        for name in ("mail", "home"):
            (self.folder / name).mkdir()
            os.chown(self.folder / name, reader.pw_uid, reader.pw_gid)
        text = CONFIGURATION.format(
            folder=self.folder, login=login, user=reader.pw_name,
            group=grp.getgrgid(reader.pw_gid).gr_name, uid=reader.pw_uid, gid=reader.pw_gid,
            port=self.port, secured_port=self.secured_port, password=PASSWORD)
        self.configuration = self.folder / "dovecot.conf"
        self.configuration.write_text(text)
        self._process = None

    def start(self):
        """Starts it, and returns once it takes readers."""
        log = open(self.folder / "out.log", "ab")
        command = ["dovecot", "-F", "-c", self.configuration]
        self._process = subprocess.Popen(command, stdout=log, stderr=log)
        if not harness.eventually(lambda: harness.listens(self.port), 15):
            raise RuntimeError((self.folder / "out.log").read_text())

    def stop(self):
        """Ends it by its id."""
        if self._process:
            self._process.terminate()
            self._process.wait(timeout=15)
            self._process = None

    def bring(self, letter):
        """Puts a letter into the mailbox, as a mail exchanger would."""
        with imaplib.IMAP4("127.0.0.1", self.port) as mailbox:
            mailbox.login(USER, PASSWORD)
            state, _ = mailbox.append("INBOX", None, None, letter.as_bytes())
            assert state == "OK", state

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_error):
        self.stop()


class PostOffice:
    """Takes every letter, keeps it, and can refuse a recipient or put one off."""

    def __init__(self, certified):
        self.letters = []
        self._tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        self._tls.load_cert_chain(f"{certified}/certificate.pem", f"{certified}/key.pem")
        self.answers = {}
        self.port = harness.free_port()
        self._controller = None

    async def handle_RCPT(self, _server, _session, envelope, address, _options):
        answers = self.answers.get(address, [])
        if answers:
            return answers.pop(0)
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, _server, _session, envelope):
        letter = email.message_from_bytes(envelope.content, policy=email.policy.default)
        self.letters.append((envelope.rcpt_tos, letter))
        return "250 OK"

    def to(self, address):
        """The letters to somebody."""
        return [letter for recipients, letter in list(self.letters) if address in recipients]

    def start(self):
        """Opens."""
        self._controller = Controller(
            self, hostname="127.0.0.1", port=self.port, ssl_context=self._tls)
        self._controller.start()

    def stop(self):
        """Closes."""
        if self._controller:
            self._controller.stop()
            self._controller = None
