"""A server over TLS, in front of one without: it shows a certificate, decrypts, and forwards. It can also do without encryption.

The certificates are made anew each time, by an authority of their own, and are valid for an hour.
"""

import datetime as dt
import ipaddress
import selectors
import socket
import ssl
import threading
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

SSL_REQUEST = bytes.fromhex("0000000804d2162f")
"""What a PostgreSQL client sends before it encrypts. The server answers S, or N if it does not encrypt."""
HANDSHAKE_SECONDS, POLL_SECONDS, CHUNK_BYTES = 10.0, 0.2, 65_536


class Authority:
    """An authority that signs certificates for servers.

    Args:
        folder: where its certificate and those that it signs are written.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._key, self._name = ec.generate_private_key(ec.SECP256R1()), _name("votecheck authority")
        self.certificate = self._write("ca.pem", _builder(self._name, self._name, self._key, self._key).sign(self._key, hashes.SHA256()))

    def server(self, address: str) -> ssl.SSLContext:
        """Return what a server at an IP address needs, with a certificate signed by this authority."""
        key = ec.generate_private_key(ec.SECP256R1())
        names = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(address))])
        signed = _builder(_name("votecheck server"), self._name, key, self._key).add_extension(names, critical=False)
        chain = self._write("server.pem", signed.sign(self._key, hashes.SHA256()), key)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(chain)
        return context

    def _write(self, name: str, certificate: x509.Certificate, key: ec.EllipticCurvePrivateKey | None = None) -> Path:
        self._folder.mkdir(parents=True, exist_ok=True)
        data = certificate.public_bytes(serialization.Encoding.PEM)
        if key is not None:
            data += key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        file = self._folder / name
        file.write_bytes(data)
        return file


@dataclass
class TlsServer:
    """A server at a free port of an address.

    Attributes:
        upstream: host and port of the server without TLS.
        context: certificate and key; None to do without encryption.
        clear: what clients sent without encryption.
        decrypted: the number of bytes that clients sent encrypted.
        connections: the number of connections that clients have opened.
    """

    upstream: tuple[str, int]
    host: str
    context: ssl.SSLContext | None
    clear: bytearray = field(default_factory=bytearray)
    decrypted: int = 0
    connections: int = 0

    def __post_init__(self) -> None:
        self._ended = threading.Event()
        self._listening = socket.create_server((self.host, 0))
        self._listening.settimeout(POLL_SECONDS)
        self._threads = [threading.Thread(target=self._accept, daemon=True)]
        self._threads[0].start()

    @property
    def port(self) -> int:
        """The port that it listens at."""
        return int(self._listening.getsockname()[1])

    def close(self) -> None:
        """Close every connection, and wait until no thread is left."""
        self._ended.set()
        for thread in self._threads:
            thread.join(HANDSHAKE_SECONDS)
        self._listening.close()

    def _accept(self) -> None:
        while not self._ended.is_set():
            with suppress(TimeoutError):
                connection, _ = self._listening.accept()
                self.connections += 1
                thread = threading.Thread(target=self._serve, args=(connection,), daemon=True)
                self._threads.append(thread)
                thread.start()

    def _serve(self, plain: socket.socket) -> None:
        with plain, suppress(OSError):
            plain.settimeout(HANDSHAKE_SECONDS)
            client = self._begin(plain)
            with client, socket.create_connection(self.upstream, HANDSHAKE_SECONDS) as server:
                self._forward(client, server)

    def _begin(self, plain: socket.socket) -> socket.socket:
        if plain.recv(len(SSL_REQUEST), socket.MSG_PEEK) == SSL_REQUEST:
            plain.recv(len(SSL_REQUEST))
            plain.sendall(b"N" if self.context is None else b"S")
        if self.context is None:
            return plain
        if plain.recv(1, socket.MSG_PEEK)[:1] != b"\x16":  # not the first byte of a TLS handshake
            self.clear += plain.recv(CHUNK_BYTES)
            raise ConnectionAbortedError
        return self.context.wrap_socket(plain, server_side=True)

    def _forward(self, client: socket.socket, server: socket.socket) -> None:
        with selectors.DefaultSelector() as watched:
            watched.register(client, selectors.EVENT_READ, server)
            watched.register(server, selectors.EVENT_READ, client)
            while not self._ended.is_set():
                for key, _ in watched.select(POLL_SECONDS):
                    source: socket.socket = key.fileobj  # type: ignore[assignment] # the sockets registered above
                    if not self._pass_on(source, key.data, sent_by_client=source is client):
                        return

    def _pass_on(self, source: socket.socket, target: socket.socket, *, sent_by_client: bool) -> bool:
        data = source.recv(CHUNK_BYTES)
        while isinstance(source, ssl.SSLSocket) and source.pending():
            data += source.recv(CHUNK_BYTES)
        if sent_by_client and self.context is None:
            self.clear += data
        elif sent_by_client:
            self.decrypted += len(data)
        if data:
            target.sendall(data)
        return bool(data)


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey, issuer_key: ec.EllipticCurvePrivateKey
) -> x509.CertificateBuilder:
    """Return a certificate to sign, with all that RFC 5280 wants: Python 3.13 refuses one without."""
    now, authority = dt.datetime.now(dt.UTC), key is issuer_key
    hour = dt.timedelta(hours=1)
    uses = dict.fromkeys(
        ("content_commitment", "key_encipherment", "data_encipherment", "key_agreement", "encipher_only", "decipher_only"), False
    )
    usage = x509.KeyUsage(digital_signature=not authority, key_cert_sign=authority, crl_sign=authority, **uses)
    return (
        x509.CertificateBuilder(subject_name=subject, issuer_name=issuer, public_key=key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - hour)
        .not_valid_after(now + hour)
        .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key()), critical=False)
    )
